import { create, fromBinary, fromJson, toBinary, toJson, type JsonObject, type MessageType } from "./codec/index.js";
import { Envelope, Headers, RequestResult } from "./common/v1.js";
import { PsdError } from "./error.js";

/** How the client and the server talk: docs/PROTOCOL.md. */
export type Dialect = "psd.v1.proto" | "psd.v1.json" | "classic";

/** A message on its way to the server. Without a description and a body, it has none. */
export interface Outgoing {
  readonly type: string;
  readonly descriptor?: MessageType | undefined;
  readonly value?: unknown;
  /** Its protobuf bytes, where `value` is missing. */
  readonly body?: Uint8Array | undefined;
  readonly uuid?: string | undefined;
  readonly token?: string | undefined;
  readonly ack?: boolean;
  readonly retries?: number;
  /** When it happened: milliseconds since 1970. */
  readonly at?: number;
  /** How many milliseconds an answer is still wanted (v1). */
  readonly deadline?: number | undefined;
}

/** A message that came. */
export interface Incoming {
  readonly type: string;
  /** The uuid of the request that it belongs to, or nothing. */
  readonly uuid: string;
  readonly seq: number;
  /** How that request ended, if this is its last message. */
  readonly result: RequestResult | undefined;
  /** Its body; throws where it is no such message. */
  read<T>(type: MessageType<T>): T;
}

const LENIENT = { ignoreUnknown: true };

/** A frame with one envelope. */
export function encode(dialect: Dialect, message: Outgoing, seq: number, seen: number, apiVersion: number | undefined): string | Uint8Array {
  const { type, descriptor, value, body, uuid, token, ack, retries = 0, deadline } = message;
  const localTime = Date.now();
  const eventTime = message.at ?? localTime;
  const headers = { messageType: type, uuid, authHeader: token, ack: Boolean(ack), retryCount: retries, apiVersion, deadlineMs: deadline };
  if (dialect === "psd.v1.proto") {
    const envelope = {
      headers: { ...headers, eventTime: BigInt(eventTime), localTime: BigInt(localTime) },
      body: body ?? (descriptor && toBinary(descriptor, value)),
      seq: BigInt(seq),
      seen: BigInt(seen),
    };
    // What is undefined is not written.
    return withLength(toBinary(Envelope, envelope as Envelope));
  }
  if (body && !descriptor) throw new PsdError("unreadable", `\`${type}\` is not known here: name it in the option \`messages\``);
  const classic = dialect === "classic";
  const names = classic ? "classic" : "proto3";
  return JSON.stringify({
    headers: { ...headers, eventTime, localTime },
    body: descriptor ? toJson(descriptor, body ? fromBinary(descriptor, body) : value, { names }) : {},
    ...(!classic && { seq, seen }),
  });
}

/** The envelopes of a frame; `unreadable` is told what cannot be read, and the rest is not lost. */
export function decode(dialect: Dialect, data: unknown, unreadable: (error: unknown) => void): Incoming[] {
  const incoming: Incoming[] = [];
  const attempt = (read: () => Incoming | void) => {
    try {
      const envelope = read();
      if (envelope) incoming.push(envelope);
    } catch (error) {
      unreadable(error);
    }
  };
  attempt(() => {
    if (typeof data === "string") {
      for (const envelope of [JSON.parse(data)].flat()) attempt(() => fromText(envelope, dialect === "classic"));
    } else {
      let rest = new Uint8Array(data as ArrayBuffer);
      while (rest.length) {
        const [start, end] = extent(rest);
        const bytes = rest.subarray(start, end);
        attempt(() => fromBytes(bytes));
        rest = rest.subarray(end);
      }
    }
  });
  return incoming;
}

function fromBytes(bytes: Uint8Array): Incoming {
  const { headers = create(Headers), body, seq } = fromBinary(Envelope, bytes);
  return { type: headers.messageType, uuid: headers.uuid, seq: Number(seq), result: headers.result, read: (type) => fromBinary(type, body) };
}

function fromText(envelope: { headers: JsonObject; body?: JsonObject | null; seq?: number | string }, classic: boolean): Incoming {
  const headers = fromJson(Headers, envelope.headers, LENIENT);
  const type = headers.messageType;
  const body = envelope.body ?? {};
  const isAck = classic && type === "ack";
  return {
    type,
    // A classic ack names its request in its body.
    uuid: headers.uuid || (isAck ? String(body["uuid"] ?? "") : ""),
    seq: Number(envelope.seq ?? 0),
    result: isAck ? fromJson(RequestResult, body, LENIENT) : headers.result,
    read: (descriptor) => fromJson(descriptor, body, LENIENT),
  };
}

/** A frame of `psd.v1.proto`: the envelope behind its length as a varint. */
function withLength(envelope: Uint8Array): Uint8Array {
  const frame: number[] = [];
  let rest = envelope.length;
  for (; rest > 127; rest >>>= 7) frame.push((rest & 127) | 128);
  const bytes = new Uint8Array(frame.push(rest) + envelope.length);
  bytes.set(frame);
  bytes.set(envelope, frame.length);
  return bytes;
}

/** Where the first envelope of a frame begins and ends. */
function extent(frame: Uint8Array): [start: number, end: number] {
  let length = 0;
  let at = 0;
  let byte: number;
  do {
    // A sixth byte is none of a length that fits.
    byte = at < 5 ? (frame[at] ?? 128) : 0;
    length += (byte & 127) * 2 ** (7 * at++);
  } while (byte > 127);
  if (at > 5 || at + length > frame.length) throw new RangeError("an envelope does not fit its frame");
  return [at, at + length];
}
