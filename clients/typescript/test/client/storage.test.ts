// What is kept: the same of every storage, and of the cache on top of it.

import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { cache as createCache } from "../../src/cache.js";
import { identity, matches } from "../../src/keys.js";
import { indexedDbStorage } from "../../src/storage/indexed-db.js";
import { memoryStorage } from "../../src/storage/memory.js";
import { resilientStorage } from "../../src/storage/resilient.js";
import { forget, type Row, type Storage } from "../../src/storage/storage.js";
import { create } from "../../src/codec/index.js";
import { Posted, You } from "../board/messages/index.js";

const row = (id: string, more: Partial<Row> = {}): Row => ({ id, at: 1, expires: 10, type: "t", body: new Uint8Array([1]), ...more });
const ids = (rows: Row[]) => rows.map(({ id }) => id);
let databases = 0;

describe.each<[string, () => Storage]>([
  ["IndexedDB", () => indexedDbStorage(`test ${databases++}`)],
  ["memory", memoryStorage],
  ["memory, since the database is broken", () => resilientStorage(broken(), () => {})],
])("%s", (_, make) => {
  let storage: Storage;
  beforeEach(() => {
    storage = make();
  });

  test("keeps rows, oldest first, finds them by the beginning of their ids, and replaces by id", async () => {
    await storage("", () => [row("g b", { at: 2 }), row("g a", { at: 1 }), row("other c")]);
    expect(await storage("g ")).toEqual([row("g a"), row("g b", { at: 2 })]);
    await storage("", () => [row("g a", { at: 3 }), "other c"]);
    expect(ids(await storage("g "))).toEqual(["g b", "g a"]);
    expect(await storage("other")).toEqual([]);
  });

  test("changes rows in one step", async () => {
    await storage("", () => [row("a"), row("b")]);
    const take = (owner: string) => storage("", (rows) => rows.filter((row) => !row.owner).map((row) => ({ ...row, owner })));
    await Promise.all([take("x"), take("y")]);
    expect((await storage("")).map(({ owner }) => owner)).toEqual(["x", "x"]);
  });

  test("keeps the order of calls that nobody waits for", async () => {
    void storage("", () => [row("a")]);
    void storage("", forget);
    void storage("", () => [row("b")]);
    expect(ids(await storage(""))).toEqual(["b"]);
  });
});

function broken(): Storage {
  return () => Promise.reject(new Error("no space"));
}

test("a broken storage is reported once", async () => {
  const warn = vi.fn();
  const storage = resilientStorage(broken(), warn);
  await Promise.all([storage("", () => [row("a")]), storage("", () => [row("b")])]);
  expect(ids(await storage(""))).toEqual(["a", "b"]);
  expect(warn).toHaveBeenCalledTimes(1);
});

test("identity and filters know names, bytes and long integers", () => {
  const note = create(Posted, { board: "a", noteId: "1", number: 5n });
  expect(identity(Posted, note)).toBe(identity(Posted, create(Posted, { board: "a", noteId: "1", text: "x" })));
  expect(identity(Posted, note)).not.toBe(identity(Posted, create(Posted, { board: "a", noteId: "2" })));
  expect([{ board: "a" }, { noteId: "1", number: 5n }, {}, undefined].map((filter) => matches(Posted, note, filter))).toEqual([true, true, true, true]);
  expect([{ board: "b" }, { number: 6n }, { board: "a", noteId: "2" }].map((filter) => matches(Posted, note, filter))).toEqual([false, false, false]);
});

describe("the cache", () => {
  let user: string;
  let storage: Storage;
  const make = (maxMessages?: number) => {
    const options = { url: "", storage, ...(maxMessages !== undefined && { cache: { maxMessages } }) };
    const warn = (error: unknown) => {
      throw error;
    };
    return createCache({ options, warn, user: async () => user, find: () => undefined, canSend: () => false, start: async () => {} });
  };
  const note = (noteId: string, text = noteId, board = "a") => create(Posted, { board, noteId, text });
  const texts = (found: { text: string }[]) => found.map(({ text }) => text);

  beforeEach(() => {
    user = "1";
    storage = memoryStorage();
  });

  test("answers in the order of arrival, replaces by key, and filters", async () => {
    const cache = make();
    for (const each of [note("1"), note("2"), note("3", "other", "b"), note("1", "new")]) void cache.put(Posted, each);
    expect(texts(await cache.query(Posted))).toEqual(["2", "other", "new"]);
    expect(texts(await cache.query(Posted, { board: "a" }))).toEqual(["2", "new"]);
    await cache.delete(Posted, { board: "a" });
    expect(texts(await cache.query(Posted))).toEqual(["other"]);
  });

  test("without cache keys there is one message of a type", async () => {
    const cache = make();
    for (const name of ["ann", "bob"]) await cache.put(You, create(You, { name }));
    expect(await cache.query(You)).toMatchObject([]);
    const kept = { ...You, cache: 60 };
    for (const name of ["ann", "bob"]) await cache.put(kept, create(You, { name }));
    expect(await cache.query(kept)).toMatchObject([{ name: "bob" }]);
  });

  test("each user has their own, and what has expired is gone", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const cache = make();
    await cache.put(Posted, note("1"));
    user = "2";
    expect(await cache.query(Posted)).toEqual([]);
    await cache.put(Posted, note("2"));
    await cache.clear();
    user = "1";
    expect(texts(await cache.query(Posted))).toEqual(["1"]);
    vi.setSystemTime(Date.now() + 7 * 24 * 3600 * 1000);
    expect(await cache.query(Posted)).toEqual([]);
    await cache.sweep();
    expect(await storage('cache"1""posted"')).toEqual([]);
    vi.useRealTimers();
  });

  test("is bounded, and what is oldest goes first", async () => {
    const cache = make(10);
    for (let count = 0; count < 200; count++) await cache.put(Posted, note(String(count)));
    const rows = await storage('cache"1""posted"');
    expect(rows.length).toBeLessThanOrEqual(10 + 65);
    expect(texts(await cache.query(Posted)).at(-1)).toBe("199");
  });
});
