import type { Client } from "../client.js";
import type { ClientMessage, Init } from "../codec/index.js";
import type { UploadedFile } from "../common/sfiles.js";
import { UploadCancel, UploadChunk, UploadCredit, UploadFailed, UploadFinished, UploadOpen, UploadOpened } from "../common/v1_uploads.js";
import type { Connection } from "../connection.js";
import { PsdError } from "../error.js";
import { crc, crcTable } from "./crc.js";
import { createPace, type Mark } from "./pace.js";
import type { Description } from "./tus.js";

/** A file to be sent. */
export interface Streamed extends Description {
  readonly blob: Blob | undefined;
  /** Where the upload goes on, if it was begun. */
  readonly url: string | undefined;
}

/** Who hears how far it is. */
export interface StreamEvents {
  /** The server has the upload, and calls it so. */
  begun(id: string): Promise<void>;
  /** So many bytes are safe. */
  advance(sent: number): void;
}

/** A stream of the connection. */
interface Stream {
  opened: UploadOpened | undefined;
  /** Up to where the server lets it send. */
  until: number;
  /** Where what is on its way begins, and ends. */
  came: number;
  next: number;
  /** What is on its way, and where it ends. */
  readonly chunks: (Mark & { readonly end: number })[];
  readonly advance: (sent: number) => void;
  end: UploadFinished | PsdError | undefined;
}

type Streams = ReturnType<typeof createStreams>;

/** CRC-32C, of Castagnoli. */
const table = /* @__PURE__ */ crcTable(0x82f63b78);

const known = /* @__PURE__ */ new WeakMap<Client, Streams>();

/** The upload streams of a client: one numbering for all that it uploads. */
export function streamsOf(client: Client): Streams {
  const streams = known.get(client) ?? createStreams(client);
  known.set(client, streams);
  return streams;
}

