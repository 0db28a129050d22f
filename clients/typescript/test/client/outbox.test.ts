// What tabs of one browser do with each other's messages, step by step.

import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { create, toBinary } from "../../src/codec/index.js";
import { outbox as createOutbox } from "../../src/outbox.js";
import type { Host } from "../../src/parts.js";
import { memoryStorage } from "../../src/storage/memory.js";
import type { Row, Storage } from "../../src/storage/storage.js";
import { Post } from "../board/messages/index.js";

/** The names of the locks that are held. */
let held: Set<string>;
/** What happens while somebody looks which locks are held, after it is known. */
let meanwhile: () => Promise<unknown>;
let rows: Storage;

beforeEach(() => {
  held = new Set();
  meanwhile = async () => {};
  rows = memoryStorage();
  const query = async () => {
    const found = [...held].map((name) => ({ name }));
    await meanwhile();
    return { held: found };
  };
  const request = (name: string, ...rest: unknown[]) => {
    // Shared ones are those of who waits for another tab to go: here, none goes.
    if (rest.length > 1) return new Promise(() => {});
    held.add(name);
    return (rest[0] as () => Promise<unknown>)();
  };
  vi.stubGlobal("navigator", { locks: { query, request } });
});
afterEach(() => vi.unstubAllGlobals());

const PREFIX = 'outbox""';
const row = (uuid: string, owner: string): Row => ({
  id: PREFIX + uuid,
  at: Date.now(),
  expires: Date.now() + 60_000,
  type: "post",
  body: toBinary(Post, create(Post, { text: uuid })),
  owner,
});

/** A tab that has just been opened by `user`. */
async function open(user = "") {
  const host: Host = {
    options: { url: "" },
    storage: rows,
    find: () => Post,
    warn: (error) => {
      throw error;
    },
    user: async () => user,
    canSend: () => false,
    start: async () => {},
  };
  const outbox = createOutbox(host);
  await outbox.setUser(user);
  return { uuids: () => outbox.getSnapshot().map(({ uuid }) => uuid) };
}

test("a tab takes over what a closed one left, and nothing of one that lives", async () => {
  held.add("lives");
  await rows("", () => [row("left", "gone"), row("waits", "lives")]);
  const tab = await open();
  expect(tab.uuids()).toEqual(["left"]);
  expect((await rows(PREFIX + "waits"))[0]!.owner).toBe("lives");
});

test("a tab that is opened while another looks around keeps its messages", async () => {
  await rows("", () => [row("left", "gone")]);
  meanwhile = async () => {
    held.add("new");
    await rows("", () => [row("written", "new")]);
  };
  const tab = await open();
  expect(tab.uuids()).toEqual(["left"]);
  expect((await rows(PREFIX + "written"))[0]!.owner).toBe("new");
});

test("of two tabs that look at once, one takes over what was left", async () => {
  await rows("", () => [row("left", "gone")]);
  const tabs = await Promise.all([open(), open()]);
  expect(tabs.map((tab) => tab.uuids()).flat()).toEqual(["left"]);
});
