import { fromBinary, toBinary, type Init, type MessageType, type ServerMessage } from "./codec/index.js";
import { identity, matches } from "./keys.js";
import type { Row, Storage } from "./storage/storage.js";

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

/** How many messages may come beyond the bound before somebody looks. */
const SLACK = 64;

export function createCache(storage: Storage, user: () => Promise<string>, { maxMessages = 2000 }: CacheOptions, warn: (error: unknown) => void) {
  const prefix = async () => `cache\n${await user()}\n`;
  const group = async (type: MessageType) => `${await prefix()}${type.type}\n`;
  /** How many messages a group may take until it is looked at: the first one looks. */
  const room = new Map<string, number>();
  let last = 0;

  async function find(type: MessageType, filter?: object): Promise<[Row, any][]> {
    const found: [Row, any][] = [];
    for (const row of await storage.read(await group(type))) {
      if (row.expires <= Date.now()) continue;
      try {
        const value = fromBinary(type, row.body);
        if (matches(type, value, filter)) found.push([row, value]);
      } catch (error) {
        // The contract changed since.
        warn(error);
      }
    }
    return found;
  }

  return {
    async query(type: MessageType, filter?: object) {
      return (await find(type, filter)).map(([, value]) => value);
    },
    async put(type: MessageType, value: any) {
      const now = Date.now();
      // Several may come in one millisecond.
      const at = (last = Math.max(now, last + 0.001));
      const body = toBinary(type, value);
      const name = await group(type);
      await storage.write([{ id: name + identity(type, value), group: name, at, expires: now + (type.cache ?? 0) * 1000, type: type.type, body }]);
      const left = room.get(name) ?? 0;
      room.set(name, left - 1);
      if (left > 0) return;
      const rows = await storage.read(name);
      const beyond = rows.slice(0, Math.max(0, rows.length - maxMessages));
      room.set(name, maxMessages + SLACK - rows.length + beyond.length);
      await storage.write([], beyond.map((row) => row.id));
    },
    async delete(type: MessageType, filter?: object) {
      await storage.write([], (await find(type, filter)).map(([row]) => row.id));
    },
    clear: async () => storage.clear(await prefix()),
    /** Removes what has expired, of all users. */
    sweep: () => storage.clear("cache\n", Date.now()),
  };
}
