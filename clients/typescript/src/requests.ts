import type { MessageType } from "./codec/index.js";
import type { Incoming, Outgoing } from "./dialect.js";
import { timer } from "./environment.js";
import { PsdError } from "./error.js";

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
export interface Call extends Omit<Outgoing, "deadline" | "retries" | "token" | "uuid"> {
  /** The token that held when it was sent. */
  token: string | undefined;
  readonly uuid: string;
  readonly ack: boolean;
  readonly retry: boolean;
  /** Whether it carries no token. */
  readonly noToken: boolean;
  /** The messages that answer it; without, the ack does. */
  readonly replies: readonly MessageType[];
  readonly ends: number;
  retries: number;
  isSent: boolean;
  /** Whether it was sent again for a new token. */
  isSecondTry: boolean;
  /** Called when it is handed to the socket. */
  onSent?: () => void;
}

/** What a request is begun with. */
export type NewCall = Pick<Call, "uuid" | "type" | "descriptor"> & Partial<Call> & Pick<RequestOptions, "timeout" | "signal">;

/** What requests need of the client. */
export interface RequestEvents {
  /** Hands a request to the socket; throws if that fails. */
  transmit(call: Call, deadline: number | undefined): void;
  canSend(call: Call): boolean;
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
  const settlers = new Map<Call, (error?: unknown, reply?: Reply) => void>();

  function settle(call: Call, error?: unknown, reply?: Reply): void {
    settlers.get(call)?.(error, reply);
  }

  /** Sends what waits and may go. */
  function flush(): void {
    for (const call of [...calls.values()]) {
      if (call.isSent || !events.canSend(call)) continue;
      call.isSent = true;
      const left = Math.max(1, Math.round(call.ends - Date.now()));
      try {
        events.transmit(call, left < 2 ** 32 ? left : undefined);
        call.onSent?.();
        if (!call.ack) settle(call);
      } catch (error) {
        settle(call, error);
      }
    }
  }

  return {
    flush,
    start({ timeout = 10_000, signal, ...options }: NewCall): Promise<Reply | undefined> {
      return new Promise((resolve, reject) => {
        const call: Call = {
          ack: true,
          retry: false,
          noToken: false,
          token: undefined,
          replies: [],
          retries: 0,
          isSent: false,
          isSecondTry: false,
          ends: Date.now() + timeout,
          ...options,
        };
        const { uuid, type } = call;
        const aborted = () => {
          settle(call, new PsdError("aborted", `\`${type}\` was aborted`, undefined, signal?.reason));
          if (call.isSent) events.cancel(uuid);
        };
        const expired = () => {
          const waited = `within ${timeout / 1000} s`;
          settle(
            call,
            call.isSent
              ? new PsdError("timeout", `the server did not answer \`${type}\` ${waited}`)
              : new PsdError("disconnected", `\`${type}\` could not be sent ${waited}`),
          );
        };
        if (calls.size >= MOST) return reject(new PsdError("full", `${MOST} requests wait already`));
        const stop = timeout < Infinity ? timer(timeout, expired) : undefined;
        calls.set(uuid, call);
        settlers.set(call, (error, reply) => {
          calls.delete(uuid);
          settlers.delete(call);
          stop?.();
          signal?.removeEventListener("abort", aborted);
          error ? reject(error) : resolve(reply);
        });
        if (signal?.aborted) return aborted();
        signal?.addEventListener("abort", aborted);
        flush();
      });
    },
    /** Looks whether a message belongs to a request; `read` decodes it. */
    received(message: Incoming, read: (type: MessageType) => unknown): void {
      const call = calls.get(message.uuid ?? "");
      if (!call) return;
      const { result } = message;
      const reply = call.replies.find(({ type }) => type === message.type);
      if (reply && !result?.message) {
        try {
          return settle(call, undefined, { type: reply, value: read(reply) });
        } catch (error) {
          return settle(call, new PsdError("unreadable", `\`${message.type}\` cannot be read: ${(error as Error).message}`, undefined, error));
        }
      }
      if (!result) return;
      if (result.message) {
        if (result.code === 401 && !call.isSecondTry && !call.noToken && events.authenticate(call)) {
          // Its handler did not run. It waits for the token, and goes again.
          Object.assign(call, { isSent: false, isSecondTry: true, retries: call.retries + 1 });
          return flush();
        }
        return settle(call, new PsdError("refused", result.message, result.code));
      }
      if (!call.replies.length) return settle(call);
      if (events.isLast()) {
        settle(call, new PsdError("no-reply", `the server handled \`${call.type}\` without sending \`${call.replies[0]!.type}\``));
      }
    },
    /** The connection ended: what was sent fails, or is sent again by the next one. */
    lost(reason: PsdError): void {
      for (const call of [...calls.values()]) {
        if (!call.isSent) continue;
        if (call.retry) Object.assign(call, { isSent: false, retries: call.retries + 1 });
        else settle(call, reason);
      }
    },
    /** There will be no connection: everything fails. */
    closed(reason: PsdError): void {
      for (const call of [...calls.values()]) settle(call, reason);
    },
  };
}

/** The reply that answered a request. */
export interface Reply {
  readonly type: MessageType;
  readonly value: any;
}
