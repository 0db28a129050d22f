// Files over the connection, against a server in the test's own process.

import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient, memoryStorage, PsdError, type Client, type ClientOptions } from "../../src/index.js";
import { crc, crcTable } from "../../src/upload/crc.js";
import { createUploads, type Uploads, type UploadsOptions } from "../../src/upload/index.js";
import { createPace, type Mark } from "../../src/upload/pace.js";
import { contract, Ignore } from "../board/messages/index.js";
import { eventually } from "../server.js";
import { fakeSockets, type FakeSocket } from "./fake.js";

const KIB = 1024;
const WELCOME = { connectionId: "1", heartbeatMs: 25_000, maxFrameBytes: 1 << 20, uploadStreams: 4 };
let sockets: FakeSocket[];
let client: Client;
let uploads: Uploads;
let requests: string[];

beforeEach(() => void (requests = []));
afterEach(() => {
  uploads?.close();
  client?.close();
});

function start(options: Partial<ClientOptions> = {}, more: UploadsOptions = {}): void {
  const fake = fakeSockets();
  sockets = fake.sockets;
  client = createClient({ url: "ws://fake/ws", contract, WebSocket: fake.WebSocket, storage: memoryStorage(), ...options });
  const fetch = async (url: URL, { method }: RequestInit) => {
    requests.push(`${method} ${url}`);
    return Response.json({ error: "not here" }, { status: 400 });
  };
  uploads = createUploads(client, { endpoint: "http://fake/uploads/", storage: memoryStorage(), fetch, ...more });
}

/** The connection that the client opens next, open. */
async function connected(number = 0, welcome = WELCOME): Promise<FakeSocket> {
  const socket = await eventually(() => sockets[number]!, Boolean);
  socket.open(undefined, welcome);
  return socket;
}

