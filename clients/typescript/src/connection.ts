import { asksToSpread, delay, isFinal } from "./backoff.js";
import { binary, type Dialect, type Framing, type Incoming, type Outgoing } from "./dialect.js";
import { Drain, Headers, RequestResult, Welcome } from "./wire.js";
import { socketUrl, timer, watchNetwork, type WebSocketConstructor, type WebSocketLike } from "./environment.js";
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
/** How many frames may come before what it takes to read them has been loaded. */
const EARLY = 1000;
/** What may stand in `Sec-WebSocket-Protocol`. */
const PROTOCOL_TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;

const SILENT = "the server is silent";

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
  readonly dialect?: Dialect;
  readonly WebSocket?: WebSocketConstructor;
}

/** What the connection tells. */
export interface ConnectionEvents {
  /** Before each attempt; the token for the handshake. */
  token(): Promise<string | undefined>;
  /** Messages flow from now on; `token` is what the handshake carried. */
  opened(token: string | undefined): void;
  received(message: Incoming): void;
  /** Something came that cannot be read. */
  unreadable(error: unknown): void;
  /** Nothing more comes from a connection that was open. */
  lost(reason: PsdError): void;
  /** There will be no other one by itself. */
  closed(reason: PsdError): void;
}

/** One attempt, and the connection that it became. */
interface Line {
  /** Since when messages flow, or 0. */
  since: number;
  send(message: Outgoing): void;
  /** Asks for a sign of life now. */
  probe(): void;
  /** Hears no more of it. */
  abandon(): void;
}

/** The connection of a client. */
export type Connection = ReturnType<typeof createConnection>;

