import { fromBinary, toBinary, type MessageType } from "./codec/index.js";
import { timer, webLocks } from "./environment.js";
import { PsdError } from "./error.js";
import { hasKeys, identity } from "./keys.js";
import type { Row, Storage } from "./storage/storage.js";
import { cell, type Cell, type Store } from "./store.js";

/** Codes with which the server says that a later attempt may succeed. */
const TRANSIENT = [408, 429, 503];
/** How many messages that failed are listed. */
const FAILED = 100;

/** How a message fares that was given to `send`; `retries` says how often it was sent before. */
export type DeliveryStatus =
  /** It waits for the connection, or for its turn. */
  | { readonly state: "queued"; readonly retries: number }
  /** It was sent, and the answer is not there yet. */
  | { readonly state: "sending"; readonly retries: number }
  /** The server has handled it. */
  | { readonly state: "sent"; readonly retries: number }
  /** It will not be sent any more. */
  | { readonly state: "failed"; readonly retries: number; readonly error: PsdError };

/** A message in the outbox. */
export interface OutboxEntry<T = unknown> {
  readonly uuid: string;
  /** The route. */
  readonly type: string;
  /** The message; `undefined` where its type is not known here yet (see the option `messages`). */
  readonly value: T | undefined;
  /** When it was given to the outbox: milliseconds since 1970. */
  readonly at: number;
  readonly status: DeliveryStatus;
}

/** The bounds of the outbox. */
export interface OutboxOptions {
  /** How many messages may wait; 1000 by default. */
  readonly maxMessages?: number;
  /** How many bytes they may have together; 4 MiB by default. */
  readonly maxBytes?: number;
}

/** The messages with `client cache` that wait until the server has handled them, across reloads. */
export interface Outbox extends Store<readonly OutboxEntry[]> {
  /** Sends a failed message again. */
  retry(uuid: string): void;
  /** Forgets a message that failed or waits. One that is being sent may arrive all the same. */
  discard(uuid: string): void;
}

/** What the outbox needs of the client. */
export interface OutboxEvents {
  /** Sends a message, if that is possible now, and waits for its ack. */
  send(item: Item): Promise<unknown>;
  /** Whether messages can be sent now. */
  isOpen(): boolean;
  find(type: string): MessageType | undefined;
}

/** A message in the outbox, and who waits for it. */
export interface Item {
  readonly uuid: string;
  readonly type: string;
  readonly body: Uint8Array;
  readonly at: number;
  readonly expires: number;
  /** How often it was sent, not counting an attempt that is under way. */
  retries: number;
  readonly status: Cell<DeliveryStatus>;
  /** Its identity, where it has cache keys. */
  readonly key?: string | false;
  isStored?: boolean;
  value?: unknown;
  readonly settle?: ((error?: PsdError) => void) | undefined;
}

const PREFIX = "outbox\n";

