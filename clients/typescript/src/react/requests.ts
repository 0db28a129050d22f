import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import type { ClientMessage, Delivery, Init, OutboxEntry, PsdError, RequestOptions, SendOptions, ServerMessage } from "../index.js";
import { useClient, useConnection, useStore } from "./context.js";
import { useStable } from "./stable.js";

/** What a request came to. */
export interface FetchState<R> {
  /** The last reply; it stays while another is asked for. */
  readonly data: R | undefined;
  readonly error: PsdError | undefined;
  readonly isFetching: boolean;
  /** Asks again. */
  readonly refetch: () => void;
}

/** How a component asks. */
export interface FetchOptions extends Pick<RequestOptions, "timeout"> {
  /** `false` asks nothing until it is `true`. */
  readonly enabled?: boolean;
  /** Whether to ask again after each reconnect, since what the server said may be old; `true` by default. */
  readonly refetchOnReconnect?: boolean;
}

/** Asks for something when the component is shown, and again when `message` says something else. */
export function useFetch<T, R>(type: ClientMessage<T>, message: Init<T>, reply: ServerMessage<R>, options: FetchOptions = {}): FetchState<R> {
  const client = useClient();
  const { enabled = true, timeout, refetchOnReconnect = true } = options;
  const asked = useStable(message);
  const [count, refetch] = useReducer((count: number) => count + 1, 0);
  const [state, set] = useState<Omit<FetchState<R>, "refetch"> & { asked: unknown }>({ asked, data: undefined, error: undefined, isFetching: enabled });

  useEffect(() => {
    if (!enabled) return;
    const abort = new AbortController();
    set((old) => ({ asked, data: old.asked === asked ? old.data : undefined, error: undefined, isFetching: true }));
    client.fetch(type, asked, reply, { signal: abort.signal, retry: true, ...(timeout !== undefined && { timeout }) }).then(
      (data) => abort.signal.aborted || set({ asked, data, error: undefined, isFetching: false }),
      (error: PsdError) => abort.signal.aborted || set((old) => ({ ...old, error, isFetching: false })),
    );
    return () => abort.abort();
  }, [client, type, asked, reply, enabled, timeout, count]);

  const { status } = useConnection();
  const wasOpen = useRef(status === "open");
  const lost = useRef(false);
  useEffect(() => {
    const isOpen = status === "open";
    if (isOpen && lost.current && refetchOnReconnect) refetch();
    if (isOpen) lost.current = false;
    else if (wasOpen.current) lost.current = true;
    wasOpen.current = isOpen;
  }, [status, refetchOnReconnect]);

  // What was asked before is no answer to what is asked now.
  const data = state.asked === asked ? state.data : undefined;
  return useMemo(() => ({ data, error: state.error, isFetching: enabled && state.isFetching, refetch }), [data, state, enabled]);
}

/** How the last message fared that a component sent. */
export interface SendState<T> {
  /** Sends a message; the result is a promise that tells how it fares, too. */
  readonly send: (message?: Init<T>, options?: SendOptions) => Delivery;
  /** Whether something sent here has no answer yet. */
  readonly isSending: boolean;
  /** Why the last one failed. */
  readonly error: PsdError | undefined;
}

/** Sends messages of a type. `error` has what went wrong, so that the promise need not be watched. */
export function useSend<T>(type: ClientMessage<T>, options?: SendOptions): SendState<T> {
  const client = useClient();
  const fixed = useRef(options);
  fixed.current = options;
  const [{ pending, error }, change] = useReducer(
    (state: { pending: number; error: PsdError | undefined }, step: { by: number; error?: PsdError }) => ({
      pending: state.pending + step.by,
      error: step.by > 0 ? undefined : (step.error ?? state.error),
    }),
    { pending: 0, error: undefined },
  );
  const send = useCallback(
    (message?: Init<T>, more?: SendOptions) => {
      change({ by: 1 });
      const delivery = client.send(type, message, { ...fixed.current, ...more });
      delivery.then(
        () => change({ by: -1 }),
        (error: PsdError) => change({ by: -1, error }),
      );
      return delivery;
    },
    [client, type],
  );
  return useMemo(() => ({ send, isSending: pending > 0, error }), [send, pending, error]);
}

const EMPTY: readonly OutboxEntry[] = [];

/** The messages that wait or failed, oldest first; with a type, only those. `retry` and `discard` take their uuid. */
export function useOutbox(): { entries: readonly OutboxEntry[]; retry: (uuid: string) => void; discard: (uuid: string) => void };
export function useOutbox<T>(type: ClientMessage<T>): { entries: readonly OutboxEntry<T>[]; retry: (uuid: string) => void; discard: (uuid: string) => void };
export function useOutbox(type?: ClientMessage) {
  const client = useClient();
  const { outbox } = client;
  useEffect(() => type && client.register(type), [client, type]);
  const all = useStore(outbox, EMPTY);
  return useMemo(
    () => ({ entries: type ? all.filter((entry) => entry.type === type.type) : all, retry: outbox.retry, discard: outbox.discard }),
    [all, outbox, type],
  );
}
