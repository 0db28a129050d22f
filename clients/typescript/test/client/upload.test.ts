// Uploads against a real server, in Node; what is between them can be cut, and is counted.

import { createHash, randomBytes } from "node:crypto";
import WebSocket from "ws";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient, memoryStorage, PsdError, type Client, type ClientOptions, type Storage } from "../../src/index.js";
import { createUploads, type Upload, type UploadedFile, type UploadEntry, type Uploads, type UploadsOptions } from "../../src/upload/index.js";
import { contract } from "../board/messages/index.js";
import { eventually, TestServer, type ServerOptions } from "../server.js";

const KIB = 1024;
let server: TestServer;
let clients: Client[];
let made: Uploads[];
const endpoint = () => server.url.replace("ws:", "http:").replace("/ws", "/uploads");

/** A network between client and server. */
class Wire {
  /** Bytes that were confirmed, by their offsets in an upload. */
  readonly confirmed: [url: string, from: number, to: number][] = [];
  readonly methods: string[] = [];
  /** Requests under way, and the most that there were. */
  now = 0;
  most = 0;
  #cut = new AbortController();
  /** Awaited before each request. */
  gate: (method: string) => Promise<void> | void = () => {};
  /** Whether an answer gets lost. */
  loses: (method: string, response: Response) => boolean = () => false;

  cut(): void {
    this.#cut.abort();
  }

  mend(): void {
    this.#cut = new AbortController();
  }

  readonly fetch = async (url: URL, init: RequestInit): Promise<Response> => {
    const { signal: cut } = this.#cut;
    const method = init.method!;
    this.most = Math.max(this.most, ++this.now);
    try {
      await this.gate(method);
      const response = await fetch(url, { ...init, signal: AbortSignal.any([init.signal!, cut]) });
      this.methods.push(method);
      if (this.loses(method, response)) throw new TypeError("the answer was lost");
      if (method === "PATCH" && response.ok) {
        const from = Number((init.headers as Record<string, string>)["Upload-Offset"]);
        this.confirmed.push([String(url), from, Number(response.headers.get("Upload-Offset"))]);
      }
      return response;
    } finally {
      this.now--;
    }
  };

  /** Nothing that was confirmed went again. */
  expectOnce(confirmed = this.confirmed): void {
    const ends = new Map<string, number>();
    for (const [url, from, to] of confirmed) {
      expect(from).toBeGreaterThanOrEqual(ends.get(url) ?? 0);
      ends.set(url, to);
    }
    expect(ends.size).toBeGreaterThan(0);
  }
}

beforeEach(async () => {
  server = await TestServer.start();
  clients = [];
  made = [];
});
afterEach(async () => {
  made.forEach((uploads) => uploads.close());
  clients.forEach((client) => client.close());
  await server.close();
});

async function restart(options: ServerOptions): Promise<void> {
  await server.close();
  server = await TestServer.start(options);
}

interface Person {
  client: Client;
  uploads: Uploads;
  wire: Wire;
}

/** A client with uploads in small chunks; `name` logs in. */
async function connect(name: string | undefined, options: Partial<ClientOptions> = {}, rest: UploadsOptions = {}): Promise<Person> {
  const onWarning = (warning: unknown) => {
    throw warning;
  };
  const client = createClient({ url: server.url, contract, WebSocket, onWarning, ...options });
  clients.push(client);
  const wire = new Wire();
  const { storage } = options;
  const uploads = createUploads(client, { endpoint, chunkSize: 32 * KIB, fetch: wire.fetch, onWarning, ...(storage && { storage }), ...rest });
  made.push(uploads);
  if (name) await client.auth.login(name, name);
  return { client, uploads, wire };
}

