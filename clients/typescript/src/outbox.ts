import { fromBinary, toBinary, type MessageType } from "./codec/index.js";
import { delay } from "./backoff.js";
import { randomUuid, timer, webLocks } from "./environment.js";
import { PsdError } from "./error.js";
import { hasKeys, identity } from "./keys.js";
import type { Host } from "./parts.js";
import { databaseOf, isInBrowser, storageOf } from "./storage/open.js";
import { forget, type Row } from "./storage/storage.js";
import { cell, type Store } from "./store.js";

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
  /** The message; `undefined` where its type is not known here yet (see the option `contract`). */
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

/** The outbox as the client has it. */
export interface OutboxPart extends Outbox {
  /** Takes a message; `watch` is told how it fares. */
  add(type: MessageType, value: unknown, uuid: string, watch: (status: DeliveryStatus) => void): Promise<void>;
  /** Sends what waits, if that is possible now. */
  pump(): void;
  /** Says whose messages are sent. Those of somebody else are kept for when they come back. */
  setUser(user: string): Promise<void>;
  /** Forgets everything of the present user. */
  clear(): Promise<unknown>;
}

/** A message in the outbox. */
interface Item {
  readonly uuid: string;
  /** What is kept of it. The id, the owner and the attempts are those of when it was found. */
  readonly row: Omit<Row, "id">;
  /** Its `retries` do not count an attempt that is under way. */
  status: DeliveryStatus;
  value?: unknown;
  /** Its identity, where it has cache keys. */
  readonly key?: string | false;
  isStored?: boolean;
  readonly watch?: (status: DeliveryStatus) => void;
}

