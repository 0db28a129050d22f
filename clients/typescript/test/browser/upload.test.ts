// Uploads and their hook in a real browser, against a real server that comes and goes.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Request } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { binary } from "../../src/dialect.js";
import { UploadChunk, UploadCredit, UploadOpened } from "../../src/common/index.js";
import { eventually, TestServer, type ServerOptions } from "../server.js";
import { launch, Site, Tab } from "./browser.js";

const KIB = 1024;
const MIB = 1 << 20;
let browser: Browser;
let site: Site;
/** The same page with React 18. */
let former: Site;
let server: TestServer;
let context: BrowserContext;
let tabs: Uploader[];
let folder: string;

/** A tab with uploads. */
class Uploader {
  readonly tab: Tab;
  /** Requests: their methods, and how many were under way at most. */
  readonly methods: string[] = [];
  /** Streams that the server opened: their uploads; and chunks that it had confirmed before they went. */
  readonly opened: string[] = [];
  readonly again: number[] = [];
  readonly #underWay = new Set<Request>();
  most = 0;

  constructor(tab: Tab) {
    this.tab = tab;
    const isOne = (url: string, method: string) => url.includes("/uploads") && method !== "OPTIONS";
    tab.page.on("websocket", (socket) => {
      const streams = new Map<number, string>();
      const safe = new Map<string, number>();
      const read = (payload: string | Buffer) => [...binary.split(Uint8Array.from(payload as Buffer).buffer)].map((part) => binary.read(part));
      socket.on("framereceived", ({ payload }) => {
        for (const { type, read: as } of read(payload)) {
          if (type === UploadOpened.type) {
            const { stream, uploadId, offset } = as(UploadOpened);
            streams.set(stream, uploadId);
            this.opened.push(uploadId);
            safe.set(uploadId, Number(offset));
          } else if (type === UploadCredit.type) {
            const { stream, offset } = as(UploadCredit);
            safe.set(streams.get(stream)!, Number(offset));
          }
        }
      });
      socket.on("framesent", ({ payload }) => {
        for (const { type, read: as } of read(payload)) {
          if (type !== UploadChunk.type) continue;
          const { stream, offset } = as(UploadChunk);
          if (Number(offset) < safe.get(streams.get(stream)!)!) this.again.push(Number(offset));
        }
      });
    });
    tab.page.on("request", (request) => {
      if (!isOne(request.url(), request.method())) return;
      this.methods.push(request.method());
      // What removes a file goes beside those that bring one.
      if (request.method() !== "DELETE") this.#underWay.add(request);
      this.most = Math.max(this.most, this.#underWay.size);
    });
    // The page goes on once a request is answered; that it is finished may be told later than what the page does then.
    tab.page.on("response", (response) => this.#underWay.delete(response.request()));
    tab.page.on("requestfailed", (request) => this.#underWay.delete(request));
  }

  async choose(...files: [name: string, bytes: Buffer][]): Promise<void> {
    const paths = files.map(([name, bytes]) => {
      const path = join(folder, name);
      // Once, so that one that is chosen again has the same date.
      if (!existsSync(path)) writeFileSync(path, Uint8Array.from(bytes));
      return path;
    });
    await this.tab.page.locator("#files").setInputFiles(paths);
  }

  /** What is on the list, as soon as `test` accepts it. */
  list(test: (list: { id: string; name: string; state: string; sent: number; text: string }[]) => boolean) {
    const look = () =>
      this.tab.page.locator("#uploads li").evaluateAll((items) =>
        items.map((item) => {
          const { id, name, state, sent } = (item as HTMLElement).dataset as Record<string, string>;
          return { id: id!, name: name!, state: state!, sent: Number(sent), text: item.textContent! };
        }),
      );
    return eventually(look, test);
  }

  /** What becomes of the hook's functions. */
  call(name: "pause" | "resume" | "cancel" | "remove", id: string): Promise<void> {
    return this.tab.page.evaluate(([name, id]) => (window as any).all[name!](id), [name, id]);
  }

  /** The file that an upload has become, as the browser fetches it. */
  async hash(name: string): Promise<string> {
    await this.list((list) => list.some((item) => item.name === name && item.state === "done"));
    const url = await this.tab.page.locator(`[data-name="${name}"] a`).getAttribute("href");
    const bytes = await this.tab.page.evaluate(async (url) => {
      const digest = await crypto.subtle.digest("SHA-256", await (await fetch(url!)).arrayBuffer());
      return Array.from(new Uint8Array(digest));
    }, url);
    return Buffer.from(bytes).toString("hex");
  }
}

beforeAll(async () => {
  browser = await launch();
  site = await Site.start("", "upload.tsx");
  former = await Site.start("18", "upload.tsx");
});
afterAll(async () => {
  site.close();
  former.close();
  await browser.close();
});
beforeEach(async () => {
  server = await TestServer.start();
  context = await browser.newContext();
  tabs = [];
  folder = mkdtempSync(join(tmpdir(), "psd-upload-"));
});
afterEach(async () => {
  const mistakes = tabs.flatMap(({ tab }) => tab.mistakes);
  await context.close();
  await server.close();
  rmSync(folder, { recursive: true });
  expect(mistakes).toEqual([]);
});

async function restart(options: ServerOptions): Promise<void> {
  await server.close();
  server = await TestServer.start(options);
}

async function open(more = "", from = site): Promise<Uploader> {
  const uploader = new Uploader(await Tab.open(context, from.address(server, more)));
  tabs.push(uploader);
  return uploader;
}

async function login(more = "", from = site): Promise<Uploader> {
  const uploader = await open(more, from);
  await uploader.tab.login("ann");
  return uploader;
}

const sha = (bytes: Buffer) => createHash("sha256").update(Uint8Array.from(bytes)).digest("hex");
const isUnderWay = (list: { sent: number; state: string }[]) => list.length > 0 && list.every(({ sent, state }) => sent > 0 && state === "uploading");
const posts = ({ methods }: Uploader) => methods.filter((method) => method === "POST").length;

test.each([
  ["19", () => site],
  ["18", () => former],
])("React %s: an upload is paused, resumed and done", async (version, from) => {
  const ann = await login("", from());
  expect(await ann.tab.page.evaluate(() => (window as any).react)).toMatch(new RegExp(`^${version}\\.`));
  const bytes = randomBytes(4 * MIB);
  await ann.choose(["a.bin", bytes]);
  const { id } = (await ann.list(isUnderWay))[0]!;
  await ann.call("pause", id);
  await ann.list(([item]) => item!.state === "paused" && item!.sent < 4 * MIB);
  await ann.call("resume", id);
  expect(await ann.hash("a.bin")).toBe(sha(bytes));
  expect(posts(ann)).toBe(1);
  expect(await ann.tab.text("#others")).toBe("0");
});

test("a network that is cut, and a server that is killed, in the middle of uploads", async () => {
  const ann = await login();
  const [one, two] = [randomBytes(16 * MIB), randomBytes(16 * MIB)];
  await ann.choose(["one", one], ["two", two]);
  await ann.list(isUnderWay);
  await context.setOffline(true);
  await ann.list((list) => list.every(({ state }) => state === "waiting"));
  await context.setOffline(false);
  await ann.list(isUnderWay);
  await server.kill();
  await ann.list((list) => list.every(({ state }) => state === "waiting"));
  await server.start();
  expect(await ann.hash("one")).toBe(sha(one));
  expect(await ann.hash("two")).toBe(sha(two));
  expect(posts(ann)).toBe(2);
});

test("a reload in the middle of an upload", async () => {
  const ann = await login();
  const bytes = randomBytes(4 * MIB);
  await ann.choose(["a.bin", bytes]);
  await ann.list(isUnderWay);
  await eventually(() => ann.tab.page.evaluate(() => (window as any).uploads.getSnapshot()[0].sent), (sent) => sent > MIB);
  await ann.tab.page.reload();
  await ann.list(([item]) => item !== undefined && item.sent > MIB && item.state === "uploading");
  expect(await ann.hash("a.bin")).toBe(sha(bytes));
  expect(posts(ann)).toBe(1);
  await ann.tab.page.reload();
  await ann.list(({ length }) => length === 0);
});

test("over the socket: a network that is cut, a server that is killed, a reload, and two at once while messages flow", async () => {
  const ann = await login("&socket=1");
  const [one, two] = [randomBytes(16 * MIB), randomBytes(16 * MIB)];
  const go = async () => {
    const sent = (list: { sent: number }[]) => list.map(({ sent }) => sent);
    const before = sent(await ann.list((list) => list.length === 2 && isUnderWay(list)));
    await ann.list((list) => sent(list).every((sent, index) => sent > before[index]! + 256 * KIB));
  };
  await ann.choose(["one", one], ["two", two]);
  await go();
  await context.setOffline(true);
  await ann.list((list) => list.every(({ state }) => state === "waiting"));
  await context.setOffline(false);
  await go();
  await server.kill();
  await ann.list((list) => list.every(({ state }) => state === "waiting"));
  await server.start();
  await go();
  await ann.tab.page.reload();
  await go();
  const answered = await ann.tab.page.evaluate(() => (window as any).chat());
  expect(answered).toBeGreaterThan(5);
  expect(server.notes("a")).toHaveLength(answered);
  expect(await ann.hash("one")).toBe(sha(one));
  expect(await ann.hash("two")).toBe(sha(two));
  expect(new Set(ann.opened).size).toBe(2);
  expect(ann.opened.length).toBeGreaterThanOrEqual(8);
  expect([ann.again, ann.methods]).toEqual([[], []]);
});

test("a file that was not kept is chosen again", async () => {
  const ann = await login("&maxStoredBytes=0&keepDone=1");
  const bytes = randomBytes(4 * MIB);
  await ann.choose(["a.bin", bytes]);
  await ann.list(isUnderWay);
  await ann.tab.page.reload();
  const { id } = (await ann.list(([item]) => item?.state === "needs-file"))[0]!;
  await ann.tab.page.evaluate(async ([id, size]) => {
    try {
      (window as any).all.resume(id, new Blob([new Uint8Array(size as number)]));
    } catch (error) {
      document.title = (error as Error).message;
    }
  }, [id, 5] as const);
  expect(await ann.tab.page.title()).toContain("this is another file");
  await ann.choose(["a.bin", bytes]);
  expect(await ann.hash("a.bin")).toBe(sha(bytes));
  expect(posts(ann)).toBe(1);
  // What is done stays, if that is wished, until it is removed.
  await ann.tab.page.reload();
  await ann.list(([item]) => item?.state === "done");
  const [done] = await ann.list(({ length }) => length === 1);
  expect(done!.id).not.toBe(id);
  await ann.call("remove", done!.id);
  await ann.list(({ length }) => length === 0);
});

test("two tabs, one of which is closed in the middle of an upload", async () => {
  const first = await login();
  const bytes = randomBytes(4 * MIB);
  await first.choose(["a.bin", bytes]);
  const { id } = (await first.list(isUnderWay))[0]!;
  await first.call("pause", id);
  const second = await open();
  await eventually(() => second.tab.text("#auth"), (status) => status === "signed-in");
  await first.call("resume", id);
  await first.list(isUnderWay);
  expect(await second.list(() => true)).toEqual([]);
  await first.tab.page.close();
  await second.list(isUnderWay);
  expect(await second.hash("a.bin")).toBe(sha(bytes));
  expect(posts(first) + posts(second)).toBe(1);
});

test("three at once, a cancelled one, and refusals with their reasons", async () => {
  await restart({ settings: { PSD_UPLOAD_MAX_BYTES: String(MIB) } });
  const ann = await login();
  const bytes = randomBytes(MIB);
  await ann.choose(...Array.from({ length: 6 }, (_, index) => [String(index), bytes] as [string, Buffer]));
  const list = await ann.list((list) => list.filter(({ state }) => state === "uploading").length === 3);
  expect(list.map(({ state }) => state)).toEqual(["uploading", "uploading", "uploading", "queued", "queued", "queued"]);
  await ann.call("cancel", list[1]!.id);
  await ann.list(({ length }) => length === 5);
  for (const name of ["0", "2", "3", "4", "5"]) expect(await ann.hash(name)).toBe(sha(bytes));
  // That the cancelled one has ended may be told when another has begun.
  expect(ann.most).toBeLessThanOrEqual(4);
  expect(server.unfinished()).toEqual([]);
  expect(server.stored().size).toBe(5);

  await ann.choose(["large", randomBytes(MIB + 1)], ["lie.png", Buffer.from("text")]);
  const refused = await ann.list((list) => list.filter(({ state }) => state === "failed").length === 2);
  expect(refused.slice(-2).map(({ text }) => text)).toEqual([
    "large the file has 1048577 bytes; 1048576 are allowed",
    "lie.png the file is `text/plain`, not `image/png`",
  ]);
});

test("logging out ends uploads and forgets their files", async () => {
  const ann = await login();
  await ann.choose(["a.bin", randomBytes(4 * MIB)]);
  await ann.list(isUnderWay);
  await ann.tab.page.evaluate(() => (window as any).client.auth.logout());
  await ann.list(({ length }) => length === 0);
  const kept = await ann.tab.page.evaluate(async () => {
    const opening = indexedDB.open("psd.uploads");
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const request = opening.result.transaction("rows").objectStore("rows").getAllKeys();
    await new Promise((resolve) => (request.onsuccess = resolve));
    opening.result.close();
    return request.result;
  });
  expect(kept).toEqual([]);
});