const failure = (promise: Promise<unknown>): Promise<PsdError> => promise.then(() => expect.fail("it succeeded"), (error) => error);
const hash = (bytes: ArrayLike<number>) => createHash("sha256").update(Uint8Array.from(bytes)).digest("hex");
const noise = (bytes: number) => Uint8Array.from(randomBytes(bytes));
const blobOf = (bytes: Uint8Array<ArrayBuffer>, name = "noise.bin", type = "") => new File([bytes], name, { type, lastModified: 1 });
const states = (uploads: Uploads) => uploads.getSnapshot().map(({ status }) => status.state);
const has = (upload: { getSnapshot(): UploadEntry }, state: string) => eventually(() => upload.getSnapshot(), ({ status }) => status.state === state);
const sent = (upload: Upload, least: number) => eventually(() => upload.getSnapshot().sent, (sent) => sent >= least);

function expectStored(file: UploadedFile, bytes: ArrayLike<number>): void {
  expect(hash(server.stored().get(file.id)!)).toBe(hash(bytes));
}

test("a file arrives whole, with its name, its type and what is said of it", async () => {
  const { client, uploads, wire } = await connect("ann");
  const bytes = noise(100 * KIB);
  const seen: number[] = [];
  const upload = uploads.upload(blobOf(bytes, "für alle.bin", "application/x-noise"), {
    localKey: "k1",
    metadata: { room: "küche" },
    onProgress: ({ sent, total }) => {
      expect(total).toBe(100 * KIB);
      seen.push(sent);
    },
  });
  expect(upload.getSnapshot()).toMatchObject({ name: "für alle.bin", total: 100 * KIB, sent: 0, status: { state: "queued" } });
  const file = await upload.done;
  expect(file).toMatchObject({ name: "für alle.bin", localKey: "k1", mime: "application/octet-stream", downloadable: true });
  expectStored(file, bytes);
  const response = await fetch(new URL(file.url, server.url.replace("ws", "http")));
  expect(hash(new Uint8Array(await response.arrayBuffer()))).toBe(hash(bytes));
  // What the server has confirmed, and nothing else.
  expect(seen).toEqual([32, 64, 96, 100].map((kib) => kib * KIB));
  expect(uploads.getSnapshot()).toMatchObject([{ id: upload.id, metadata: { room: "küche" }, sent: 100 * KIB, status: { state: "done", file } }]);
  expect(uploads.find(upload.id)).toBe(upload);
  expect(wire.methods).toEqual(["POST", "PATCH", "PATCH", "PATCH", "PATCH"]);

  const empty = await uploads.upload(new Blob([])).done;
  expectStored(empty, new Uint8Array(0));
  for (const { id } of uploads.getSnapshot()) uploads.remove(id);
  expect(uploads.getSnapshot()).toEqual([]);
  expect(client.connection.getSnapshot().status).toBe("open");
});

test("an upload is paused, and goes on where it was", async () => {
  const { uploads, wire } = await connect("ann");
  const bytes = noise(500 * KIB);
  const upload = uploads.upload(blobOf(bytes));
  await sent(upload, 32 * KIB);
  upload.pause();
  await eventually(() => wire.now, (now) => now === 0);
  const paused = upload.getSnapshot();
  expect(paused.status).toEqual({ state: "paused" });
  expect(paused.sent).toBeLessThan(500 * KIB);
  upload.resume();
  expectStored(await upload.done, bytes);
  wire.expectOnce();
});

test("a server that is killed in the middle of an upload", async () => {
  const { uploads, wire } = await connect("ann");
  const bytes = noise(600 * KIB);
  const upload = uploads.upload(blobOf(bytes));
  for (const kib of [64, 192, 320]) {
    await sent(upload, kib * KIB);
    await server.kill();
    await has(upload, "waiting");
    expect(upload.getSnapshot().status).toMatchObject({ reason: { kind: "disconnected" } });
    await server.start();
  }
  expectStored(await upload.done, bytes);
  wire.expectOnce();
});

test("an upload goes on when the network is back, and nothing that was confirmed goes again", async () => {
  const { uploads, wire } = await connect("ann");
  const bytes = noise(600 * KIB);
  const upload = uploads.upload(blobOf(bytes));
  for (const kib of [32, 256]) {
    await sent(upload, kib * KIB);
    wire.cut();
    await has(upload, "waiting");
    wire.mend();
  }
  expectStored(await upload.done, bytes);
  wire.expectOnce();
  expect(wire.methods.filter((method) => method === "POST")).toHaveLength(1);
});

