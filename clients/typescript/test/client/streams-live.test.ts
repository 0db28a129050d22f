// Files over the connection to a real server, in Node; what goes over the line is looked at, and it can be cut.

import { createHash, randomBytes } from "node:crypto";
import WebSocket from "ws";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Headers, RequestResult, UploadChunk, UploadCredit, UploadOpened } from "../../src/common/index.js";
import { binary, type Framing, type Incoming } from "../../src/dialect.js";
import { createClient, memoryStorage, PsdError, type Client, type ClientOptions } from "../../src/index.js";
import { text } from "../../src/text.js";
import { createUploads, type Upload, type UploadedFile, type Uploads, type UploadsOptions } from "../../src/upload/index.js";
import { Board, contract, Post, Posted, Watch } from "../board/messages/index.js";
import { eventually, TestServer, type ServerOptions } from "../server.js";

const KIB = 1024;
let server: TestServer;
let clients: Client[];
let made: Uploads[];
let line: Line;

/** All connections of a test. */
class Line {
  /** What was sent of each upload, in order, by its id: from where, to where, and what was confirmed by then. */
  readonly sent = new Map<string, { from: number; to: number; safe: number }[]>();
  /** How often each upload was begun or gone on with. */
  readonly opened: string[] = [];
  readonly #sockets = new Set<WebSocket>();

