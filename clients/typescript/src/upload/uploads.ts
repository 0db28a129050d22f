import { delay } from "../backoff.js";
import type { Auth } from "../auth.js";
import type { Client, ClientAuth } from "../client.js";
import type { UploadedFile } from "../common/sfiles.js";
import { randomUuid, timer, watchNetwork } from "../environment.js";
import { asPsdError, PsdError } from "../error.js";
import { cell, listenerSet } from "../store.js";
import { entryOf, promise, type Item } from "./item.js";
import { createKept, type KeptUpload } from "./kept.js";
import { createTus, type Refusal } from "./tus.js";
import type { UploadEntry, UploadOptions, UploadProgress, Uploads, UploadsOptions, UploadStatus } from "./types.js";

/** Bytes of a chunk: at first, at least and at most. */
const [FIRST, LEAST, MOST] = [1 << 18, 1 << 16, 1 << 23];
/** Milliseconds of a request: a faster one lets chunks grow, a slower one lets them shrink. */
const [FAST, SLOW] = [1000, 4000];
/** How often the server may say the same in a row of what should not happen twice. */
const PATIENCE = 5;
/** How many uploads are listed that have ended. */
const ENDED = 100;
/** Codes with which the server says that a later attempt may succeed, besides those of its own failures. */
const TRANSIENT = [408, 423, 425, 429];
/** Codes of a server's failures that no later attempt changes: what it cannot do, and a full disk. */
const LASTING = [501, 505, 507];
/** Codes after which the server is asked how far it is: another offset, a checksum that does not match. */
const ELSEWHERE = [409, 460];
/** Somebody else goes on with the upload. */
const TAKEN = 423;
/** Codes of an upload that is not there any more. */
const GONE = [404, 410];

