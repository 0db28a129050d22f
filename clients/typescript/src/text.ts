import { fromBinary, fromJson, toJson, type JsonObject, type MessageType } from "./codec/index.js";
import type { Framing } from "./dialect.js";
import type { Headers, RequestResult } from "./wire.js";
import { PsdError } from "./error.js";

const LENIENT = { ignoreUnknown: true };

interface Envelope {
  readonly headers: JsonObject;
  readonly body?: JsonObject | null;
  readonly seq?: number | string;
}

/**
 * Frames of JSON: `psd.v1.json`, or classic. Loaded when one of them is spoken. Messages are handed over: esbuild, if it
 * may not split a bundle, forgets what a module imports that is loaded both at once and later.
 */
export const text = (isClassic: boolean, headersType: MessageType<Headers>, resultType: MessageType<RequestResult>): Framing<string, Envelope> => ({
  encode({ type, descriptor, value, body, uuid, authHeader, ack = false, retryCount = 0, apiVersion, deadlineMs, at }, seq, seen) {
    if (body && !descriptor) throw new PsdError("unreadable", `\`${type}\` is not known here: name it in the option \`contract\``);
    const localTime = Date.now();
    const eventTime = at ?? localTime;
    const names = isClassic ? "classic" : "proto3";
    return JSON.stringify({
      headers: { messageType: type, uuid, authHeader, ack, retryCount, apiVersion, deadlineMs, eventTime, localTime },
      body: descriptor ? toJson(descriptor, body ? fromBinary(descriptor, body) : value, { names }) : {},
      ...(!isClassic && { seq, seen }),
    });
  },
  *split(frame: string) {
    yield* [JSON.parse(frame)].flat();
  },
  read(envelope) {
    const headers = fromJson(headersType, envelope.headers, LENIENT);
    const type = headers.messageType;
    const body = envelope.body ?? {};
    const isAck = isClassic && type === "ack";
    return {
      type,
      // A classic ack names its request in its body.
      uuid: headers.uuid || (isAck ? String(body["uuid"] ?? "") : ""),
      seq: Number(envelope.seq ?? 0),
      result: isAck ? fromJson(resultType, body, LENIENT) : headers.result,
      read: (descriptor) => fromJson(descriptor, body, LENIENT),
    };
  },
});
