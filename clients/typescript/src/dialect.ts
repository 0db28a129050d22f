import { create, fromBinary, fromJson, toBinary, toJson, type JsonValue, type MessageType } from "./codec/index.js";
import { Envelope, Headers } from "./common/v1.js";
import { PsdError } from "./error.js";

/** How the client and the server talk: docs/PROTOCOL.md. */
export type Dialect = "psd.v1.proto" | "psd.v1.json" | "classic";

/** A message on its way to the server. */
export interface Outgoing {
  readonly type: string;
  /** Its description; may be missing where `body` is there. */
  readonly descriptor: MessageType | undefined;
  readonly value?: unknown;
  /** Its protobuf bytes, where `value` is missing. */
  readonly body?: Uint8Array | undefined;
  readonly uuid?: string | undefined;
  readonly token?: string | undefined;
  readonly ack?: boolean;
  readonly retries?: number;
  /** When it happened: milliseconds since 1970. */
  readonly at?: number;
  /** How many milliseconds an answer is still wanted. */
  readonly deadline?: number | undefined;
}

/** What travels with every message of a connection. */
export interface Numbering {
  readonly seq?: number;
  readonly seen?: number;
  readonly apiVersion?: number;
}

/** A message that came. */
export interface Incoming {
  readonly type: string;
  readonly uuid: string | undefined;
  readonly seq: number;
  /** How the request ended that it belongs to, if this is its last message. */
  readonly result: { readonly code: number | undefined; readonly message: string } | undefined;
  /** Its body; throws where it is no such message. */
  read<T>(type: MessageType<T>): T;
}

/** A frame with one envelope. */
export function encode(dialect: Dialect, message: Outgoing, { seq = 0, seen = 0, apiVersion = 0 }: Numbering): string | Uint8Array {
  const now = Date.now();
  const { uuid, token, ack = false, retries = 0, at = now, deadline = 0 } = message;
  if (dialect === "psd.v1.proto") {
    const envelope = create(Envelope, {
      headers: {
        messageType: message.type,
        uuid: uuid ?? "",
        authHeader: token ?? "",
        // What v1 itself says is no event.
        eventTime: seq ? BigInt(at) : 0n,
        localTime: seq ? BigInt(now) : 0n,
        ack,
        retryCount: retries,
        apiVersion,
        deadlineMs: deadline,
      },
      body: message.body ?? (message.descriptor ? toBinary(message.descriptor, message.value) : new Uint8Array()),
      seq: BigInt(seq),
      seen: BigInt(seen),
    });
    return withLength(toBinary(Envelope, envelope));
  }
  const { descriptor } = message;
  if (!descriptor) throw new PsdError("unreadable", `\`${message.type}\` is not known here: name it in the option \`messages\``);
  const classic = dialect === "classic";
  const value = message.body ? fromBinary(descriptor, message.body) : message.value;
  return JSON.stringify({
    headers: {
      messageType: message.type,
      uuid,
      authHeader: token,
      eventTime: at,
      localTime: now,
      ack,
      retryCount: retries,
      apiVersion: apiVersion || undefined,
      deadlineMs: classic ? undefined : deadline || undefined,
    },
    body: toJson(descriptor, value, { names: classic ? "classic" : "proto3" }),
    seq: classic ? undefined : seq || undefined,
    seen: classic ? undefined : seen || undefined,
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
      const frame: unknown = JSON.parse(data);
      for (const envelope of Array.isArray(frame) ? frame : [frame]) attempt(() => fromText(envelope, dialect === "classic"));
    } else {
      let rest = new Uint8Array(data as ArrayBuffer);
      while (rest.length) {
        const [start, end] = extent(rest);
        const bytes = rest.subarray(start, end);
        attempt(() => fromEnvelope(fromBinary(Envelope, bytes)));
        rest = rest.subarray(end);
      }
    }
  });
  return incoming;
}

function fromEnvelope({ headers = create(Headers), body, seq }: Envelope): Incoming {
  const { result } = headers;
  return {
    type: headers.messageType,
    uuid: headers.uuid || undefined,
    seq: Number(seq),
    result: result && { code: result.errorCode || undefined, message: result.errorMessage },
    read: (type) => fromBinary(type, body),
  };
}

interface TextEnvelope {
  headers: { messageType: string; uuid?: string; result?: TextResult };
  body?: JsonValue;
  seq?: number | string;
}
interface TextResult {
  errorMessage?: string;
  errorCode?: number;
}

function fromText({ headers, body, seq }: TextEnvelope, classic: boolean): Incoming {
  const { messageType: type } = headers;
  const result = classic ? (type === "ack" ? ((body ?? {}) as TextResult) : undefined) : headers.result;
  return {
    type,
    // A classic ack names its request in its body, too.
    uuid: headers.uuid ?? (result as { uuid?: string } | undefined)?.uuid ?? undefined,
    seq: Number(seq ?? 0),
    result: result && { code: result.errorCode || undefined, message: result.errorMessage ?? "" },
    read: (descriptor) => fromJson(descriptor, body ?? {}, { ignoreUnknown: true }),
  };
}

/** A frame of `psd.v1.proto`: the envelope behind its length as a varint. */
function withLength(envelope: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = envelope.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  const frame = new Uint8Array(length.length + envelope.length);
  frame.set(length);
  frame.set(envelope, length.length);
  return frame;
}

/** Where the first envelope of a frame begins and ends. */
function extent(frame: Uint8Array): [start: number, end: number] {
  let length = 0;
  let at = 0;
  let byte: number;
  do {
    if (at > 4) throw new RangeError("the length of an envelope has too many bytes");
    byte = frame[at] ?? 128;
    length += (byte & 127) * 2 ** (7 * at++);
  } while (byte > 127);
  if (at + length > frame.length) throw new RangeError("an envelope is longer than its frame");
  return [at, at + length];
}
