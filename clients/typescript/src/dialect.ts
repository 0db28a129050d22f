import { create, fromBinary, toBinary, type MessageType } from "./codec/index.js";
import { pieces } from "./codec/read.js";
import { Envelope, Frame, Headers } from "./wire.js";

/** How the client and the server talk: docs/PROTOCOL.md. */
export type Dialect = "psd.v1.proto" | "psd.v1.json" | "classic";

/** A message on its way to the server. Without a description and a body, it has none. */
export interface Outgoing {
  readonly uuid?: string;
  readonly authHeader?: string | undefined;
  readonly ack?: boolean;
  readonly retryCount?: number;
  readonly apiVersion?: number | undefined;
  /** How many milliseconds an answer is still wanted (v1). */
  readonly deadlineMs?: number | undefined;
  /** The route. */
  readonly type: string;
  readonly descriptor?: MessageType | undefined;
  readonly value?: unknown;
  /** Its protobuf bytes, where `value` is missing. */
  readonly body?: Uint8Array | undefined;
  /** When it happened: milliseconds since 1970. */
  readonly at?: number;
}

/** A message that came. */
export interface Incoming extends Pick<Headers, "result"> {
  readonly type: string;
  /** The uuid of the request that it belongs to, or nothing. */
  readonly uuid: string;
  readonly seq: number;
  /** Its body. Throws where that cannot be read. */
  read<T>(type: MessageType<T>): T;
}

/** How messages become frames and back. */
export interface Framing<Frame extends string | Uint8Array = any, Part = any> {
  /** A frame with one envelope. */
  encode(message: Outgoing, seq: number, seen: number): Frame;
  /** The envelopes of a frame, unread. */
  split(frame: any): Iterable<Part>;
  read(envelope: Part): Incoming;
}

/** Frames of `psd.v1.proto`: envelopes, each behind its length as a varint. */
export const binary: Framing<Uint8Array, Uint8Array> = {
  encode(message, seq, seen) {
    const { type, descriptor, value, at = Date.now() } = message;
    // What is undefined is not written.
    const headers = { ...message, messageType: type, eventTime: BigInt(at), localTime: BigInt(Date.now()) } as unknown as Headers;
    const body = message.body ?? (descriptor ? toBinary(descriptor, value) : new Uint8Array(0));
    // A message in a field has its length before it, too; and before that a tag, of one byte.
    return toBinary(Frame, { envelope: { headers, body, seq: BigInt(seq), seen: BigInt(seen) } }).subarray(1);
  },
  split: (data: ArrayBuffer) => pieces(new Uint8Array(data)),
  read(envelope) {
    const { headers = create(Headers), body, seq } = fromBinary(Envelope, envelope);
    return { ...headers, type: headers.messageType, seq: Number(seq), read: (type) => fromBinary(type, body) };
  },
};