/** The uploads of a client; those that an earlier page has left go on when the client connects, or with the first upload. */
export function createUploads(client: Client, options: UploadsOptions = {}): Uploads {
  const { parallel = 3, chunkSize, keepDone = false, onWarning: warn = (error) => console.warn("psd:", error) } = options;
  // What `createClient` makes it of.
  const auth = client.auth as ClientAuth & Auth;
  const tus = createTus(auth, options);
  const kept = createKept(options, warn);
  const entries = cell<readonly UploadEntry[]>([]);
  let items: Item[] = [];
  let user: string | undefined;
  let isClosed = false;
  /** Ends with the user. */
  let session = new AbortController();
  let begun: Promise<void> | undefined;
  let stopWatching: (() => void)[] = [];

  const find = (id: string) => items.find((item) => item.id === id);
  const isEnded = ({ status: { state } }: Item) => state === "done" || state === "failed";

  function publish(): void {
    entries.set(items.map(({ cell }) => cell.getSnapshot()));
  }

  function update(item: Item, status: UploadStatus = item.status): void {
    item.status = status;
    item.cell.set(entryOf(item));
    publish();
  }

  function make(kept: KeptUpload, onProgress?: UploadOptions["onProgress"]): Item {
    const { id, status: before, blob, url, total } = kept;
    const isDone = before.state === "done";
    const status: UploadStatus = isDone || blob ? before : { state: "needs-file" };
    const sent = isDone ? total : 0;
    const store = cell(entryOf({ ...kept, sent, status }));
    const progress = listenerSet<[UploadProgress]>();
    if (onProgress) progress.add(onProgress);
    const item: Item = {
      ...kept,
      ...promise(),
      sent,
      status,
      isKnown: !url,
      isHeld: false,
      chunk: chunkSize ?? FIRST,
      pace: 1 / 16,
      failures: 0,
      abort: undefined,
      attempt: undefined,
      stopWaiting: undefined,
      release: undefined,
      cell: store,
      progress,
      handle: {
        id,
        get done() {
          return item.done;
        },
        getSnapshot: store.getSnapshot,
        subscribe: store.subscribe,
        pause: () => pause(id),
        resume: (file) => resume(id, file),
        cancel: () => cancel(id),
      },
    };
    if (isDone) item.settle(undefined, before.file);
    return item;
  }

  /** What a later page should know of an upload. */
  function keptOf({ id, name, mime, total, localKey, metadata, via, fingerprint, at, blob, url, status }: Item): KeptUpload {
    const isKept = status.state === "paused" || status.state === "done";
    return { id, name, mime, total, localKey, metadata, via, fingerprint, at, blob, url, status: isKept ? status : { state: "queued" } };
  }

  const save = async (item: Item) => {
    if (items.includes(item)) await kept.save(user!, keptOf(item));
  };

  /** Finds out whose uploads these are, and goes on with what an earlier page has left. */
  function begin(): Promise<void> {
    return (begun ??= (async () => {
      stopWatching = [
        watchNetwork(back, gone),
        auth.subscribe(() => void changed()),
        client.connection.subscribe(() => client.connection.getSnapshot().status === "open" && back()),
      ];
      await auth.ready;
      await setUser(auth.user());
    })());
  }

  async function changed(): Promise<void> {
    const { status } = auth.getSnapshot();
    if (status === "loading" || status === "signed-out") return;
    // Whoever logs out leaves nothing behind.
    if (status === "anonymous" && user) kept.clear(user).catch(warn);
    await setUser(auth.user());
    for (const item of items) if (item.status.state === "waiting" && item.status.until === Infinity) queue(item);
  }

  async function setUser(next: string): Promise<void> {
    if (next === user || isClosed) return;
    const before = items;
    // What was begun before anybody signed in is theirs.
    if (user) {
      const reason = next ? "somebody else is signed in; the upload is kept for its owner" : "logged out before the file was uploaded";
      for (const item of before) drop(item, new PsdError("signed-out", reason));
    } else if (user === "") {
      for (const item of before) void kept.remove("", item.id);
    }
    user = next;
    session.abort();
    const { signal } = (session = new AbortController());
    for (const item of items) if (item.isHeld) void keep(item);
    const found = await kept.find(next);
    for (const { id } of found) {
      if (find(id)) continue;
      const hold = async () => {
        const release = await kept.hold(id, signal);
        // Another tab may have finished it meanwhile.
        const [upload] = await kept.find(next, id);
        if (!upload || signal.aborted || find(id)) return release();
        const item = make(upload);
        Object.assign(item, { release, isHeld: true });
        items = [...items, item].sort((a, b) => a.at - b.at);
        publish();
        pump();
      };
      hold().catch((error) => signal.aborted || warn(error));
    }
  }

  /** Takes an upload off the list, and stops it. What is kept of it stays. */
  function drop(item: Item, error?: PsdError): void {
    items = items.filter((other) => other !== item);
    item.stopWaiting?.();
    item.abort?.abort();
    item.release?.();
    item.release = undefined;
    if (error) item.settle(error);
    publish();
  }

  /** Stores a new upload, so that no reload loses it. */
  async function admit(item: Item): Promise<void> {
    try {
      await begin();
      const twin = items.find((other) => other.status.state === "needs-file" && other.fingerprint === item.fingerprint);
      if (twin && twin !== item) {
        // The file was chosen again: it goes on where it was.
        Object.assign(item, { url: twin.url, isKnown: !twin.url });
        forget(twin);
      }
      item.release ??= await kept.hold(item.id, session.signal);
      if (!items.includes(item)) return item.release();
      await keep(item);
      item.isHeld = true;
      pump();
    } catch (thrown) {
      if (items.includes(item)) fail(item, asPsdError(thrown, "what is kept of the upload"));
    }
  }

  async function keep(item: Item): Promise<void> {
    await save(item);
    // Beside the upload: a large one takes its time.
    if (items.includes(item) && !isEnded(item)) void kept.saveFile(user!, keptOf(item));
  }

  function forget(item: Item, error?: PsdError): void {
    const owner = user;
    drop(item, error);
    if (owner !== undefined) void kept.remove(owner, item.id);
  }

  /** Begins as many attempts as may run. */
  function pump(): void {
    let free = parallel - items.filter(({ abort }) => abort).length;
    for (const item of items) {
      if (free > 0 && item.isHeld && !item.abort && item.status.state === "queued") {
        free--;
        item.abort = new AbortController();
        item.attempt = run(item, item.abort.signal);
      }
    }
  }

  async function run(item: Item, signal: AbortSignal): Promise<void> {
    update(item, { state: "uploading" });
    try {
      const file = await transfer(item, signal);
      if (file && items.includes(item)) finish(item, file);
    } catch (thrown) {
      // What it was ended for is said already.
      if (!signal.aborted) stumble(item, asPsdError(thrown, `the file \`${item.name}\``));
    }
    item.abort = item.attempt = undefined;
    pump();
  }

  /** Sends what the server has not; nothing comes of it where it was ended early. */
  async function transfer(item: Item, signal: AbortSignal): Promise<UploadedFile | undefined> {
    const streams = item.via === "socket" ? await loadStreams() : undefined;
    if (await streams?.canOpen(signal)) {
      // Requests would have to ask first.
      item.isKnown = false;
      return streams!.send(item, chunkSize, signal, {
        begun(id) {
          item.url ??= id;
          return save(item);
        },
        advance: (sent) => advance(item, sent),
      });
    }
    return signal.aborted ? undefined : request(item, signal);
  }

  /** Sends it by requests. */
  async function request(item: Item, signal: AbortSignal): Promise<UploadedFile | undefined> {
    const blob = item.blob!;
    if (!item.url) {
      const { url, offset, file } = await tus.create(item);
      item.url = url;
      advance(item, offset);
      await save(item);
      if (file) return file;
    } else if (!item.isKnown) {
      advance(item, await tus.offset(item.url, signal));
    }
    item.isKnown = true;
    while (!signal.aborted) {
      const { sent } = item;
      const bytes = await blob.slice(sent, sent + item.chunk).arrayBuffer();
      const milliseconds = 30_000 + bytes.byteLength * item.pace * 8;
      const start = Date.now();
      item.isKnown = false;
      const { offset, file } = await tus.append(item.url, { offset: sent, bytes, milliseconds, signal });
      item.isKnown = true;
      if (bytes.byteLength) measure(item, bytes.byteLength, Date.now() - start);
      if (file) return file;
      if (offset <= sent) throw new PsdError("unreadable", `the server is at ${offset} of ${item.total} bytes, and does not go on`);
      advance(item, offset);
    }
    return undefined;
  }

  /** What only files over the socket need. */
  async function loadStreams() {
    try {
      return (await import("./streams.js")).streamsOf(client);
    } catch (error) {
      throw new PsdError("disconnected", "cannot load what uploads over the socket need", undefined, error);
    }
  }

  function measure(item: Item, bytes: number, took: number): void {
    item.pace = took / bytes;
    if (chunkSize === undefined && bytes === item.chunk) resize(item, took < FAST ? 2 : took > SLOW ? 0.5 : 1);
  }

  function resize(item: Item, factor: number): void {
    if (chunkSize === undefined) item.chunk = Math.min(MOST, Math.max(LEAST, item.chunk * factor));
  }

  /** The server has so much of it. */
  function advance(item: Item, sent: number): void {
    if (sent > item.sent) item.failures = 0;
    const isNews = sent !== item.sent;
    item.sent = sent;
    if (!isNews) return;
    update(item);
    item.progress.call({ sent, total: item.total });
  }

  function finish(item: Item, file: UploadedFile): void {
    advance(item, item.total);
    const owner = user!;
    update(item, { state: "done", file });
    item.settle(undefined, file);
    if (keepDone) {
      void save(item);
      void kept.removeFile(owner, item.id);
    } else {
      letGo(item);
    }
  }

  /** An upload that has ended is listed for this page only. */
  function letGo(item: Item): void {
    if (user !== undefined) void kept.remove(user, item.id);
    item.release?.();
    item.release = undefined;
    item.isHeld = false;
    const ended = items.filter((other) => isEnded(other) && !other.isHeld);
    if (ended.length > ENDED) drop(ended[0]!);
  }

  function fail(item: Item, error: PsdError): void {
    update(item, { state: "failed", error });
    item.settle(error);
    letGo(item);
  }

  /** An attempt has failed: tries again later, or gives up. */
  function stumble(item: Item, error: Refusal): void {
    const { kind, code = 0, retryAfter = 0 } = error;
    item.isKnown = !item.url;
    const wait = Math.max(delay(item.failures++, Math.random()), retryAfter);
    resize(item, 0.5);
    if (kind === "signed-out" || (code === 401 && kind === "refused" && auth.getSnapshot().status === "signed-out")) {
      pauseUntil(item, Infinity, error);
    } else if (kind !== "refused") {
      // The network, or a token that cannot be had now.
      if (kind === "unreadable" || kind === "too-large") fail(item, error);
      else pauseUntil(item, wait, error);
    } else if (item.url && GONE.includes(code) && item.failures <= PATIENCE) {
      // It has expired: from the beginning.
      item.url = undefined;
      item.isKnown = true;
      pauseUntil(item, wait, error);
    } else if (item.url && ELSEWHERE.includes(code) && item.failures <= PATIENCE) {
      pauseUntil(item, wait, error);
    } else if (code === TAKEN && item.via === "socket") {
      // Both would go on taking it from each other.
      fail(item, error);
    } else if (TRANSIENT.includes(code) || (code >= 500 && !LASTING.includes(code))) {
      pauseUntil(item, wait, error);
    } else {
      fail(item, error);
    }
  }

  function pauseUntil(item: Item, wait: number, reason: PsdError): void {
    item.stopWaiting?.();
    item.stopWaiting = timer(wait, () => queue(item));
    update(item, { state: "waiting", until: Date.now() + wait, reason });
  }

  function queue(item: Item): void {
    item.stopWaiting?.();
    update(item, { state: "queued" });
    pump();
  }

  /** The network may be back. */
  function back(): void {
    for (const item of items) {
      const { status } = item;
      if (status.state === "waiting" && status.until !== Infinity && status.reason.kind !== "refused") queue(item);
    }
  }

  /** The network is away: nothing will come of what is under way. */
  function gone(): void {
    for (const item of items) {
      if (!item.abort || item.status.state !== "uploading") continue;
      item.isKnown = !item.url;
      pauseUntil(item, delay(item.failures++, Math.random()), new PsdError("disconnected", "the network is away"));
      item.abort.abort();
    }
  }

  function pause(id: string): void {
    const item = find(id);
    if (!item || !["queued", "uploading", "waiting"].includes(item.status.state)) return;
    item.stopWaiting?.();
    update(item, { state: "paused" });
    item.abort?.abort();
    if (item.isHeld) void save(item);
  }

  function resume(id: string, file?: Blob): void {
    const item = find(id);
    if (!item) return;
    const { state } = item.status;
    if (state === "needs-file") {
      if (!file) throw new PsdError("unreadable", "the upload needs its file: give it to `resume`");
      if (file.size !== item.total) throw new PsdError("unreadable", `this is another file: it has ${file.size} bytes, not ${item.total}`);
      item.blob = file;
      queue(item);
      void keep(item);
    } else if (state === "failed" || state === "paused" || state === "waiting") {
      item.failures = 0;
      if (state === "failed") Object.assign(item, promise());
      queue(item);
      if (item.isHeld) void save(item);
      else if (state === "failed") void admit(item);
    }
  }

  async function cancel(id: string, cause?: unknown): Promise<void> {
    const item = find(id);
    if (!item || isEnded(item)) return;
    forget(item, new PsdError("aborted", "the upload was cancelled", undefined, cause));
    // Its beginning is waited for: it says what is to be ended.
    await item.attempt;
    // What the server does not hear of expires there.
    if (item.url) await terminate(item).catch(() => {});
    pump();
  }

  async function terminate(item: Item): Promise<void> {
    const streams = item.via === "socket" ? await loadStreams() : undefined;
    if (!(await streams?.end(item))) await tus.terminate(item.url!);
  }

  function close(): void {
    isClosed = true;
    stop();
    session.abort();
    for (const stop of stopWatching) stop();
    for (const item of items) drop(item, new PsdError("disconnected", "this client is closed"));
  }

  const connected = () => {
    if (client.connection.getSnapshot().status === "idle") return;
    stop();
    begin().catch(warn);
  };
  const stop = client.connection.subscribe(connected);
  connected();

  return {
    ...entries,
    upload(file, { signal, onProgress, ...said } = {}) {
      const { name = (file as File).name ?? "", mime = file.type, metadata = {}, ...rest } = said;
      for (const key of Object.keys(metadata)) if (!/^[!-+\--~]+$/.test(key)) throw new TypeError(`\`${key}\` cannot be a name in the metadata of an upload`);
      const id = randomUuid();
      const fingerprint = [name, mime, file.size, (file as File).lastModified ?? ""].join();
      const { localKey = id, via = "http" } = rest;
      const base = { id, name, mime, total: file.size, metadata, at: Date.now(), blob: file, url: undefined };
      const item = make({ fingerprint, ...base, ...rest, localKey, via, status: { state: "queued" } }, onProgress);
      items = [...items, item];
      publish();
      const aborted = () => void cancel(id, signal?.reason);
      signal?.addEventListener("abort", aborted);
      if (isClosed) fail(item, new PsdError("disconnected", "this client is closed"));
      else if (signal?.aborted) aborted();
      else void admit(item);
      return item.handle;
    },
    find: (id) => find(id)?.handle,
    pause,
    resume,
    cancel: (id) => cancel(id),
    remove(id) {
      const item = find(id);
      if (item && isEnded(item)) forget(item);
    },
    close,
  };
}
