import type { MessageType } from "./codec/index.js";
import type { Incoming, Outgoing } from "./dialect.js";
import { timer } from "./environment.js";
import { asPsdError, PsdError } from "./error.js";

/** How many requests may wait for a connection or an answer. */
const MOST = 10_000;

/** What a caller wants of a request. */
export interface RequestOptions {
  /** Milliseconds until it fails; 10 000 by default, `Infinity` waits for ever. */
  readonly timeout?: number;
  /** Ends it early; in v1 the server is told, and drops its handler. */
  readonly signal?: AbortSignal;
  /**
   * Whether it is sent again, with the same uuid, when the connection breaks before its answer. By default it fails then,
   * since nobody knows whether the server acted.
   */
  readonly retry?: boolean;
  /** The uuid of the request; a random one by default. */
  readonly uuid?: string;
  /** Sends no token along. */
  readonly noToken?: boolean;
}

/** A request that waits to be sent, or for its answer. */
export interface Call extends Outgoing {
  readonly uuid: string;
  readonly ack: boolean;
  readonly retry?: boolean;
  readonly noToken?: boolean;
  /** The messages that answer it; without, the ack does. */
  readonly replies: readonly MessageType[];
  readonly ends: number;
  retryCount: number;
  isSent: boolean;
  /** Whether it was sent again for a new token. */
  isSecondTry: boolean;
  /** The token that held when it was sent. */
  held?: string | undefined;
  /** Called when it is handed to the socket. */
  readonly onSent?: () => void;
  settle(error?: unknown, reply?: Reply): void;
}

/** What a request is begun with. */
export type NewCall = Partial<Call> & Pick<Call, "uuid" | "type"> & Pick<RequestOptions, "timeout" | "signal">;

/** The reply that answered a request. */
export interface Reply {
  readonly type: MessageType;
  readonly value: any;
}

/** What requests need of the client. */
export interface RequestEvents {
  canSend(call: Call): boolean;
  /** Hands a request to the socket; throws if that fails. */
  transmit(call: Call): void;
  /** Tells the server that the answer to a request is not wanted any more. */
  cancel(uuid: string): void;
  /** Whether a success without the reply is its end: in classic, a late reply may follow its ack. */
  isLast(): boolean;
  /** Gets another token for a request that was refused for its lack; `false` where there is no way. */
  authenticate(call: Call): boolean;
}

/** The requests of a client, in the order in which they were made. */
export function createRequests(events: RequestEvents) {
  const calls = new Map<string, Call>();

  /** Sends what waits and may go. */
  function flush(): void {
    for (const call of calls.values()) {
      if (call.isSent || !events.canSend(call)) continue;
      call.isSent = true;
      try {
        events.transmit(call);
        call.onSent?.();
        if (!call.ack) call.settle();
      } catch (error) {
        call.settle(error);
      }
    }
  }

  function again(call: Call): void {
    call.isSent = false;
    call.retryCount++;
  }

  return {
    flush,
    start({ timeout = 10_000, signal, ...options }: NewCall): Promise<Reply | undefined> {
      return new Promise((resolve, reject) => {
        const { uuid, type } = options;
        if (calls.size >= MOST) return reject(new PsdError("full", `${calls.size} requests wait already`));
        const aborted = () => {
          call.settle(new PsdError("aborted", `\`${type}\` was aborted`, undefined, signal?.reason));
          if (call.isSent) events.cancel(uuid);
        };
        const stop = timer(timeout, () => {
          const [kind, what] = call.isSent ? (["timeout", "answered"] as const) : (["disconnected", "sent"] as const);
          call.settle(new PsdError(kind, `\`${type}\` was not ${what} within ${timeout / 1000} s`));
        });
        const call: Call = {
          ack: true,
          replies: [],
          retryCount: 0,
          isSent: false,
          isSecondTry: false,
          ends: Date.now() + timeout,
          settle(error, reply) {
            calls.delete(uuid);
            stop();
            signal?.removeEventListener("abort", aborted);
            error ? reject(asPsdError(error, type)) : resolve(reply);
          },
          ...options,
        };
        if (signal?.aborted) return aborted();
        signal?.addEventListener("abort", aborted);
        calls.set(uuid, call);
        flush();
      });
    },
    /** Looks whether a message belongs to a request. */
    received({ uuid, type, result, read }: Incoming): void {
      const call = calls.get(uuid);
      if (!call) return;
      const reply = call.replies.find((reply) => reply.type === type);
      if (result?.errorMessage) {
        const { errorMessage, errorCode } = result;
        if (errorCode === 401 && !call.isSecondTry && !call.noToken && events.authenticate(call)) {
          // Its handler did not run. It waits for the token, and goes again.
          call.isSecondTry = true;
          again(call);
          flush();
        } else {
          call.settle(new PsdError("refused", errorMessage, errorCode || undefined));
        }
      } else if (reply) {
        try {
          call.settle(undefined, { type: reply, value: read(reply) });
        } catch (error) {
          call.settle(error);
        }
      } else if (result && (!call.replies.length || events.isLast())) {
        call.settle(call.replies[0] && new PsdError("no-reply", `\`${call.type}\` was handled without sending \`${call.replies[0].type}\``));
      }
    },
    /** The connection ended: what was sent fails, or is sent again by the next one. */
    lost(reason: PsdError): void {
      for (const call of calls.values()) if (call.isSent) call.retry ? again(call) : call.settle(reason);
    },
    /** There will be no connection: everything fails. */
    closed(reason: PsdError): void {
      for (const call of calls.values()) call.settle(reason);
    },
  };
}