test("an upload whose last answer was lost is done all the same", async () => {
  const { uploads, wire } = await connect("ann");
  const bytes = noise(60 * KIB);
  let lost = 0;
  wire.loses = (method, { status }) => method === "PATCH" && status === 200 && lost++ === 0;
  const file = await uploads.upload(blobOf(bytes, "a.bin")).done;
  expect(file).toMatchObject({ name: "a.bin" });
  expectStored(file, bytes);
  expect(lost).toBe(2);
  expect([...server.stored().keys()]).toEqual([file.id]);
});

test("an upload goes on after a restart of the client", async () => {
  const storage = memoryStorage();
  const before = await connect("ann", { storage });
  const bytes = noise(600 * KIB);
  const begun = before.uploads.upload(blobOf(bytes), { metadata: { room: "a" } });
  const paused = before.uploads.upload(blobOf(bytes, "paused"));
  await sent(begun, 64 * KIB);
  paused.pause();
  const token = before.client.auth.token!;
  await eventually(() => storage('file"1"'), ({ length }) => length === 2);
  before.client.close();
  before.uploads.close();
  expect(await failure(begun.done)).toMatchObject({ kind: "disconnected" });
  expect(await failure(before.uploads.upload(blobOf(bytes)).done)).toMatchObject({ kind: "disconnected" });

  const after = await connect(undefined, { storage, auth: { token } });
  expect(after.uploads.getSnapshot()).toEqual([]);
  after.client.connect();
  await eventually(() => after.uploads.getSnapshot(), ({ length }) => length === 2);
  const upload = after.uploads.find(begun.id)!;
  expect(upload.getSnapshot()).toMatchObject({ name: "noise.bin", metadata: { room: "a" }, total: 600 * KIB });
  expectStored(await upload.done, bytes);
  expect(after.uploads.find(paused.id)!.getSnapshot().status).toEqual({ state: "paused" });
  after.uploads.resume(paused.id);
  expectStored(await after.uploads.find(paused.id)!.done, bytes);
  after.wire.expectOnce([...before.wire.confirmed, ...after.wire.confirmed]);
  // Nothing is left of either.
  await eventually(async () => [...(await storage("upload")), ...(await storage("file"))], ({ length }) => length === 0);
});

test("an upload whose file was not kept goes on when the same file is chosen again", async () => {
  const storage = memoryStorage();
  const before = await connect("ann", { storage }, { maxStoredBytes: 100 * KIB });
  const bytes = noise(300 * KIB);
  const [one, two] = ["one", "two"].map((name) => before.uploads.upload(blobOf(bytes, name)));
  for (const upload of [one!, two!]) await sent(upload, 64 * KIB);
  const token = before.client.auth.token!;
  before.uploads.close();
  expect(await storage("file")).toEqual([]);

  const after = await connect(undefined, { storage, auth: { token } }, { maxStoredBytes: 0 });
  after.client.connect();
  await eventually(() => states(after.uploads), (states) => states.join() === "needs-file,needs-file");
  expect(() => after.uploads.resume(one!.id)).toThrow("needs its file");
  expect(() => after.uploads.resume(one!.id, blobOf(bytes.subarray(1)))).toThrow("another file: it has 307199 bytes, not 307200");
  after.uploads.resume(one!.id, blobOf(bytes, "one"));
  expectStored(await after.uploads.find(one!.id)!.done, bytes);
  // Or it is chosen as if for the first time.
  const again = after.uploads.upload(blobOf(bytes, "two"));
  expectStored(await again.done, bytes);
  expect(after.uploads.find(two!.id)).toBeUndefined();
  expect(after.wire.methods).not.toContain("POST");
  expect(server.unfinished()).toEqual([]);
});