export function createOutbox(storage: Storage, tab: Promise<string>, options: OutboxOptions, events: OutboxEvents) {
  const { maxMessages = 1000, maxBytes = 4 << 20 } = options;
  const entries = cell<readonly OutboxEntry[]>([]);
  const watched = new Set<string>();
  let items: Item[] = [];
  let user = "";
  let isBusy = false;
  let stopPause: (() => void) | undefined;
  let pauses = 0;

  const group = () => PREFIX + user;
  const find = (uuid: string) => items.find((item) => item.uuid === uuid);
  const stateOf = (item: Item) => item.status.getSnapshot().state;

  /** Writes a message; `attempts` are under way. */
  async function store(item: Item, attempts = 0): Promise<void> {
    const owner = await tab;
    const { uuid, at, expires, type, body, retries } = item;
    // It may have been discarded or replaced meanwhile.
    if (items.includes(item)) await storage.write([{ id: PREFIX + uuid, group: group(), at, expires, type, body, owner, sent: retries + attempts }]);
  }

  function publish(): void {
    entries.set(
      items.map((item) => {
        const descriptor = events.find(item.type);
        try {
          item.value ??= descriptor && fromBinary(descriptor, item.body);
        } catch {
          // The contract changed since. The server will say what it thinks of it.
        }
        const { uuid, type, value, at, status } = item;
        return { uuid, type, value, at, status: status.getSnapshot() };
      }),
    );
  }

  function update(item: Item, state: DeliveryStatus["state"], error?: PsdError): void {
    item.status.set({ state, retries: item.retries, ...(error && { error }) } as DeliveryStatus);
    publish();
  }

  const unstore = (item: Item) => void storage.write([], [PREFIX + item.uuid]);

  function remove(item: Item): void {
    items = items.filter((other) => other !== item);
    unstore(item);
  }

  /** Gives a message up. It stays in the list, so that somebody sees it, but for this page only. */
  function fail(item: Item, error: PsdError): void {
    unstore(item);
    update(item, "failed", error);
    const failed = items.filter((item) => stateOf(item) === "failed");
    if (failed.length > FAILED) remove(failed[0]!);
    item.settle?.(error);
  }

  /** Sends what waits, in order and one at a time: the next goes when the one before was acked. */
  async function pump(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (;;) {
      const item = items.find((item) => stateOf(item) === "queued");
      // One that is not stored yet calls again when it is.
      if (!item?.isStored || stopPause || !events.isOpen()) break;
      if (item.expires <= Date.now()) fail(item, new PsdError("expired", `\`${item.type}\` could not be sent in its time`));
      else await deliver(item);
    }
    isBusy = false;
  }

  async function deliver(item: Item): Promise<void> {
    update(item, "sending");
    void store(item, 1);
    try {
      await events.send(item);
      remove(item);
      pauses = 0;
      update(item, "sent");
      item.settle?.();
    } catch (thrown) {
      if (!items.includes(item)) return;
      const error = thrown instanceof PsdError ? thrown : new PsdError("unreadable", String(thrown));
      const { kind, code = 0 } = error;
      // Whoever is signed out now may be back before the message expires.
      const isTransient = TRANSIENT.includes(code) || (code === 401 && !events.isOpen());
      // A frame over the limit ended the connection: the next attempt would end the next one.
      const mayRepeat = kind === "refused" ? isTransient : ["disconnected", "timeout"].includes(kind) && code !== 1009;
      if (!mayRepeat) return fail(item, error);
      item.retries++;
      update(item, "queued");
      if (kind === "refused") {
        stopPause = timer(Math.min(1000 * 2 ** pauses++, 20_000) * (0.5 + Math.random() / 2), () => {
          stopPause = undefined;
          void pump();
        });
      }
    }
  }

  /** Takes over what closed tabs, or this one before its reload, have left. */
  async function adopt(): Promise<void> {
    const me = await tab;
    const locks = webLocks();
    const living = locks && (await locks.query()).held!.map(({ name }) => name!);
    let mine: Row[] = [];
    const others = new Set<string>();
    await storage.update(group(), (rows) => {
      const isOrphan = ({ owner = "" }: Row) => owner !== me && living && !living.includes(owner);
      mine = rows.filter((row) => row.owner === me || isOrphan(row));
      rows.filter((row) => !mine.includes(row)).forEach(({ owner }) => others.add(owner!));
      return rows.filter(isOrphan).map((row) => ({ ...row, owner: me }));
    });
    for (const { id, type, body, at, expires, sent: retries = 0 } of mine) {
      const uuid = id.slice(PREFIX.length);
      if (find(uuid)) continue;
      items.push({ uuid, type, body, at, expires, retries, status: cell<DeliveryStatus>({ state: "queued", retries }), isStored: true });
    }
    items.sort((a, b) => a.at - b.at);
    publish();
    for (const owner of others) {
      if (watched.has(owner)) continue;
      watched.add(owner);
      // Granted when that tab is closed.
      locks?.request(owner, { mode: "shared" }, () => {}).then(adopt, () => {});
    }
    void pump();
  }

  return {
    getSnapshot: entries.getSnapshot,
    subscribe: entries.subscribe,
    pump,
    async add(type: MessageType, value: unknown, uuid: string, status: Cell<DeliveryStatus>, settle: Item["settle"]): Promise<void> {
      const body = toBinary(type, value);
      const waiting = items.filter((item) => stateOf(item) !== "failed");
      const now = Date.now();
      const item: Item = {
        uuid,
        type: type.type,
        body,
        at: Math.max(now, (items.at(-1)?.at ?? 0) + 1),
        expires: now + type.cache! * 1000,
        retries: 0,
        status,
        key: hasKeys(type) && type.type + identity(type, value),
        value,
        settle,
      };
      if (waiting.length >= maxMessages || waiting.reduce((sum, item) => sum + item.body.length, body.length) > maxBytes) {
        return fail(item, new PsdError("full", `${waiting.length} messages wait in the outbox already`));
      }
      const older = waiting.find((other) => item.key && other.key === item.key && stateOf(other) === "queued");
      if (older) {
        remove(older);
        fail(older, new PsdError("replaced", "a newer message with the same cache keys is sent instead"));
      }
      items.push(item);
      publish();
      await store(item);
      // From here on, a reload does not lose it: it may be sent.
      item.isStored = true;
      void pump();
    },
    adopt,
    /** Whose messages these are. Those of somebody else are kept for when they come back. */
    async setUser(next: string): Promise<void> {
      if (next === user) return;
      const before = items;
      // What nobody said before they signed in is theirs.
      if (user) items = [];
      user = next;
      for (const item of before) {
        if (items.includes(item)) void store(item);
        else item.settle?.(new PsdError("signed-out", "somebody else is signed in; the message is kept for its sender"));
      }
      await adopt();
    },
    /** Forgets everything of the present user. */
    async clear(): Promise<void> {
      const gone = items;
      items = [];
      publish();
      await storage.write([], (await storage.read(group())).map((row) => row.id));
      gone.forEach((item) => item.settle?.(new PsdError("signed-out", "logged out before the message was sent")));
    },
    retry(uuid: string): void {
      const item = find(uuid);
      if (!item || stateOf(item) !== "failed") return;
      item.retries++;
      update(item, "queued");
      void store(item).then(pump);
    },
    discard(uuid: string): void {
      const item = find(uuid);
      if (!item) return;
      remove(item);
      publish();
      item.settle?.(new PsdError("aborted", "the message was discarded"));
    },
  };
}

/**
 * The name of this tab. It holds a lock of that name for as long as it lives, which is how others know that it does.
 * Without Web Locks (pages that came by plain HTTP) the name survives a reload instead, and nothing is taken over from
 * other tabs.
 */
export function tabName(fresh: string): Promise<string> {
  const locks = webLocks();
  if (!locks) {
    try {
      return Promise.resolve((sessionStorage["psd.tab"] ??= fresh));
    } catch {
      // No session storage either: what this tab leaves stays until it expires.
      return Promise.resolve(fresh);
    }
  }
  return new Promise((held) => {
    void locks.request(fresh, () => {
      held(fresh);
      return new Promise(() => {});
    });
  });
}