  /** As a network that goes away. */
  cut(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  get constructorOf(): ClientOptions["WebSocket"] {
    const line = this;
    return class extends WebSocket {
      readonly #ids = new Map<number, string>();
      readonly #safe = new Map<string, number>();

      constructor(url: string, offer?: string[]) {
        super(url, offer);
        line.#sockets.add(this);
        this.addEventListener("close", () => line.#sockets.delete(this));
        this.addEventListener("message", ({ data }) => line.#hear(data, (message) => this.#received(message)));
      }

      override send(data: any): void {
        line.#hear(data instanceof Uint8Array ? data.slice().buffer : data, ({ type, read }) => {
          if (type !== UploadChunk.type) return;
          const { stream, offset, data } = read(UploadChunk);
          const id = this.#ids.get(stream)!;
          const from = Number(offset);
          line.sent.set(id, [...(line.sent.get(id) ?? []), { from, to: from + data.length, safe: this.#safe.get(id)! }]);
        });
        super.send(data);
      }

      #received({ type, read }: Incoming): void {
        if (type === UploadOpened.type) {
          const { stream, uploadId, offset } = read(UploadOpened);
          line.opened.push(uploadId);
          this.#ids.set(stream, uploadId);
          this.#safe.set(uploadId, Number(offset));
        } else if (type === UploadCredit.type) {
          const { stream, offset } = read(UploadCredit);
          this.#safe.set(this.#ids.get(stream)!, Number(offset));
        }
      }
    } as never;
  }

  #hear(data: any, heard: (message: Incoming) => void): void {
    const framing: Framing = typeof data === "string" ? text(false, Headers, RequestResult) : binary;
    for (const part of framing.split(data)) heard(framing.read(part));
  }

  /** Nothing that was confirmed went again, and what went is all of the file. */
  expectOnce(total: number): void {
    expect(this.sent.size).toBeGreaterThan(0);
    for (const chunks of this.sent.values()) {
      for (const { from, safe } of chunks) expect(from).toBeGreaterThanOrEqual(safe);
      expect(Math.max(...chunks.map(({ to }) => to))).toBe(total);
    }
  }
}

beforeEach(async () => {
  server = await TestServer.start();
  clients = [];
  made = [];
  line = new Line();
});
afterEach(async () => {
  made.forEach((uploads) => uploads.close());
  clients.forEach((client) => client.close());
  await server.close();
});

interface Person {
  client: Client;
  uploads: Uploads;
}

/** A client with uploads that may use nothing but the connection; `name` logs in. */
async function connect(name: string | undefined, options: Partial<ClientOptions> = {}, rest: UploadsOptions = {}): Promise<Person> {
  const onWarning = (warning: unknown) => {
    throw warning;
  };
  const client = createClient({ url: server.url, contract, WebSocket: line.constructorOf!, onWarning, ...options });
  clients.push(client);
  const { storage } = options;
  const fetch = () => expect.fail("a request");
  const uploads = createUploads(client, { fetch, onWarning, ...(storage && { storage }), ...rest });
  made.push(uploads);
  if (name) await client.auth.login(name, name);
  return { client, uploads };
}

async function restart(options: ServerOptions): Promise<void> {
  await server.close();
  server = await TestServer.start(options);
}

const failure = (promise: Promise<unknown>): Promise<PsdError> => promise.then(() => expect.fail("it succeeded"), (error) => error);
const hash = (bytes: ArrayLike<number>) => createHash("sha256").update(Uint8Array.from(bytes)).digest("hex");
const noise = (bytes: number) => Uint8Array.from(randomBytes(bytes));
const fileOf = (bytes: Uint8Array<ArrayBuffer>, name = "noise.bin", type = "") => new File([bytes], name, { type, lastModified: 1 });
const has = (upload: Upload, state: string) => eventually(() => upload.getSnapshot(), ({ status }) => status.state === state);
const sent = (upload: Upload, least: number) => eventually(() => upload.getSnapshot().sent, (sent) => sent >= least);

function expectStored(file: UploadedFile, bytes: ArrayLike<number>): void {
  expect(hash(server.stored().get(file.id)!)).toBe(hash(bytes));
}

test.each(["psd.v1.proto", "psd.v1.json"] as const)("a file arrives whole over %s, with what is said of it", async (dialect) => {
  const { uploads } = await connect("ann", { dialect });
  const bytes = noise(700 * KIB);
  const seen: number[] = [];
  const upload = uploads.upload(fileOf(bytes, "für alle.bin", "application/x-noise"), {
    via: "socket",
    localKey: "k1",
    metadata: { room: "küche" },
    onProgress: ({ sent }) => seen.push(sent),
  });
  expect(upload.getSnapshot()).toMatchObject({ via: "socket", sent: 0 });
  const file = await upload.done;
  expect(file).toMatchObject({ name: "für alle.bin", localKey: "k1", mime: "application/octet-stream" });
  expectStored(file, bytes);
  expect(seen.at(-1)).toBe(700 * KIB);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.length).toBeGreaterThan(2);
  line.expectOnce(700 * KIB);
  expectStored(await uploads.upload(new Blob([]), { via: "socket" }).done, []);
});

test("an upload goes on where the server is: after a pause, a cut line, a server that was killed, one that was stopped", async () => {
  const { uploads } = await connect("ann");
  const bytes = noise(24 << 20);
  const upload = uploads.upload(fileOf(bytes), { via: "socket" });
  const breaks: (() => Promise<void>)[] = [
    async () => {
      upload.pause();
      await has(upload, "paused");
      upload.resume();
    },
    async () => line.cut(),
    async () => {
      await server.kill();
      await has(upload, "waiting");
      await server.start();
    },
    async () => {
      await server.stop();
      await has(upload, "waiting");
      await server.start();
    },
  ];
  for (const interrupt of breaks) {
    // More than is under way, so that the upload has been begun again since the break before.
    await sent(upload, upload.getSnapshot().sent + (1 << 19));
    expect(upload.getSnapshot().sent).toBeLessThan(24 << 20);
    await interrupt();
  }
  expectStored(await upload.done, bytes);
  line.expectOnce(24 << 20);
  expect(new Set(line.opened).size).toBe(1);
  expect(line.opened).toHaveLength(5);
});

test("an upload goes on after a restart of the client", async () => {
  const storage = memoryStorage();
  const before = await connect("ann", { storage });
  const bytes = noise(8 << 20);
  const begun = before.uploads.upload(fileOf(bytes), { via: "socket" });
  await sent(begun, 1 << 20);
  const token = before.client.auth.token!;
  await eventually(() => storage('file"1"'), ({ length }) => length === 1);
  before.uploads.close();
  before.client.close();
  expect(await failure(begun.done)).toMatchObject({ kind: "disconnected" });
  const after = await connect(undefined, { storage, auth: { token } });
  after.client.connect();
  const upload = await eventually(() => after.uploads.find(begun.id)!, Boolean);
  expectStored(await upload.done, bytes);
  line.expectOnce(8 << 20);
  expect(new Set(line.opened).size).toBe(1);
});

test("two at once while messages flow", async () => {
  const { client, uploads } = await connect("ann", {}, { parallel: 2 });
  const files = [noise(8 << 20), noise(8 << 20), noise(1 << 10)];
  const all = files.map((bytes, index) => uploads.upload(fileOf(bytes, String(index)), { via: "socket" }));
  await Promise.all(all.slice(0, 2).map((upload) => sent(upload, 1)));
  expect(all[2]!.getSnapshot().status.state).toBe("queued");
  await client.fetch(Watch, { board: "a" }, Board);
  const heard: string[] = [];
  client.on(Posted, ({ text }) => heard.push(text));
  const said: string[] = [];
  while (all.every((upload) => upload.getSnapshot().status.state !== "done")) {
    said.push(String(said.length));
    await client.send(Post, { board: "a", text: said.at(-1)! });
  }
  expect(heard).toEqual(said);
  // Messages that waited for a file would be few.
  expect(said.length).toBeGreaterThan(5);
  for (const [index, upload] of all.entries()) expectStored(await upload.done, files[index]!);
});

test("an upload that is cancelled is gone from the server", async () => {
  const { uploads } = await connect("ann");
  const abort = new AbortController();
  const upload = uploads.upload(fileOf(noise(8 << 20)), { via: "socket", signal: abort.signal });
  await sent(upload, 1);
  expect(server.unfinished()).toHaveLength(1);
  await upload.cancel();
  expect(await failure(upload.done)).toMatchObject({ kind: "aborted" });
  expect(server.unfinished()).toEqual([]);
  const paused = uploads.upload(fileOf(noise(8 << 20)), { via: "socket", signal: abort.signal });
  await sent(paused, 1);
  paused.pause();
  abort.abort("changed my mind");
  expect(await failure(paused.done)).toMatchObject({ kind: "aborted", cause: "changed my mind" });
  await eventually(() => server.unfinished(), ({ length }) => length === 0);
  expect(server.stored().size).toBe(0);
});

test("an upload that is refused says why, as by requests", async () => {
  await restart({ settings: { PSD_UPLOAD_MAX_BYTES: "1000" } });
  const { client, uploads } = await connect("ann");
  const large = uploads.upload(new Blob([noise(1001)]), { via: "socket" });
  expect(await failure(large.done)).toMatchObject({ kind: "refused", code: 413, message: "the file has 1001 bytes; 1000 are allowed" });
  const lie = uploads.upload(new Blob(["no picture"], { type: "image/png" }), { via: "socket" });
  expect(await failure(lie.done)).toMatchObject({ code: 415, message: "the file is `text/plain`, not `image/png`" });
  await client.auth.setTokens(undefined);
  expect(await failure(uploads.upload(new Blob(["x"]), { via: "socket" }).done)).toMatchObject({ kind: "refused", code: 401 });
  expect(server.unfinished()).toEqual([]);
});

test("a token that ends during an upload is replaced", async () => {
  const good = await connect("ann");
  const stale = `x.${btoa(JSON.stringify({ user_id: "1" }))}.x`;
  const { client, uploads } = await connect(undefined, { auth: { token: stale, refresh: async () => good.client.auth.token! } });
  const bytes = noise(6 << 20);
  const upload = uploads.upload(fileOf(bytes), { via: "socket" });
  await sent(upload, 1 << 20);
  await client.auth.setTokens({ token: stale });
  expectStored(await upload.done, bytes);
  line.expectOnce(6 << 20);
});

test("a file that tus began goes on over the connection, and the other way round", async () => {
  const endpoint = server.url.replace("ws:", "http:").replace("/ws", "/uploads");
  const storage = memoryStorage();
  const bytes = noise(8 << 20);
  const ways = ["http", "socket"] as const;
  for (const [index, via] of ways.entries()) {
    const before = await connect("ann", { storage }, { endpoint, fetch });
    const begun = before.uploads.upload(fileOf(bytes), { via });
    await sent(begun, 1);
    begun.pause();
    await eventually(() => storage('upload"1"'), ([row]) => new TextDecoder().decode(row!.body).includes('"paused"'));
    await eventually(() => storage('file"1"'), ({ length }) => length === 1);
    const token = before.client.auth.token!;
    before.uploads.close();
    // The next version of the page has another mind.
    const [row] = await storage('upload"1"');
    const kept = JSON.parse(new TextDecoder().decode(row!.body));
    const other = ways[1 - index];
    await storage(row!.id, () => [{ ...row!, body: new TextEncoder().encode(JSON.stringify({ ...kept, via: other })) }]);
    const after = await connect(undefined, { storage, auth: { token } }, { endpoint, fetch });
    after.client.connect();
    const upload = await eventually(() => after.uploads.find(begun.id)!, Boolean);
    upload.resume();
    expectStored(await upload.done, bytes);
    expect(server.stored().size).toBe(index + 1);
    await eventually(() => storage("file"), ({ length }) => length === 0);
    after.uploads.close();
  }
});