/** The part of a client that keeps messages until they are sent; for generated code. */
export function outbox(host: Host): OutboxPart {
  const { maxMessages = 1000, maxBytes = 4 << 20 } = host.options.outbox ?? {};
  const storage = storageOf(host);
  const entries = cell<readonly OutboxEntry[]>([]);
  const watched = new Set<string>();
  let named: Promise<string> | undefined;
  let items: Item[] = [];
  let user: string | undefined;
  let isBusy = false;
  let stopPause: (() => void) | undefined;
  let pauses = 0;

  /** What stands before the uuid in the id of a row. */
  const prefix = () => "outbox" + JSON.stringify(user ?? "");
  const find = (uuid: string) => items.find((item) => item.uuid === uuid);
  const withState = (state: DeliveryStatus["state"]) => items.filter((item) => item.status.state === state);
  const tab = async () => (isInBrowser(host) ? (named ??= tabName(`psd.tab.${databaseOf(host)}.${randomUuid()}`)) : databaseOf(host));

  /** Writes a message; `attempts` are under way. */
  async function store(item: Item, attempts = 0): Promise<void> {
    const owner = await tab();
    const id = prefix() + item.uuid;
    const sent = item.status.retries + attempts;
    // It may have been discarded or replaced meanwhile.
    if (items.includes(item)) await storage(id, () => [{ ...item.row, id, owner, sent }]);
  }

  function publish(): void {
    entries.set(
      items.map((item) => {
        const { uuid, row, status } = item;
        const { type, at } = row;
        const descriptor = host.find(type);
        try {
          item.value ??= descriptor && fromBinary(descriptor, row.body);
        } catch {
          // The contract changed since. The server will say what it thinks of it.
        }
        return { uuid, type, value: item.value, at, status };
      }),
    );
  }

  function update(item: Item, state: DeliveryStatus["state"], error?: PsdError, more = 0): void {
    item.status = { state, retries: item.status.retries + more, error } as DeliveryStatus;
    item.watch?.(item.status);
    publish();
  }

  /** It was sent, or is given up: nothing of it is kept. */
  function finish(item: Item, error?: PsdError): void {
    void storage(prefix() + item.uuid, forget);
    update(item, error ? "failed" : "sent", error);
  }

  /** Takes a message off the list: it was sent, or is given up. */
  function remove(item: Item, error?: PsdError): void {
    items = items.filter((other) => other !== item);
    finish(item, error);
  }

  /** Gives a message up. It stays on the list, so that somebody sees it, but for this page only. */
  function fail(item: Item, error: PsdError): void {
    finish(item, error);
    const failed = withState("failed");
    if (failed.length > FAILED) remove(failed[0]!, error);
  }

  /** Sends what waits, in order and one at a time: the next goes when the one before was acked. */
  async function pump(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (;;) {
      const [item] = withState("queued");
      // One that is not stored yet calls again when it is.
      if (!item?.isStored || stopPause || !host.canSend()) break;
      if (item.row.expires <= Date.now()) fail(item, new PsdError("expired", `\`${item.row.type}\` could not be sent in its time`));
      else await deliver(item);
    }
    isBusy = false;
  }

  async function deliver(item: Item): Promise<void> {
    const { uuid, row } = item;
    update(item, "sending");
    void store(item, 1);
    try {
      await host.start({ ...row, uuid, retryCount: item.status.retries, descriptor: host.find(row.type), timeout: 30_000 });
      pauses = 0;
      remove(item);
    } catch (thrown) {
      if (!items.includes(item)) return;
      const error = thrown as PsdError;
      const { kind, code = 0 } = error;
      const isRefused = kind === "refused";
      const mayRepeat = isRefused
        ? // Whoever is signed out now may be back before the message expires.
          TRANSIENT.includes(code) || (code === 401 && !host.canSend())
        : // A frame over the limit ended the connection: the next attempt would end the next one.
          ["disconnected", "timeout"].includes(kind) && code !== 1009;
      if (!mayRepeat) return fail(item, error);
      update(item, "queued", undefined, 1);
      if (isRefused) {
        stopPause = timer(delay(++pauses, Math.random()), () => {
          stopPause = undefined;
          void pump();
        });
      }
    }
  }

  /** Takes over what closed tabs, or this one before its reload, have left. */
  async function adopt(): Promise<void> {
    const me = await tab();
    const locks = webLocks();
    const owner = prefix();
    // Owners first: whoever writes a row holds a lock already, so that one without a lock by then is gone for good.
    const found = locks ? await storage(owner) : [];
    const living = locks && (await locks.query()).held!.map(({ name }) => name);
    const gone = found.map(({ owner }) => owner).filter((name) => !living!.includes(name));
    let others: Row[] = [];
    const rows = await storage(owner, (rows) => {
      others = rows.filter(({ owner }) => owner !== me && !gone.includes(owner));
      return rows.filter(({ owner }) => gone.includes(owner)).map((row) => ({ ...row, owner: me }));
    });
    for (const row of rows.filter((row) => !others.includes(row))) {
      const uuid = row.id.slice(owner.length);
      if (owner === prefix() && !find(uuid)) items.push({ uuid, row, status: { state: "queued", retries: row.sent ?? 0 }, isStored: true });
    }
    items.sort((a, b) => a.row.at - b.row.at);
    publish();
    for (const { owner = "" } of others) {
      // Granted when that tab is closed.
      if (!watched.has(owner)) locks?.request(owner, { mode: "shared" }, () => {}).then(adopt, () => {});
      watched.add(owner);
    }
    void pump();
  }

  return {
    ...entries,
    pump,
    async add(type, value, uuid, watch) {
      const now = Date.now();
      const waiting = items.filter((item) => item.status.state !== "failed");
      const item: Item = {
        uuid,
        row: { at: Math.max(now, (items.at(-1)?.row.at ?? 0) + 1), expires: now + type.cache! * 1000, type: type.type, body: toBinary(type, value) },
        status: { state: "queued", retries: 0 },
        key: hasKeys(type) && type.type + identity(type, value),
        value,
        watch,
      };
      const size = [item, ...waiting].reduce((sum, { row }) => sum + row.body.length, 0);
      if (waiting.length >= maxMessages || size > maxBytes) return remove(item, new PsdError("full", `${waiting.length} messages wait in the outbox already`));
      const older = item.key && withState("queued").find(({ key }) => key === item.key);
      if (older) remove(older, new PsdError("replaced", "a newer message with the same cache keys is sent instead"));
      items.push(item);
      publish();
      await store(item);
      // From here on, a reload does not lose it: it may be sent.
      item.isStored = true;
      void pump();
    },
    async setUser(next) {
      if (next === user) return;
      const before = items;
      const left = prefix();
      // What nobody said before they signed in is theirs.
      if (user) items = [];
      user = next;
      for (const item of before) {
        if (!items.includes(item)) update(item, "failed", new PsdError("signed-out", "somebody else is signed in; the message is kept for its sender"));
        else if (item.status.state !== "failed") void store(item).then<unknown>(() => left !== prefix() && storage(left + item.uuid, forget));
      }
      await adopt();
    },
    async clear() {
      const error = new PsdError("signed-out", "logged out before the message was sent");
      for (const item of items) remove(item, error);
      await storage(prefix(), forget);
    },
    retry(uuid) {
      const item = find(uuid);
      if (item?.status.state !== "failed") return;
      update(item, "queued", undefined, 1);
      void store(item).then(pump);
    },
    discard(uuid) {
      const item = find(uuid);
      if (item) remove(item, new PsdError("aborted", "the message was discarded"));
    },
  };
}

/**
 * The name of this tab. It holds a lock of that name for as long as it lives, which is how others know that it does.
 * Without Web Locks (pages that came by plain HTTP) the name survives a reload instead, and nothing is taken over from
 * other tabs.
 */
export async function tabName(fresh: string): Promise<string> {
  const locks = webLocks();
  if (!locks) {
    try {
      return (sessionStorage["psd.tab"] ??= fresh);
    } catch {
      // No session storage either: what this tab leaves stays until it expires.
      return fresh;
    }
  }
  return new Promise((held) => {
    void locks.request(fresh, () => {
      held(fresh);
      return new Promise(() => {});
    });
  });
}