export function createConnection(options: ConnectionOptions, events: ConnectionEvents) {
  const state = cell<ConnectionState>({ status: "idle" });
  let line: Line | undefined;
  let failures = 0;
  let attempted = 0;
  /** The server said when to come back; until then nothing begins an attempt. */
  let comeBack = 0;
  /** Set once a server has spoken v1: from then on a failure is no hint of a server that speaks classic only. */
  let speaksV1 = false;
  let uploadStreams = 0;
  let heard: ((message: Incoming) => void) | undefined;
  let wasOffline = false;
  let stopWaiting: (() => void) | undefined;
  let stopWatching: (() => void) | undefined;

  const gone = (reason: string, code?: number, cause?: unknown) => new PsdError("disconnected", reason, code, cause);

  function open(): void {
    stopWaiting?.();
    attempted = Date.now();
    state.set({ status: "connecting", attempt: failures + 1 });
    // Browsers fail a connection whose offer is not answered, so classic is tried by itself.
    const wanted = options.dialect ?? (failures % 2 && !speaksV1 ? "classic" : undefined);
    const isClassic = wanted === "classic";
    const offer: string[] = isClassic ? [] : wanted ? [wanted] : ["psd.v1.proto", "psd.v1.json"];
    let dialect: Dialect = "classic";
    let framing: Framing | undefined;
    /** Resolves when there is a framing; frames that came early wait for it, in their order. */
    let loaded: Promise<unknown> | undefined;
    let early = 0;
    let socket: WebSocketLike | undefined;
    let carried: string | undefined;
    let received = 0;
    let asked = 0;
    let seq = 0;
    let seen = 0;
    let limit = Infinity;
    const stops = [timer(CONNECT, () => lost(mine, gone("the server does not answer")))];

    const mine: Line = {
      since: 0,
      send(message) {
        const number = message.type.startsWith("psd.") ? 0 : seq + 1;
        const frame = framing!.encode(message, number, seen);
        if (frame.length > limit) throw new PsdError("too-large", `\`${message.type}\` has more than the ${limit} bytes that the server takes`);
        seq = number || seq;
        socket!.send(frame);
      },
      probe() {
        const now = Date.now();
        if (!mine.since) return;
        // Nothing in classic would be answered for sure: another connection is the only certainty.
        if (isClassic) return wasOffline ? lost(mine, gone("the network was away")) : undefined;
        heartbeat(Infinity);
        stops.push(timer(DOUBT, () => received < now && lost(mine, gone(SILENT))));
      },
      abandon() {
        stops.forEach((stop) => stop());
        if (!socket) return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        // Its closing handshake may take as long as it likes. One that never opened may throw.
        try {
          socket.close(1000);
        } catch {}
      },
    };
    line = mine;

    function ready(connectionId: string): void {
      stops[0]!();
      mine.since = received;
      state.set({ status: "open", dialect, connectionId });
      events.opened(carried);
    }

    /** A heartbeat; or the end, if the last one was not answered for so long. */
    function heartbeat(patience: number): void {
      const now = Date.now();
      if (asked > received && now - received >= patience) return lost(mine, gone(SILENT));
      asked = now;
      mine.send({ type: "psd.heartbeat" });
    }

    function hear(message: Incoming): void {
      const { type, seq } = message;
      seen = Math.max(seen, seq);
      if (isClassic || !type.startsWith("psd.")) return events.received(message);
      if (type === Welcome.type && !mine.since) {
        const { connectionId, heartbeatMs, maxFrameBytes, uploadStreams: streams } = message.read(Welcome);
        speaksV1 = true;
        uploadStreams = streams;
        limit = maxFrameBytes || limit;
        const interval = Math.min(BEAT, (heartbeatMs || BEAT) * 0.75);
        // A server that does not read, since requests wait, says that it is there only once an interval.
        const beat = setInterval(heartbeat, interval, Math.max(interval + ANSWER, 2 * heartbeatMs));
        stops.push(() => clearInterval(beat));
        ready(connectionId);
      } else if (type === Drain.type) {
        const { reconnectAfterMs, reason } = message.read(Drain);
        comeBack = Date.now() + reconnectAfterMs;
        if (mine.since) state.set({ status: "draining", until: comeBack, reason });
      } else {
        heard?.(message);
      }
    }

    async function load(): Promise<void> {
      framing = (await import("./text.js")).text(isClassic, Headers, RequestResult);
      if (isClassic && line === mine) ready("");
    }

    function take(data: unknown): void {
      const envelopes = framing!.split(data)[Symbol.iterator]();
      for (;;) {
        // What cannot be read takes nothing with it that can be.
        try {
          const { done, value } = envelopes.next();
          if (done || line !== mine) return;
          hear(framing!.read(value));
        } catch (error) {
          events.unreadable(error);
        }
      }
    }

    async function begin(): Promise<void> {
      const token = await events.token();
      const { url } = options;
      const target = typeof url === "function" ? await url() : url;
      if (line !== mine) return;
      if (token && !isClassic && PROTOCOL_TOKEN.test(token)) carried = token;
      const Socket = options.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined);
      let address: string;
      try {
        if (!Socket) throw new Error("there is no WebSocket here: pass one in the option `WebSocket`");
        address = socketUrl(target);
        // An empty list is not the same for every implementation.
        socket = isClassic ? new Socket(address) : new Socket(address, carried ? [...offer, "psd.token." + carried] : offer);
      } catch (error) {
        // Trying again makes it no better, unless the address is looked for each time.
        if (typeof url === "function") throw error;
        return end(mine, failed(error));
      }
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        received = Date.now();
        if (!isClassic) dialect = socket!.protocol as Dialect;
        // Not everybody fails a connection whose offer is not answered.
        if (!isClassic && !offer.includes(dialect)) return lost(mine, gone(`the server speaks none of ${offer.join(", ")}`));
        if (dialect === "psd.v1.proto") framing = binary;
        else loaded = load().catch((error) => lost(mine, failed(error)));
      };
      socket.onmessage = ({ data }) => {
        received = Date.now();
        if (framing) take(data);
        else if (++early > EARLY) lost(mine, gone("too much came before it could be read"));
        else void loaded!.then(() => framing && take(data));
      };
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        lost(mine, gone(`${mine.since ? "the connection ended" : `cannot connect to ${address}`} (${code}${reason && `: ${reason}`})`, code));
      };
    }
    const failed = (error: any) => gone(`cannot connect: ${error?.message}`, undefined, error);
    begin().catch((error) => lost(mine, failed(error)));
  }

  /** A connection or an attempt failed. */
  function lost(mine: Line, reason: PsdError): void {
    if (line !== mine) return;
    const code = reason.code ?? 0;
    if (isFinal(code)) return end(mine, reason);
    abandon();
    const now = Date.now();
    if (mine.since && now - mine.since >= STABLE) failures = 0;
    if (asksToSpread(code)) failures ||= 1;
    const milliseconds = comeBack > now ? comeBack - now : delay(failures, Math.random());
    failures++;
    wait(milliseconds, reason);
    if (mine.since) events.lost(reason);
  }

  function wait(milliseconds: number, reason: PsdError): void {
    stopWaiting?.();
    stopWaiting = timer(milliseconds, open);
    state.set({ status: "waiting", until: Date.now() + milliseconds, attempt: failures + 1, reason });
  }

  /** The end, until somebody calls `connect`. */
  function end(mine: Line | undefined, reason: PsdError): void {
    abandon();
    stopWaiting?.();
    stopWatching?.();
    failures = comeBack = 0;
    state.set({ status: "closed", reason });
    if (mine?.since) events.lost(reason);
    events.closed(reason);
  }

  function abandon(): void {
    line?.abandon();
    line = undefined;
  }

  /** The network may be back, or somebody looks at the page. */
  function back(): void {
    const now = Date.now();
    const current = state.getSnapshot();
    if (current.status !== "waiting") line?.probe();
    else if (now >= comeBack) wait(Math.max(0, attempted + BREATH - now), current.reason);
    wasOffline = false;
  }

  return {
    ...(state as Store<ConnectionState>),
    /** Tells `listener` what else comes of v1 itself: what is about upload streams. */
    hear(listener: (message: Incoming) => void): void {
      heard = listener;
    },
    /** How many of these a server of v1 takes at once. */
    uploadStreams: () => uploadStreams,
    connect(): void {
      const { status } = state.getSnapshot();
      if (status !== "idle" && status !== "closed") return;
      stopWatching = watchNetwork(back, () => {
        wasOffline = true;
        line?.probe();
      });
      open();
    },
    /** Ends the connection for good. */
    close(reason: PsdError): void {
      if (state.getSnapshot().status !== "closed") end(line, reason);
    },
    /** Ends the connection and opens another at once. */
    reopen(): void {
      const since = line?.since;
      abandon();
      if (since) events.lost(gone("the client opens another connection"));
      open();
    },
    /** Sends a message, if the state is `open`. Throws where it cannot be written or is too large. */
    send(message: Outgoing): void {
      line!.send(message);
    },
  };
}
