import { create, toJson, type ClientMessage, type Init, type JsonValue, type ServerMessage } from "./codec/index.js";
import type { Client, RequestOptions, SendOptions } from "./index.js";

/**
 * Options for TanStack Query's `useQuery`, `prefetchQuery` and the others: `useQuery(queryOptions(client, FetchHistory,
 * { room }, History))`. The key is the message's route and its JSON, so that `invalidateQueries({ queryKey:
 * [FetchHistory.type] })` means every request of a type.
 */
export function queryOptions<T, R>(client: Client, type: ClientMessage<T>, message: Init<T>, reply: ServerMessage<R>, options: Omit<RequestOptions, "signal"> = {}) {
  return {
    queryKey: queryKey(type, message),
    // A query changes nothing, so that it may be asked again when the connection breaks.
    queryFn: ({ signal }: { signal: AbortSignal }): Promise<R> => client.fetch(type, message, reply, { retry: true, ...options, signal }),
  };
}

/** The key of a query, which `setQueryData` and `invalidateQueries` take. */
export function queryKey<T>(type: ClientMessage<T>, message: Init<T>): readonly [route: string, message: JsonValue] {
  return [type.type, toJson(type, create(type, message))];
}

/** Options for `useMutation`: with a reply the mutation resolves with it, else when the server has handled the message. */
export function mutationOptions<T>(client: Client, type: ClientMessage<T>, reply?: undefined, options?: SendOptions): Mutation<T, void>;
export function mutationOptions<T, R>(client: Client, type: ClientMessage<T>, reply: ServerMessage<R>, options?: RequestOptions): Mutation<T, R>;
export function mutationOptions<T, R>(client: Client, type: ClientMessage<T>, reply?: ServerMessage<R>, options: RequestOptions = {}): Mutation<T, R | void> {
  return {
    mutationKey: [type.type],
    mutationFn: (message) => (reply ? client.fetch(type, message, reply, options) : client.send(type, message, options)),
  };
}

/** What {@link mutationOptions} makes. */
export interface Mutation<T, R> {
  readonly mutationKey: readonly [route: string];
  readonly mutationFn: (message: Init<T>) => Promise<R>;
}