test("so many uploads run at once, and the others wait for their turn", async () => {
  const { uploads, wire } = await connect("ann", {}, { parallel: 2 });
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  wire.gate = () => gate;
  const all = Array.from({ length: 6 }, (_, index) => uploads.upload(blobOf(noise(70 * KIB), String(index))));
  await eventually(() => states(uploads), (states) => states.filter((state) => state === "uploading").length === 2);
  expect(states(uploads)).toEqual(["uploading", "uploading", "queued", "queued", "queued", "queued"]);
  // A place that is given up is taken by the next.
  all[0]!.pause();
  open();
  await Promise.all(all.slice(1).map(({ done }) => done));
  all[0]!.resume();
  await all[0]!.done;
  expect(wire.most).toBe(2);
  expect(server.stored().size).toBe(6);
});

test("an upload that is cancelled is gone from the server", async () => {
  const { client, uploads, wire } = await connect("ann");
  const upload = uploads.upload(blobOf(noise(600 * KIB)));
  await sent(upload, 32 * KIB);
  expect(server.unfinished()).toHaveLength(1);
  await upload.cancel();
  expect(await failure(upload.done)).toMatchObject({ kind: "aborted" });
  expect(server.unfinished()).toEqual([]);
  expect(uploads.getSnapshot()).toEqual([]);

  // By a signal, while it is being begun.
  const abort = new AbortController();
  wire.gate = (method) => {
    if (method === "POST") abort.abort("changed my mind");
  };
  const other = uploads.upload(blobOf(noise(600 * KIB)), { signal: abort.signal });
  expect(await failure(other.done)).toMatchObject({ kind: "aborted", cause: "changed my mind" });
  await eventually(() => wire.methods.slice(-2), (methods) => methods.join() === "POST,DELETE");
  expect(server.unfinished()).toEqual([]);
  expect(await failure(uploads.upload(blobOf(noise(9)), { signal: abort.signal }).done)).toMatchObject({ kind: "aborted" });
  expect(client.outbox.getSnapshot()).toEqual([]);
});

test("an upload that is refused says why", async () => {
  await restart({ settings: { PSD_UPLOAD_MAX_BYTES: "1000" } });
  const { client, uploads } = await connect("ann");
  const large = uploads.upload(new Blob([noise(1001)]));
  expect(await failure(large.done)).toMatchObject({ kind: "refused", code: 413, message: "the file has 1001 bytes; 1000 are allowed" });
  expect(large.getSnapshot().status).toMatchObject({ state: "failed", error: { code: 413 } });
  const lie = uploads.upload(new Blob(["no picture"], { type: "image/png" }));
  expect(await failure(lie.done)).toMatchObject({ code: 415, message: "the file is `text/plain`, not `image/png`" });
  expect(server.unfinished()).toEqual([]);

  // What was refused may be allowed later.
  uploads.resume(large.id);
  expect(large.getSnapshot().status.state).toBe("queued");
  expect(await failure(large.done)).toMatchObject({ code: 413 });
  for (const { id } of uploads.getSnapshot()) uploads.remove(id);
  await client.auth.setTokens(undefined);
  expect(await failure(uploads.upload(new Blob(["x"])).done)).toMatchObject({ kind: "refused", code: 401 });
  expect(() => uploads.upload(new Blob([]), { metadata: { "a b": "" } })).toThrow("`a b`");
  const elsewhere = await connect("ann", {}, { endpoint: endpoint().replace("uploads", "nowhere") });
  expect(await failure(elsewhere.uploads.upload(new Blob(["x"])).done)).toMatchObject({ kind: "refused", code: 404 });
  const nowhere = await connect("ann", {}, { endpoint: "/uploads" });
  expect(await failure(nowhere.uploads.upload(new Blob(["x"])).done)).toMatchObject({ message: expect.stringContaining("absolute") });
});

