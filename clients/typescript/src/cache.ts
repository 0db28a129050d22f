import { fromBinary, toBinary, type Init, type MessageType, type ServerMessage } from "./codec/index.js";
import { identity, matches } from "./keys.js";
import type { Host } from "./parts.js";
import { storageOf } from "./storage/open.js";
import { forget, type Row } from "./storage/storage.js";

/** What bounds the cache. */
export interface CacheOptions {
  /** How many messages of one type are kept; the oldest go first. 2000 by default. */
  readonly maxMessages?: number;
}

/**
 * The messages with `client cache` that came from the server, kept for as long as their contract says, each user's by
 * themselves. A message takes the place of an older one with the same cache keys.
 */
export interface Cache {
  /** What is kept of a type, in the order of arrival; with `filter`, only messages with these values. */
  query<T>(type: ServerMessage<T>, filter?: Init<T>): Promise<T[]>;
  /** Keeps a message as if it had come. */
  put<T>(type: ServerMessage<T>, message: T): Promise<void>;
  /** Forgets the messages of a type; with `filter`, those with these values. */
  delete<T>(type: ServerMessage<T>, filter?: Init<T>): Promise<void>;
  /** Forgets everything of the present user. */
  clear(): Promise<void>;
}

/** The cache as the client has it. */
export interface CachePart extends Cache {
  /** Removes what has expired, of all users. */
  sweep(): Promise<unknown>;
}

/** How many messages may come beyond the bound before somebody looks. */
const SLACK = 64;

/** The part of a client that keeps messages of the server; for generated code. */
export function cache(host: Host): CachePart {
  const { maxMessages = 2000 } = host.options.cache ?? {};
  const storage = storageOf(host);
  const prefix = async (type?: MessageType) => "cache" + JSON.stringify(await host.user()) + (type ? JSON.stringify(type.type) : "");
  /** How many messages of a group came since somebody looked. */
  const unseen = new Map<string, number>();
  let last = 0;

  function select(rows: Row[], type: MessageType, filter?: object): [Row, any][] {
    return rows.flatMap((row) => {
      try {
        const value = row.expires > Date.now() && fromBinary(type, row.body);
        if (value && matches(type, value, filter)) return [[row, value]];
      } catch (error) {
        // The contract changed since.
        host.warn(error);
      }
      return [];
    });
  }

  return {
    async query(type: MessageType, filter?: object) {
      return select(await storage(await prefix(type)), type, filter).map(([, value]) => value);
    },
    async put(type, value) {
      const now = Date.now();
      // Several may come in one millisecond.
      const at = (last = Math.max(now, last + 0.001));
      const body = toBinary(type, value);
      const group = await prefix(type);
      const id = group + identity(type, value);
      // The first looks.
      const count = unseen.get(group) ?? SLACK;
      const looks = count === SLACK;
      unseen.set(group, looks ? 0 : count + 1);
      await storage(looks ? group : id, (rows) => {
        const others = rows.filter((row) => row.id !== id);
        const beyond = others.filter((_, index) => others.length - index >= maxMessages);
        return [...forget(beyond), { id, at, expires: now + type.cache! * 1000, type: type.type, body }];
      });
    },
    async delete(type, filter) {
      await storage(await prefix(type), (rows) => forget(select(rows, type, filter).map(([row]) => row)));
    },
    async clear() {
      await storage(await prefix(), forget);
    },
    sweep: () => storage("cache", (rows) => forget(rows.filter(({ expires }) => expires <= Date.now()))),
  };
}
