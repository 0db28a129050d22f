// A server of v1 in the test's own process, for what a real one does not do when asked: keep silent, end with any code.

import type { WebSocketConstructor } from "../../src/index.js";

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

  send(frame: string): void {
    this.sent.push(JSON.parse(frame));
  }

  close(): void {
    this.closed = true;
  }

  /** The types of what was sent. */
  get types(): string[] {
    return this.sent.map(({ headers }) => headers.messageType);
  }

  /** Takes the connection, in `psd.v1.json` so that tests can read it. */
  open(welcome: object = { connectionId: "1", heartbeatMs: 25_000, maxFrameBytes: 1000 }): void {
    this.protocol = "psd.v1.json";
    this.onopen?.({});
    this.push({ messageType: "psd.welcome" }, welcome);
  }

  push(headers: object, body: object = {}): void {
    this.onmessage?.({ data: JSON.stringify({ headers, body }) });
  }

  /** Answers the last request. */
  answer(result: object = {}, messageType = "ack", body = {}): void {
    this.push({ messageType, uuid: this.sent.at(-1).headers.uuid, result }, body);
  }

  end(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

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
