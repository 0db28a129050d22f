import { useEffect, useReducer, useRef } from "react";
import { hasKeys, identity, matches, type Init, type ServerMessage } from "../index.js";
import { useClient } from "./context.js";
import { useStable } from "./stable.js";

/** Which messages a component sees. */
export interface MessagesOptions<T> {
  /** Only messages with these values. */
  readonly filter?: Init<T>;
  /** Begins with what the client's cache holds. */
  readonly initialFromCache?: boolean;
  /** How many messages are held, the newest; 200 by default. */
  readonly limit?: number;
  /** `false` listens to nothing. */
  readonly enabled?: boolean;
}

/**
 * The messages of a type that came since the component was shown, oldest first. A message takes the place of one with
 * the same cache keys, so that nothing is there twice. With `select`, what it makes of them; give one that does not
 * change between renderings, as one outside the component.
 */
export function useMessages<T>(type: ServerMessage<T>, options?: MessagesOptions<T>): readonly T[];
export function useMessages<T, S>(type: ServerMessage<T>, options: MessagesOptions<T> & { select: (messages: readonly T[]) => S }): S;
export function useMessages<T, S>(type: ServerMessage<T>, options: MessagesOptions<T> & { select?: (messages: readonly T[]) => S } = {}): readonly T[] | S {
  const client = useClient();
  const { initialFromCache = false, limit = 200, enabled = true, select } = options;
  const filter = useStable(options.filter);
  const [list, change] = useReducer(reduce<T>, NOTHING as Listed<T>);

  useEffect(() => {
    change({ type, limit, reset: true });
    if (!enabled) return;
    let isCurrent = true;
    const stop = client.on(type, (message) => {
      if (matches(type, message, filter)) change({ type, limit, live: message });
    });
    if (initialFromCache) {
      client.cache.query(type, filter).then(
        (cached) => isCurrent && change({ type, limit, cached }),
        // Without the cache, what comes is all there is.
        () => {},
      );
    }
    return () => {
      isCurrent = false;
      stop();
    };
  }, [client, type, filter, initialFromCache, limit, enabled]);

  const memory = useRef<{ messages: readonly T[]; select: unknown; selected: S }>(undefined);
  if (!select) return list.messages;
  if (memory.current?.messages !== list.messages || memory.current.select !== select) {
    memory.current = { messages: list.messages, select, selected: select(list.messages) };
  }
  return memory.current.selected;
}

/** The newest message of a type; `undefined` until there is one. */
export function useMessage<T>(type: ServerMessage<T>, options?: Omit<MessagesOptions<T>, "limit">): T | undefined {
  return useMessages(type, { ...options, limit: 1 }).at(-1);
}

interface Listed<T> {
  readonly messages: readonly T[];
  /** The identity of each, where the type has cache keys. */
  readonly keys: readonly (string | undefined)[];
}
const NOTHING: Listed<never> = { messages: [], keys: [] };

type Change<T> = { type: ServerMessage<T>; limit: number; reset?: true; live?: T; cached?: readonly T[] };

function reduce<T>(list: Listed<T>, { type, limit, reset, live, cached = [] }: Change<T>): Listed<T> {
  if (reset) return NOTHING;
  const isKeyed = hasKeys(type);
  const key = (message: T) => (isKeyed ? identity(type, message) : undefined);
  const rows = list.messages.map((message, index) => ({ message, key: list.keys[index] }));
  if (live !== undefined) {
    const row = { message: live, key: key(live) };
    const place = isKeyed ? rows.findIndex((other) => other.key === row.key) : -1;
    if (place < 0) rows.push(row);
    else rows[place] = row;
  }
  // What came while the cache was asked is in the cache, too, perhaps.
  const present = new Set(rows.map((row) => row.key));
  const older = cached.map((message) => ({ message, key: key(message) })).filter((row) => !(isKeyed && present.has(row.key)));
  const kept = [...older, ...rows].slice(-limit);
  return { messages: kept.map((row) => row.message), keys: kept.map((row) => row.key) };
}
