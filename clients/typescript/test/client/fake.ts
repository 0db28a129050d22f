// A server of v1 in the test's own process, for what a real one does not do when asked: keep silent, end with any code.

import { create, fromBinary, fromJson, toBinary, toJson, type JsonValue } from "../../src/codec/index.js";
import { messages as common, Envelope, Headers } from "../../src/common/index.js";
import { binary, type Dialect } from "../../src/dialect.js";
import type { WebSocketConstructor } from "../../src/index.js";
import { messages } from "../board/messages/index.js";

const typeOf = (route: string) => [...common, ...messages].find(({ type }) => type === route);

/** One attempt of the client to connect; the test decides what becomes of it. */
export class FakeSocket {
  binaryType = "";
  protocol = "";
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  readonly url: string;
  readonly offer: readonly string[];
  readonly sent: any[] = [];
  closed = false;

  constructor(url: string, offer: readonly string[]) {
    this.url = url;
    this.offer = offer;
  }

  /** Keeps what the client sent as JSON. */
  send(frame: Uint8Array | string): void {
    if (typeof frame === "string") return void this.sent.push(JSON.parse(frame));
    for (const bytes of binary.split(Uint8Array.from(frame).buffer)) {
      const { type, seq, read } = binary.read(bytes);
      const body = typeOf(type);
      this.sent.push({ ...(toJson(Envelope, fromBinary(Envelope, bytes)) as object), seq, body: body ? toJson(body, read(body)) : {} });
    }
  }

  close(): void {
    this.closed = true;
  }

  /** The types of what was sent. */
  get types(): string[] {
    return this.sent.map(({ headers }) => headers.messageType);
  }

  /** Takes the connection. */
  open(protocol: Dialect = "psd.v1.proto", welcome: object = { connectionId: "1", heartbeatMs: 25_000, maxFrameBytes: 1000 }): void {
    this.protocol = protocol;
    this.onopen?.({});
    this.push({ messageType: "psd.welcome" }, welcome);
  }

  push(headers: { messageType: string; uuid?: string; result?: object }, body: object = {}): void {
    if (this.protocol === "psd.v1.json") return this.onmessage?.({ data: JSON.stringify({ headers, body }) });
    const type = typeOf(headers.messageType)!;
    const envelope = create(Envelope, { headers: fromJson(Headers, headers as JsonValue), body: toBinary(type, fromJson(type, body as JsonValue)) });
    this.deliver(toBinary(Envelope, envelope));
  }

  /** Gives the client a frame with these bytes as its envelopes. */
  deliver(...envelopes: Uint8Array[]): void {
    this.onmessage?.({ data: Uint8Array.from(envelopes.flatMap((envelope) => [...varint(envelope.length), ...envelope])).buffer });
  }

  /** Answers the last request. */
  answer(result: object = {}, messageType = "ack", body = {}): void {
    this.push({ messageType, uuid: this.sent.at(-1).headers.uuid, result }, body);
  }

  end(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

const varint = (value: number): number[] => (value > 127 ? [(value & 127) | 128, ...varint(value >>> 7)] : [value]);

/** Every attempt of a client, in order. */
export function fakeSockets(): { sockets: FakeSocket[]; WebSocket: WebSocketConstructor } {
  const sockets: FakeSocket[] = [];
  class WebSocket extends FakeSocket {
    constructor(url: string, offer: string[] = []) {
      super(url, offer);
      sockets.push(this);
    }
  }
  return { sockets, WebSocket };
}