test("a token that ends during an upload is replaced", async () => {
  const good = await connect("ann");
  const stale = `x.${btoa(JSON.stringify({ user_id: "1" }))}.x`;
  let asked = 0;
  const refresh = async () => {
    asked++;
    return good.client.auth.token!;
  };
  const { client, uploads, wire } = await connect(undefined, { auth: { token: stale, refresh } });
  const bytes = noise(300 * KIB);
  const upload = uploads.upload(blobOf(bytes));
  await sent(upload, 64 * KIB);
  await client.auth.setTokens({ token: stale });
  expectStored(await upload.done, bytes);
  expect(asked).toBe(2);
  wire.expectOnce();

  // Where no other can be had, it waits for whoever it belongs to.
  const lost = await connect(undefined, { auth: { token: stale, refresh: () => Promise.reject(new PsdError("signed-out", "no more")) } });
  const waiting = lost.uploads.upload(blobOf(bytes));
  await has(waiting, "waiting");
  expect(waiting.getSnapshot().status).toMatchObject({ until: Infinity, reason: { kind: "signed-out" } });
  await lost.client.auth.login("ann", "ann");
  expectStored(await waiting.done, bytes);
});

test("each user has their own uploads, and logging out forgets them", async () => {
  const storage: Storage = memoryStorage();
  const { client, uploads, wire } = await connect("ann", { storage });
  wire.gate = (method) => (method === "PATCH" ? new Promise(() => {}) : undefined);
  const anns = uploads.upload(blobOf(noise(9), "ann's"));
  await eventually(() => storage('file"1"'), ({ length }) => length === 1);
  await client.auth.login("bob", "bob");
  expect(await failure(anns.done)).toMatchObject({ kind: "signed-out" });
  expect(uploads.getSnapshot()).toEqual([]);
  const bobs = uploads.upload(blobOf(noise(9), "bob's"));
  await eventually(() => storage('file"2"'), ({ length }) => length === 1);
  await client.auth.logout();
  expect(await failure(bobs.done)).toMatchObject({ kind: "signed-out" });
  expect(uploads.getSnapshot()).toEqual([]);
  const rows = await eventually(async () => [...(await storage("upload")), ...(await storage("file"))], ({ length }) => length === 2);
  expect(rows).toMatchObject([{ type: "upload" }, { type: "file" }]);
  wire.gate = () => {};
  await client.auth.login("ann", "ann");
  const found = await eventually(() => uploads.find(anns.id), Boolean);
  await found!.done;
  expect(server.stored().size).toBe(1);
});

test("an upload that is gone from the server begins anew", async () => {
  const { client, uploads, wire } = await connect("ann");
  const bytes = noise(300 * KIB);
  const upload = uploads.upload(blobOf(bytes));
  await sent(upload, 64 * KIB);
  upload.pause();
  await eventually(() => wire.now, (now) => now === 0);
  const [url] = wire.confirmed[0]!;
  await fetch(url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", Authorization: `Bearer ${client.auth.token}` } });
  upload.resume();
  expectStored(await upload.done, bytes);
  expect(wire.methods.filter((method) => method === "POST")).toHaveLength(2);
});

test("what is done stays on the list until it is removed, if that is wished", async () => {
  const storage = memoryStorage();
  const before = await connect("ann", { storage }, { keepDone: true });
  const file = await before.uploads.upload(new Blob(["hello"]), { metadata: { room: "a" } }).done;
  const token = before.client.auth.token!;
  await eventually(() => storage("file"), ({ length }) => length === 0);
  before.uploads.close();
  const after = await connect(undefined, { storage, auth: { token } }, { keepDone: true });
  after.client.connect();
  await eventually(() => after.uploads.getSnapshot(), ({ length }) => length === 1);
  const [entry] = after.uploads.getSnapshot();
  expect(entry).toMatchObject({ sent: 5, metadata: { room: "a" }, status: { state: "done", file } });
  expect(await after.uploads.find(entry!.id)!.done).toEqual(file);
  after.uploads.remove(entry!.id);
  await eventually(() => storage("upload"), ({ length }) => length === 0);
});
