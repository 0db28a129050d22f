import { asksToSpread, delay, isFinal } from "./backoff.js";
import { Drain, Heartbeat, Welcome } from "./common/v1.js";
import { decode, encode, type Dialect, type Incoming, type Outgoing } from "./dialect.js";
import { globalWebSocket, socketUrl, timer, watchNetwork, type WebSocketConstructor, type WebSocketLike } from "./environment.js";
import { PsdError } from "./error.js";
import { cell, type Store } from "./store.js";

/** Milliseconds that an attempt may take until the server's welcome. */
const CONNECT = 10_000;
/** How often the server is asked for a sign of life, at least. */
const BEAT = 20_000;
/** How long it may take to answer before the connection counts as lost. */
const ANSWER = 10_000;
/** The same when there is reason for doubt: the network went away, or the page was asleep. */
const DOUBT = 5_000;
/** A connection that held this long was good: the next break begins with a quick retry again. */
const STABLE = 5_000;
/** Signs that the network is back begin an attempt at once, but not more often than this. */
const BREATH = 500;
/** What may stand in `Sec-WebSocket-Protocol`. */
const PROTOCOL_TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;

/** Where the connection stands. */
export type ConnectionState =
  /** Nobody asked for a connection yet. */
  | { readonly status: "idle" }
  /** An attempt is under way: the `attempt`-th since the last good connection. */
  | { readonly status: "connecting"; readonly attempt: number }
  /** Messages flow. */
  | { readonly status: "open"; readonly dialect: Dialect; readonly connectionId: string }
  /** The server wants the client to go, and to come back at `until` (milliseconds since 1970). */
  | { readonly status: "draining"; readonly until: number; readonly reason: string }
  /** The next attempt begins at `until`, or when the network comes back. */
  | { readonly status: "waiting"; readonly until: number; readonly attempt: number; readonly reason: PsdError }
  /** There is no connection and there will be none, unless `connect` is called. */
  | { readonly status: "closed"; readonly reason: PsdError };

/** What the connection is made of. */
export interface ConnectionOptions {
  readonly url: string | URL | (() => string | URL | Promise<string | URL>);
  readonly dialect: Dialect | undefined;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly apiVersion: number | undefined;
  readonly warn: (error: unknown) => void;
}

/** What the connection tells. */
export interface ConnectionEvents {
  /** Before each attempt; the token for the handshake. */
  token(): Promise<string | undefined>;
  /** Messages flow from now on; `token` is what the handshake carried. */
  opened(token: string | undefined): void;
  received(message: Incoming): void;
  /** Nothing more comes from a connection that was open. */
  lost(reason: PsdError): void;
  /** There will be no other one by itself. */
  closed(reason: PsdError): void;
}

/** One attempt, and the connection it became. */
interface Line {
  socket: WebSocketLike | undefined;
  dialect: Dialect;
  /** Since when messages flow, or 0. */
  since: number;
  received: number;
  /** When the last heartbeat was sent. */
  asked: number;
  seq: number;
  seen: number;
  limit: number;
  stops: (() => void)[];
}

/** Keeps one connection open as long as it is wanted. */
export interface Connection {
  readonly state: Store<ConnectionState>;
  connect(): void;
  /** Ends the connection for good. */
  close(reason: PsdError): void;
  /** Ends the connection and opens another at once. */
  reopen(): void;
  /** Sends a message, if the state is `open`. Throws where it cannot be written or is too large. */
  send(message: Outgoing): void;
  /** Asks for a sign of life now. */
  probe(): void;
}

