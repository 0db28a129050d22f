import { fromBinary, toBinary, type MessageType } from "./codec/index.js";
import { timer, webLocks } from "./environment.js";
import { PsdError } from "./error.js";
import { identity } from "./keys.js";
import type { Row, Storage } from "./storage/storage.js";
import { cell, type Cell, type Store } from "./store.js";

/** Codes with which the server says that a later attempt may succeed. */
const TRANSIENT = [408, 429, 503];
/** How many messages that failed are listed. */
const FAILED = 100;

/** How a message fares that was given to `send`. */
export type DeliveryStatus =
  /** It waits for the connection, or for its turn; `retries` says how often it was sent before. */
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
  send(item: Item): Promise<void>;
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
  sent: number;
  readonly status: Cell<DeliveryStatus>;
  /** Its identity, where it has cache keys. */
  key: string | undefined;
  isStored: boolean;
  settle(error?: PsdError): void;
}

const GROUP = "outbox\n";

export function createOutbox(storage: Storage, tab: Promise<string>, options: OutboxOptions, events: OutboxEvents) {
  const entries = cell<readonly OutboxEntry[]>([]);
  const values = new Map<Item, unknown>();
  const watched = new Set<string>();
  let items: Item[] = [];
  let user = "";
  let isBusy = false;
  let pause: (() => void) | undefined;
  let pauses = 0;
  const { maxMessages = 1000, maxBytes = 4 << 20 } = options;

  const id = (item: Item) => GROUP + item.uuid;
  const group = () => GROUP + user;

  function row(item: Item, owner: string): Row {
    const { uuid: _, type, body, at, expires, sent } = item;
    return { id: id(item), group: group(), at, expires, type, body, owner, sent };
  }

  function publish(): void {
    entries.set(
      items.map((item) => ({ uuid: item.uuid, type: item.type, value: value(item), at: item.at, status: item.status.getSnapshot() })),
    );
  }

  function value(item: Item): unknown {
    const type = events.find(item.type);
    if (!values.has(item) && type) values.set(item, fromBinary(type, item.body));
    return values.get(item);
  }

  function update(item: Item, status: DeliveryStatus): void {
    item.status.set(status);
    publish();
  }

  function remove(item: Item): void {
    items = items.filter((other) => other !== item);
    void storage.write([], [id(item)]);
  }

  /** Keeps the message in the list, so that somebody sees it, but for this page only. */
  function fail(item: Item, error: PsdError): void {
    void storage.write([], [id(item)]);
    update(item, { state: "failed", retries: retries(item), error });
    const failed = items.filter((item) => item.status.getSnapshot().state === "failed");
    if (failed.length > FAILED) remove(failed[0]!);
    item.settle(error);
  }

  function retries(item: Item): number {
    return Math.max(0, item.sent - 1);
  }

  async function add(type: MessageType, message: unknown, uuid: string, status: Cell<DeliveryStatus>, settle: Item["settle"]): Promise<void> {
    const body = toBinary(type, message);
    const waiting = items.filter((item) => item.status.getSnapshot().state !== "failed");
    const bytes = waiting.reduce((sum, item) => sum + item.body.length, body.length);
    if (waiting.length >= maxMessages || bytes > maxBytes) {
      const error = new PsdError("full", `the outbox holds ${waiting.length} messages already: is the connection broken?`);
      status.set({ state: "failed", retries: 0, error });
      return settle(error);
    }
    const now = Date.now();
    const at = Math.max(now, (items.at(-1)?.at ?? 0) + 1);
    const hasKeys = Object.values(type.keys).some((names) => names?.length);
    const key = hasKeys ? type.type + identity(type, message) : undefined;
    const item: Item = { uuid, type: type.type, body, at, expires: now + type.cache! * 1000, sent: 0, status, key, isStored: false, settle };
    const older = waiting.find((other) => key && other.key === key && other.status.getSnapshot().state === "queued");
    if (older) {
      remove(older);
      const error = new PsdError("replaced", "a newer message with the same cache keys is sent instead");
      older.status.set({ state: "failed", retries: retries(older), error });
      older.settle(error);
    }
    items.push(item);
    values.set(item, message);
    publish();
    const owner = await tab;
    // It may have been discarded or replaced meanwhile.
    if (!items.includes(item)) return;
    await storage.write([row(item, owner)]);
    // From here on, a reload does not lose it: it may be sent.
    item.isStored = true;
    void pump();
  }

  /** Sends what waits, in order and one at a time: the next goes when the one before was acked. */
  async function pump(): Promise<void> {
    if (isBusy || pause || !events.isOpen()) return;
    isBusy = true;
    try {
      for (;;) {
        const item = items.find((item) => item.status.getSnapshot().state === "queued");
        // One that is not stored yet calls again when it is.
        if (!item?.isStored || !events.isOpen()) break;
        if (item.expires <= Date.now()) {
          fail(item, new PsdError("expired", `\`${item.type}\` could not be sent for as long as it is kept`));
        } else if (!(await deliver(item))) {
          break;
        }
      }
    } finally {
      isBusy = false;
    }
  }

  /** Whether the next one may go. */
  async function deliver(item: Item): Promise<boolean> {
    item.sent++;
    update(item, { state: "sending", retries: retries(item) });
    void tab.then((owner) => storage.write(items.includes(item) ? [row(item, owner)] : []));
    try {
      await events.send(item);
      remove(item);
      pauses = 0;
      update(item, { state: "sent", retries: retries(item) });
      item.settle();
      return true;
    } catch (thrown) {
      if (!items.includes(item)) return true;
      const error = thrown instanceof PsdError ? thrown : new PsdError("unreadable", String((thrown as Error)?.message ?? thrown));
      // Whoever is signed out now may be back before the message expires.
      if (error.code === 401 && !events.isOpen()) return update(item, { state: "queued", retries: item.sent }), false;
      const isRefused = error.kind === "refused" && !TRANSIENT.includes(error.code ?? 0);
      // A frame over the limit ends the connection: the next attempt would end the next one.
      if (isRefused || error.code === 1009 || !["refused", "disconnected", "timeout"].includes(error.kind)) {
        fail(item, error);
        return true;
      }
      update(item, { state: "queued", retries: item.sent });
      if (error.kind === "refused") {
        const wait = Math.min(1000 * 2 ** pauses++, 20_000) * (0.5 + Math.random() / 2);
        pause = timer(wait, () => {
          pause = undefined;
          void pump();
        });
        return false;
      }
      return error.kind === "timeout";
    }
  }

  function restore(row: Row): void {
    const uuid = row.id.slice(GROUP.length);
    if (items.some((item) => item.uuid === uuid)) return;
    const { type, body, at, expires, sent = 0 } = row;
    const status = cell<DeliveryStatus>({ state: "queued", retries: sent });
    items.push({ uuid, type, body, at, expires, sent, status, key: undefined, isStored: true, settle: () => {} });
    items.sort((a, b) => a.at - b.at);
  }

  /** Takes over what closed tabs, or this one before its reload, have left. */
  async function adopt(): Promise<void> {
    const me = await tab;
    const mine: Row[] = [];
    const living = await livingTabs();
    const others = new Set<string>();
    await storage.update(group(), (rows) => {
      mine.length = 0;
      const orphans = rows.filter(({ owner }) => owner !== me && living && !living.has(owner!));
      rows.filter(({ owner }) => owner !== me && living?.has(owner!)).forEach(({ owner }) => others.add(owner!));
      mine.push(...orphans, ...rows.filter(({ owner }) => owner === me));
      return orphans.map((row) => ({ ...row, owner: me }));
    });
    mine.forEach(restore);
    if (mine.length) publish();
    others.forEach(watch);
    void pump();
  }

  /** Waits until another tab is closed, and takes over what it leaves. */
  function watch(owner: string): void {
    if (watched.has(owner)) return;
    watched.add(owner);
    void webLocks()?.request(owner, { mode: "shared" }, () => {}).then(adopt, () => {});
  }

  return {
    ...(entries as Store<readonly OutboxEntry[]>),
    add,
    pump,
    adopt,
    /** Whose messages these are. Those of somebody else are kept for when they come back. */
    async setUser(next: string): Promise<void> {
      if (next === user) return;
      const before = user;
      const kept = items;
      user = next;
      items = [];
      if (before) {
        const error = new PsdError("signed-out", "somebody else is signed in; the message is kept for its sender");
        kept.forEach((item) => item.settle(error));
      } else {
        // What nobody said before they signed in is theirs.
        items = kept;
        const owner = await tab;
        await storage.write(kept.filter((item) => item.isStored).map((item) => row(item, owner)));
      }
      publish();
      await adopt();
    },
    /** Forgets everything of the present user. */
    async clear(): Promise<void> {
      const error = new PsdError("signed-out", "logged out before the message was sent");
      const gone = items;
      items = [];
      publish();
      const rows = await storage.read(group());
      await storage.write([], rows.map((row) => row.id));
      gone.forEach((item) => item.settle(error));
    },
    retry(uuid: string): void {
      const item = items.find((item) => item.uuid === uuid);
      if (item?.status.getSnapshot().state !== "failed") return;
      update(item, { state: "queued", retries: item.sent });
      void tab.then((owner) => storage.write([row(item, owner)])).then(pump);
    },
    discard(uuid: string): void {
      const item = items.find((item) => item.uuid === uuid);
      if (!item) return;
      remove(item);
      publish();
      item.settle(new PsdError("aborted", "the message was discarded"));
    },
  };
}

/** The names of all tabs that are alive; `undefined` where nobody knows. */
async function livingTabs(): Promise<Set<string> | undefined> {
  const state = await webLocks()?.query();
  return state && new Set(state.held?.map((lock) => lock.name!));
}

/**
 * The name of this tab. It holds a lock of that name for as long as it lives, which is how others know that it does.
 * Without Web Locks (pages that came by plain HTTP, Node) the name survives a reload instead, and nothing is taken over
 * from other tabs.
 */
export async function tabName(database: string, uuid: string): Promise<string> {
  const name = `psd.tab.${database}.${uuid}`;
  const locks = webLocks();
  if (locks) {
    await new Promise<void>((held) => {
      void locks.request(name, () => {
        held();
        return new Promise(() => {});
      });
    });
    return name;
  }
  try {
    const kept = sessionStorage.getItem("psd.tab");
    if (kept) return kept;
    sessionStorage.setItem("psd.tab", name);
  } catch {
    // No session storage either: what this tab leaves stays until it expires.
  }
  return name;
}