const fileOf = (bytes: number) => new File([Uint8Array.from({ length: bytes }, (_, index) => index * 7)], "a.bin", { type: "x/y", lastModified: 1 });
const of = (socket: FakeSocket, type: string): any[] => socket.sent.filter(({ headers }) => headers.messageType === type).map(({ body }) => body);
const opens = (socket: FakeSocket) => of(socket, "psd.upload-open");
const chunks = (socket: FakeSocket) => of(socket, "psd.upload-chunk").map(({ stream, offset = "0", data }) => [stream, Number(offset), atob(data).length]);
const cancels = (socket: FakeSocket) => of(socket, "psd.upload-cancel");
const say = (socket: FakeSocket, type: string, body: object) => socket.push({ messageType: `psd.upload-${type}` }, body);
const opened = (socket: FakeSocket, body: object) => say(socket, "opened", { stream: 1, uploadId: "f00", until: 256 * KIB, chunkBytes: 64 * KIB, ...body });
const state = () => uploads.getSnapshot().map(({ status, sent }) => [status.state, sent]);
const failure = (promise: Promise<unknown>): Promise<PsdError> => promise.then(() => expect.fail("it succeeded"), (error) => error);
/** What is done at once is done. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

const crc32c = (bytes: Uint8Array) => crc(crcTable(0x82f63b78), bytes);

test("checksums", () => {
  const digits = new TextEncoder().encode("123456789");
  expect(crc32c(digits)).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
  expect(crc(crcTable(0xedb88320), digits)).toBe(0xcbf43926);
});

test("a file goes in chunks within the server's credit, and other messages go between them", async () => {
  start({}, { chunkSize: 32 * KIB });
  const seen: number[] = [];
  const upload = uploads.upload(fileOf(150 * KIB), { via: "socket", localKey: "k", metadata: { room: "a" }, onProgress: ({ sent }) => seen.push(sent) });
  const socket = await connected();
  await eventually(() => opens(socket), ({ length }) => length === 1);
  expect(opens(socket)).toEqual([{ stream: 1, size: String(150 * KIB), name: "a.bin", mime: "x/y", localKey: "k", metadata: { room: "a" } }]);
  await settled();
  expect(chunks(socket)).toEqual([]);
  opened(socket, { until: 50 * KIB });
  await eventually(() => chunks(socket), ({ length }) => length === 1);
  await settled();
  // The second would go beyond the credit.
  expect(chunks(socket)).toEqual([[1, 0, 32 * KIB]]);
  const [first] = of(socket, "psd.upload-chunk");
  expect(first).toMatchObject({ crc32c: crc32c(new Uint8Array(await fileOf(32 * KIB).arrayBuffer())) });
  expect(first.last).toBeUndefined();
  void client.send(Ignore, {}, { noAck: true });
  expect(socket.types.at(-1)).toBe("ignore");
  say(socket, "credit", { stream: 1, offset: 0, until: 82 * KIB });
  await eventually(() => chunks(socket), ({ length }) => length === 2);
  await settled();
  expect(chunks(socket)).toHaveLength(2);
  expect(seen).toEqual([]);
  for (const count of [3, 4, 5]) {
    say(socket, "credit", { stream: 1, offset: (count - 2) * 32 * KIB, until: (count * 32 + 18) * KIB });
    await eventually(() => chunks(socket), ({ length }) => length === count);
  }
  expect(chunks(socket)).toEqual([0, 32, 64, 96, 128].map((kib) => [1, kib * KIB, Math.min(32, 150 - kib) * KIB]));
  expect(state()).toEqual([["uploading", 96 * KIB]]);
  const file = { id: "f00", url: "/files/f00", name: "a.bin" };
  say(socket, "done", { stream: 1, uploadId: "f00", file });
  expect(await upload.done).toMatchObject(file);
  expect(seen).toEqual([32, 64, 96, 150].map((kib) => kib * KIB));
  expect([requests, cancels(socket), socket.sent.filter(({ seq }) => seq).map(({ headers }) => headers.messageType)]).toEqual([[], [], ["ignore"]]);
});

test("after a break it goes on behind what was confirmed", async () => {
  start();
  const upload = uploads.upload(fileOf(200 * KIB), { via: "socket" });
  const first = await connected();
  await eventually(() => opens(first), ({ length }) => length === 1);
  opened(first, {});
  await eventually(() => chunks(first), ({ length }) => length === 2);
  say(first, "credit", { stream: 1, offset: 32 * KIB, until: 288 * KIB });
  first.end();
  const second = await connected(1);
  await eventually(() => opens(second), ({ length }) => length === 1);
  expect(opens(second)).toEqual([{ stream: 1, uploadId: "f00", size: String(200 * KIB) }]);
  opened(second, { offset: 100 * KIB, until: 356 * KIB });
  await eventually(() => chunks(second), ({ length }) => length === 2);
  expect(chunks(second)).toEqual([[1, 100 * KIB, 32 * KIB], [1, 132 * KIB, 32 * KIB]]);
  say(second, "done", { stream: 1, uploadId: "f00", file: { id: "f00" } });
  await upload.done;
});

test("pausing keeps the upload, cancelling does not", async () => {
  start();
  const upload = uploads.upload(fileOf(500 * KIB), { via: "socket" });
  const socket = await connected();
  await eventually(() => opens(socket), ({ length }) => length === 1);
  // One that has no name yet cannot be found again.
  upload.pause();
  await eventually(() => cancels(socket), ({ length }) => length === 1);
  expect(cancels(socket)).toEqual([{ stream: 1 }]);
  say(socket, "failed", { stream: 1, errorCode: 499, errorMessage: "cancelled" });
  upload.resume();
  await eventually(() => opens(socket), ({ length }) => length === 2);
  expect(opens(socket)[1]).toMatchObject({ stream: 2, name: "a.bin" });
  opened(socket, { stream: 2 });
  await eventually(() => chunks(socket), ({ length }) => length === 2);
  upload.pause();
  await eventually(() => cancels(socket), ({ length }) => length === 2);
  expect(cancels(socket)[1]).toEqual({ stream: 2, keep: true });
  expect(state()).toEqual([["paused", 0]]);
  // What is under way is said to nobody any more.
  say(socket, "credit", { stream: 2, offset: 64 * KIB, until: 320 * KIB });
  expect(state()).toEqual([["paused", 0]]);
  const cancelled = upload.cancel();
  await eventually(() => opens(socket), ({ length }) => length === 3);
  expect(opens(socket)[2]).toEqual({ stream: 3, uploadId: "f00", size: String(500 * KIB) });
  expect(cancels(socket)[2]).toEqual({ stream: 3 });
  say(socket, "failed", { stream: 3, errorCode: 499, errorMessage: "cancelled" });
  await cancelled;
  expect(await failure(upload.done)).toMatchObject({ kind: "aborted" });
  expect([requests, uploads.getSnapshot()]).toEqual([[], []]);
});

test("no more streams than the server takes, and the client's own limit counts, too", async () => {
  start({}, { parallel: 3 });
  for (let index = 0; index < 4; index++) uploads.upload(fileOf(200 * KIB), { via: "socket" });
  const socket = await connected(0, { ...WELCOME, uploadStreams: 2 });
  await eventually(() => opens(socket), ({ length }) => length === 2);
  await settled();
  expect(opens(socket)).toHaveLength(2);
  expect(state().map(([state]) => state)).toEqual(["uploading", "uploading", "uploading", "queued"]);
  opened(socket, { stream: 1, until: 256 * KIB });
  opened(socket, { stream: 2, uploadId: "f01", until: 256 * KIB });
  // What the line is trusted with is for all of them.
  await eventually(() => chunks(socket), ({ length }) => length === 2);
  await settled();
  expect(chunks(socket)).toHaveLength(2);
  say(socket, "done", { stream: 1, uploadId: "f00", file: { id: "f00" } });
  await eventually(() => opens(socket), ({ length }) => length === 3);
  expect(opens(socket)[2]).toMatchObject({ stream: 3 });
});

test("what the server says of a stream that ends", async () => {
  start();
  let seen = 1;
  const fail = async (errorCode: number, kept: boolean) => {
    await eventually(() => opens(socket), ({ length }) => length > seen);
    seen++;
    say(socket, "failed", { stream: opens(socket).at(-1).stream, errorCode, errorMessage: "because", kept });
  };
  const upload = uploads.upload(fileOf(200 * KIB), { via: "socket" });
  const socket = await connected();
  await eventually(() => opens(socket), ({ length }) => length === 1);
  opened(socket, {});
  say(socket, "failed", { stream: 1, errorCode: 460, errorMessage: "the checksum", kept: true });
  for (const [code, kept] of [[503, true], [408, true], [404, false]] as const) await fail(code, kept);
  // It is gone: from the beginning.
  await eventually(() => opens(socket), ({ length }) => length > seen);
  seen++;
  expect(opens(socket).at(-1).uploadId).toBeUndefined();
  opened(socket, { stream: opens(socket).at(-1).stream });
  say(socket, "failed", { stream: opens(socket).at(-1).stream, errorCode: 423, errorMessage: "somebody else goes on", kept: true });
  expect(await failure(upload.done)).toMatchObject({ kind: "refused", code: 423, message: "somebody else goes on" });
  upload.resume();
  await fail(413, true);
  expect(await failure(upload.done)).toMatchObject({ kind: "refused", code: 413 });
  expect(requests).toEqual([]);
});

test("a token that is refused is replaced", async () => {
  let asked = 0;
  const refresh = async () => `t${++asked}`;
  start({ auth: { token: "t0", refresh } });
  const upload = uploads.upload(fileOf(9), { via: "socket" });
  const socket = await connected();
  await eventually(() => opens(socket), ({ length }) => length === 1);
  say(socket, "failed", { stream: 1, errorCode: 401, errorMessage: "nobody" });
  await eventually(() => opens(socket), ({ length }) => length === 2);
  // The new token goes ahead.
  expect(socket.types.slice(-2)).toEqual(["verify-token", "psd.upload-open"]);
  expect(socket.sent.at(-2).headers.authHeader).toBe("t1");
  for (const stream of [2, 3]) {
    await eventually(() => opens(socket), ({ length }) => length === stream);
    say(socket, "failed", { stream, errorCode: 401, errorMessage: "nobody" });
  }
  expect(await failure(upload.done)).toMatchObject({ kind: "refused", code: 401 });
  expect(asked).toBe(2);
});

test.each([
  ["a server of v1 that takes no files by the connection", { ...WELCOME, uploadStreams: 0 }],
  ["a classic server", undefined],
])("%s gets them by requests", async (_, welcome) => {
  start(welcome ? {} : { dialect: "classic" });
  const upload = uploads.upload(fileOf(9), { via: "socket" });
  const socket = await eventually(() => sockets[0]!, Boolean);
  welcome ? socket.open(undefined, welcome) : socket.onopen!({});
  expect(await failure(upload.done)).toMatchObject({ kind: "refused", code: 400, message: "not here" });
  expect(requests).toEqual(["POST http://fake/uploads/"]);
  expect(socket.sent).toEqual([]);
});

test("what a stream began goes on by requests, and the other way round", async () => {
  start();
  const upload = uploads.upload(fileOf(100 * KIB), { via: "socket" });
  const first = await connected();
  await eventually(() => opens(first), ({ length }) => length === 1);
  opened(first, { uploadId: "00ff" });
  await eventually(() => chunks(first), ({ length }) => length === 2);
  first.end();
  await connected(1, { ...WELCOME, uploadStreams: 0 });
  expect(await failure(upload.done)).toMatchObject({ message: "not here" });
  expect(requests).toEqual(["HEAD http://fake/uploads/00ff"]);
});

test("a client without a connection waits for one", async () => {
  start();
  const upload = uploads.upload(fileOf(9), { via: "socket" });
  const socket = await eventually(() => sockets[0]!, Boolean);
  socket.end(4403, "out");
  await eventually(state, ([item]) => item![0] === "waiting");
  expect(upload.getSnapshot().status).toMatchObject({ reason: { kind: "disconnected", code: 4403 } });
  expect(sockets).toHaveLength(1);
  client.connect();
  const second = await connected(1);
  await eventually(() => opens(second), ({ length }) => length === 1);
  say(second, "done", { stream: 1, uploadId: "f00" });
  expect(await failure(upload.done)).toMatchObject({ kind: "unreadable" });
});

test("the pace is what a line takes without delay", () => {
  let pace = createPace();
  let now = 0;
  const sent: [bytes: number, mark: Mark, at: number][] = [];
  /** Sends and receives for so long, over a line so many KiB a second wide and so many milliseconds long; the most KiB that were under way in the end. */
  const run = (seconds: number, rate: number, length: number): number => {
    const end = now + seconds * 1000;
    let free = now;
    let most = 0;
    while (now < end) {
      const underWay = sent.reduce((sum, [bytes]) => sum + bytes, 0);
      const bytes = pace.chunk(64 * KIB);
      if (pace.room(underWay, bytes)) {
        free = Math.max(now, free) + (bytes / KIB / rate) * 1000;
        sent.push([bytes, pace.mark(now), free + length]);
        if (now > end - 1000) most = Math.max(most, underWay + bytes);
      } else {
        const [bytes, mark, at] = sent.shift()!;
        pace.came(bytes, mark, (now = at));
      }
    }
    return most / KIB;
  };
  // A fast line gets what it can hold.
  expect(run(5, 100_000, 1)).toBeGreaterThan(900);
  // When it becomes slow, a message waits for less than a second.
  expect(run(30, 50, 20)).toBeLessThan(50);
  expect(pace.chunk(64 * KIB)).toBeLessThan(25 * KIB);
  expect(run(30, 2000, 20)).toBeGreaterThan(500);
  // One that is long, but wide, gets what it can hold, too; one that is not so wide gets what keeps it busy.
  pace = createPace();
  sent.length = 0;
  expect(run(10, 10_000, 300)).toBeGreaterThan(900);
  pace = createPace();
  sent.length = 0;
  const most = run(30, 500, 100);
  expect(most).toBeGreaterThan(50 + 100);
  expect(most).toBeLessThan(50 + 250);
});