export function createConnection(options: ConnectionOptions, events: ConnectionEvents): Connection {
  const state = cell<ConnectionState>({ status: "idle" });
  let line: Line | undefined;
  let failures = 0;
  let attempted = 0;
  /** The server said when to come back; until then nothing begins an attempt. */
  let comeBack = 0;
  /** Set once a server has spoken v1: from then on a failure is no hint of a server that speaks classic only. */
  let speaksV1 = false;
  let stopWaiting: (() => void) | undefined;
  let stopWatching: (() => void) | undefined;
  let wasOffline = false;

  async function open(): Promise<void> {
    stopWaiting?.();
    attempted = Date.now();
    const mine: Line = { socket: undefined, dialect: "classic", since: 0, received: 0, asked: 0, seq: 0, seen: 0, limit: Infinity, stops: [] };
    line = mine;
    state.set({ status: "connecting", attempt: failures + 1 });
    mine.stops.push(timer(CONNECT, () => lost(mine, new PsdError("disconnected", `no connection within ${CONNECT / 1000} s`))));
    try {
      const token = await events.token();
      const url = typeof options.url === "function" ? await options.url() : options.url;
      if (line !== mine) return;
      const offer = offered();
      const carried = token && offer.length && PROTOCOL_TOKEN.test(token) ? token : undefined;
      if (carried) offer.push(`psd.token.${carried}`);
      const address = socketUrl(url);
      const Socket = options.WebSocket ?? globalWebSocket();
      // An empty list is not the same for every implementation.
      const socket = offer.length ? new Socket(address, offer) : new Socket(address);
      mine.socket = socket;
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        mine.dialect = (socket.protocol as Dialect) || "classic";
        if (mine.dialect === "classic") ready(mine, carried, "");
      };
      socket.onmessage = ({ data }) => {
        mine.received = Date.now();
        for (const message of decode(mine.dialect, data, options.warn)) {
          if (line !== mine) return;
          mine.seen = Math.max(mine.seen, message.seq);
          if (mine.dialect !== "classic" && message.type.startsWith("psd.")) control(mine, message, carried);
          else events.received(message);
        }
      };
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        const what = mine.since ? "the connection ended" : `cannot connect to ${address}`;
        lost(mine, new PsdError("disconnected", `${what} (${code}${reason && `: ${reason}`})`, code));
      };
    } catch (error) {
      // A bad address, or no WebSocket: trying again makes it no better. But a failing function may work next time.
      const reason = new PsdError("disconnected", `cannot connect: ${(error as Error)?.message}`, undefined, error);
      if (typeof options.url === "function") lost(mine, reason);
      else end(mine, reason);
    }
  }

  /** The dialects to offer. Browsers fail a connection whose offer is not answered, so classic is tried by itself. */
  function offered(): string[] {
    const { dialect } = options;
    if (dialect) return dialect === "classic" ? [] : [dialect];
    return failures % 2 && !speaksV1 ? [] : ["psd.v1.proto", "psd.v1.json"];
  }

  function ready(mine: Line, token: string | undefined, connectionId: string): void {
    release(mine);
    mine.since = mine.received = Date.now();
    state.set({ status: "open", dialect: mine.dialect, connectionId });
    events.opened(token);
  }

  function control(mine: Line, message: Incoming, token: string | undefined): void {
    if (message.type === "psd.welcome" && !mine.since) {
      const welcome = message.read(Welcome);
      speaksV1 = true;
      mine.limit = welcome.maxFrameBytes || Infinity;
      ready(mine, token, welcome.connectionId);
      const interval = welcome.heartbeatMs || Infinity;
      const beat = Math.min(BEAT, interval * 0.75);
      // A server that does not read, since requests wait, says that it is there only once an interval.
      const patience = Math.max(beat + ANSWER, interval < Infinity ? 2 * interval : 0);
      const handle = setInterval(() => heartbeat(mine, patience), beat);
      mine.stops.push(() => clearInterval(handle));
    } else if (message.type === "psd.drain") {
      const { reconnectAfterMs, reason } = message.read(Drain);
      comeBack = Date.now() + reconnectAfterMs;
      if (mine.since) state.set({ status: "draining", until: comeBack, reason });
    }
  }

  /** A heartbeat; or the end, if the last one was not answered for so long. */
  function heartbeat(mine: Line, patience: number): void {
    const now = Date.now();
    if (mine.asked > mine.received && now - mine.received >= patience) {
      return lost(mine, new PsdError("disconnected", `the server was silent for ${Math.round((now - mine.received) / 1000)} s`));
    }
    mine.asked = now;
    mine.socket!.send(encode(mine.dialect, { type: "psd.heartbeat", descriptor: Heartbeat, value: {} }, { seen: mine.seen }));
  }

  function probe(): void {
    const mine = line;
    if (!mine?.since) return;
    if (mine.dialect === "classic") {
      // Nothing in classic would be answered for sure: another connection is the only certainty.
      if (wasOffline) lost(mine, new PsdError("disconnected", "the network was away"));
      return;
    }
    const asked = Date.now();
    heartbeat(mine, Infinity);
    mine.stops.push(timer(DOUBT, () => mine.received < asked && lost(mine, new PsdError("disconnected", "the server is silent"))));
  }

  /** A connection or an attempt failed. */
  function lost(mine: Line, reason: PsdError): void {
    if (line !== mine) return;
    const code = reason.code ?? 0;
    if (isFinal(code)) return end(mine, reason);
    abandon(mine);
    const now = Date.now();
    if (mine.since && now - mine.since >= STABLE) failures = 0;
    if (asksToSpread(code)) failures ||= 1;
    const wait = comeBack > now ? comeBack - now : delay(failures, Math.random());
    failures++;
    wait_(wait, reason);
    if (mine.since) events.lost(reason);
  }

  function wait_(milliseconds: number, reason: PsdError): void {
    stopWaiting?.();
    stopWaiting = timer(milliseconds, () => void open());
    state.set({ status: "waiting", until: Date.now() + milliseconds, attempt: failures + 1, reason });
  }

  /** The end, until somebody calls `connect`. */
  function end(mine: Line | undefined, reason: PsdError): void {
    if (mine) abandon(mine);
    stopWaiting?.();
    stopWatching?.();
    stopWatching = undefined;
    failures = comeBack = 0;
    state.set({ status: "closed", reason });
    if (mine?.since) events.lost(reason);
    events.closed(reason);
  }

  /** Hears no more of a connection; its closing handshake may take as long as it likes. */
  function abandon(mine: Line): void {
    release(mine);
    line = undefined;
    const { socket } = mine;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // It never opened.
    }
  }

  function release(mine: Line): void {
    mine.stops.splice(0).forEach((stop) => stop());
  }

  /** The network may be back, or somebody looks at the page. */
  function back(): void {
    const now = Date.now();
    const current = state.getSnapshot();
    if (current.status === "waiting") {
      if (now >= comeBack) wait_(Math.max(0, attempted + BREATH - now), current.reason);
    } else {
      probe();
    }
    wasOffline = false;
  }

  return {
    state,
    probe,
    connect() {
      const { status } = state.getSnapshot();
      if (status === "idle" || status === "closed") {
        stopWatching ??= watchNetwork(back, () => {
          wasOffline = true;
          probe();
        });
        void open();
      }
    },
    close(reason) {
      if (state.getSnapshot().status !== "closed") end(line, reason);
    },
    reopen() {
      const mine = line;
      if (!mine) return;
      abandon(mine);
      if (mine.since) events.lost(new PsdError("disconnected", "the client opens another connection"));
      // A listener may have closed it.
      if (state.getSnapshot().status !== "closed") void open();
    },
    send(message) {
      const mine = line;
      if (!mine?.since || state.getSnapshot().status !== "open") throw new PsdError("disconnected", "there is no connection");
      const numbered = !message.type.startsWith("psd.");
      const numbering = { seq: numbered ? mine.seq + 1 : 0, apiVersion: numbered ? options.apiVersion ?? 0 : 0 };
      const frame = encode(mine.dialect, message, numbering);
      if (frame.length > mine.limit) {
        throw new PsdError("too-large", `\`${message.type}\` has ${frame.length} bytes, and the server takes ${mine.limit}`);
      }
      if (numbered) mine.seq++;
      mine.socket!.send(frame);
    },
  };
}