function createStreams(client: Client) {
  // What `createClient` makes it of.
  const connection = client.connection as Connection;
  const auth = client.auth as Client["auth"] & { isDue(): boolean; canRefresh(): boolean };
  const state = connection.getSnapshot;
  /** Whoever waits for something to change. */
  const waiting = new Set<() => void>();
  /** Those that the server may count, by their numbers. */
  const open = new Map<number, Stream>();
  let last = 0;
  let pace = createPace();

  connection.hear(({ type, read }) => {
    if (type === UploadOpened.type) {
      const opened = read(UploadOpened);
      const stream = open.get(opened.stream);
      if (!stream) return;
      const offset = Number(opened.offset);
      Object.assign(stream, { opened, came: offset, next: offset, until: Number(opened.until) });
    } else if (type === UploadCredit.type) {
      const credit = read(UploadCredit);
      const stream = open.get(credit.stream);
      if (!stream?.opened) return;
      stream.until = Number(credit.until);
      came(stream, Number(credit.until - stream.opened.until + stream.opened.offset));
      stream.advance(Number(credit.offset));
    } else if (type === UploadFinished.type) {
      const finished = read(UploadFinished);
      over(finished.stream, finished);
    } else if (type === UploadFailed.type) {
      const { stream, errorMessage, errorCode } = read(UploadFailed);
      over(stream, new PsdError("refused", errorMessage, errorCode || undefined));
    } else {
      return;
    }
    changed();
  });
  connection.subscribe(() => {
    const now = state();
    if (now.status !== "open" && now.status !== "draining") {
      const reason = "reason" in now ? now.reason : new PsdError("disconnected", "the client opens another connection");
      for (const number of open.keys()) over(number, reason);
      last = 0;
      pace = createPace();
    }
    changed();
  });

  /** The server took the bytes before `offset` from the line. */
  function came(stream: Stream, offset: number): void {
    const now = performance.now();
    while (stream.chunks[0] && stream.chunks[0].end <= offset) {
      const { end, ...mark } = stream.chunks.shift()!;
      pace.came(end - stream.came, mark, now);
      stream.came = end;
    }
  }

  function over(number: number, end: UploadFinished | PsdError): void {
    const stream = open.get(number);
    if (stream) stream.end = end;
    open.delete(number);
  }

  function changed(): void {
    for (const look of [...waiting]) look();
  }

  /** Resolves as soon as `test` holds, or the signal fires. */
  function when(test: () => unknown, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          if (!signal?.aborted && !test()) return;
        } catch (error) {
          reject(error);
        }
        waiting.delete(look);
        signal?.removeEventListener("abort", look);
        resolve();
      };
      waiting.add(look);
      signal?.addEventListener("abort", look);
      look();
    });
  }

  function say<T>(type: ClientMessage<T>, value: Init<T>): void {
    // What is undefined is not written.
    connection.send({ type: type.type, descriptor: type, value });
  }

  function takesFiles(): boolean {
    const now = state();
    return now.status === "open" && now.dialect !== "classic" && connection.uploadStreams() > 0;
  }

  /** Opens a stream as soon as there is room: an upload begins, or goes on. */
  async function begin({ url, total, name, mime, localKey, metadata }: Streamed, advance: Stream["advance"], signal?: AbortSignal): Promise<[number, Stream] | undefined> {
    const stream: Stream = { opened: undefined, until: 0, came: 0, next: 0, chunks: [], advance, end: undefined };
    let number = 0;
    await when(() => {
      if (!takesFiles()) return true;
      if (signal?.aborted || open.size >= connection.uploadStreams()) return false;
      number = ++last;
      say(UploadOpen, { stream: number, size: BigInt(total), ...(url ? { uploadId: idOf(url) } : { name, mime, localKey, metadata }) });
      open.set(number, stream);
      return true;
    }, signal);
    return number ? [number, stream] : undefined;
  }

  /** Sends a file as far as it gets. */
  async function attempt(file: Streamed, chunkSize: number, signal: AbortSignal, { begun, advance }: StreamEvents): Promise<UploadFinished | PsdError | undefined> {
    const [number, stream] = (await begin(file, (sent) => signal.aborted || advance(sent), signal)) ?? [];
    if (!number || !stream) return signal.aborted ? undefined : new PsdError("disconnected", "the connection ended before the file went on its way");
    try {
      await when(() => stream.opened ?? stream.end, signal);
      const { opened } = stream;
      if (opened) {
        await begun(opened.uploadId);
        stream.advance(Number(opened.offset));
        while (stream.next < file.total && !stream.end && !signal.aborted) await sendChunk(file, number, stream, Math.min(chunkSize, opened.chunkBytes), signal);
      }
      await when(() => stream.end, signal);
      return stream.end;
    } finally {
      // What has no name yet cannot be found again.
      if (open.get(number) === stream) say(UploadCancel, { stream: number, keep: Boolean(file.url) });
    }
  }

  async function sendChunk({ blob, total }: Streamed, number: number, stream: Stream, most: number, signal: AbortSignal): Promise<void> {
    const offset = stream.next;
    await when(() => {
      if (stream.end || signal.aborted) return true;
      const size = Math.min(pace.chunk(most), total - offset);
      const underWay = [...open.values()].reduce((sum, { next, came }) => sum + next - came, 0);
      if (offset + size > stream.until || !pace.room(underWay, size)) return false;
      // Other streams see that its place is taken.
      stream.next += size;
      return true;
    }, signal);
    const size = stream.next - offset;
    if (stream.end || signal.aborted) return;
    const data = new Uint8Array(await blob!.slice(offset, offset + size).arrayBuffer());
    if (stream.end || signal.aborted) return;
    if (data.length < size) throw new PsdError("unreadable", `the file ends after ${offset + data.length} of ${total} bytes`);
    say(UploadChunk, { stream: number, offset: BigInt(offset), data, crc32c: crc(table, data) });
    stream.chunks.push({ end: stream.next, ...pace.mark(performance.now()) });
  }

  return {
    /** Whether the server takes files by the connection. Fails where there is none. */
    async canOpen(signal: AbortSignal): Promise<boolean> {
      if (state().status === "idle") client.connect();
      await when(() => state().status !== "connecting", signal);
      const now = state();
      if (now.status === "waiting" || now.status === "closed") throw now.reason;
      if (now.status === "draining") throw new PsdError("disconnected", "the server is about to go");
      return takesFiles();
    },
    /** Sends a file; nothing comes of it where it was ended early. */
    async send(file: Streamed, chunkSize = Infinity, signal: AbortSignal, events: StreamEvents): Promise<UploadedFile | undefined> {
      await auth.ready;
      // A token that cannot be replaced now may still be good.
      if (auth.isDue() && auth.canRefresh()) await auth.refresh().catch(() => {});
      let end: Awaited<ReturnType<typeof attempt>>;
      for (let tries = 1; ; tries++) {
        const { token } = auth;
        const begun = (id: string) => {
          tries = 0;
          return events.begun(id);
        };
        end = await attempt(file, chunkSize, signal, { ...events, begun });
        if (!(end instanceof PsdError && end.kind === "refused" && end.code === 401 && token && tries < 3)) break;
        if (auth.token !== token) continue;
        if (!auth.canRefresh()) break;
        await auth.refresh();
      }
      if (!end || signal.aborted) return undefined;
      if (end instanceof PsdError) throw end;
      if (!end.file) throw new PsdError("unreadable", "the server stored the file without a word about it");
      return end.file;
    },
    /** Ends an upload that was begun; whether the server did so. */
    async end(file: Streamed): Promise<boolean> {
      const [number, stream] = (await begin(file, () => {})) ?? [];
      if (!number || !stream) return false;
      say(UploadCancel, { stream: number });
      await when(() => stream.end);
      return stream.end instanceof PsdError && stream.end.kind === "refused";
    },
  };
}

/** What an upload is called, by its address. */
const idOf = (url: string): string => url.replace(/[?#].*/, "").split("/").pop()!;
