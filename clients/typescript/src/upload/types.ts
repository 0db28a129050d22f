import type { UploadedFile } from "../common/sfiles.js";
import type { PsdError } from "../error.js";
import type { Storage } from "../storage/storage.js";
import type { Store } from "../store.js";

/** How an upload fares. */
export type UploadStatus =
  /** It waits for its turn. */
  | { readonly state: "queued" }
  /** Its bytes are on their way. */
  | { readonly state: "uploading" }
  /** The next attempt begins at `until` (milliseconds since 1970), or when the network is back; `Infinity` waits for a login. */
  | { readonly state: "waiting"; readonly until: number; readonly reason: PsdError }
  /** It waits until somebody resumes it. */
  | { readonly state: "paused" }
  /** The page was loaded again and has the file no more: it goes on when the same file is chosen again. */
  | { readonly state: "needs-file" }
  /** The server has stored the file. */
  | { readonly state: "done"; readonly file: UploadedFile }
  /** It does not go on by itself. */
  | { readonly state: "failed"; readonly error: PsdError };

/** What carries a file: requests of tus beside the connection, or the connection itself. */
export type UploadWay = "http" | "socket";

/** An upload as it is listed. */
export interface UploadEntry {
  /** This client's own name for it. */
  readonly id: string;
  /** The file's name; empty for what has none. */
  readonly name: string;
  /** The media type that it is said to have; empty if nobody knows. */
  readonly mime: string;
  /** Its bytes. */
  readonly total: number;
  /** How many of them the server has confirmed. */
  readonly sent: number;
  /** `local_key` of the server's messages. */
  readonly localKey: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly via: UploadWay;
  /** What tells whether a file that is chosen is this one. */
  readonly fingerprint: string;
  /** When it was begun: milliseconds since 1970. */
  readonly at: number;
  /** The file, where this page has it. */
  readonly blob: Blob | undefined;
  readonly status: UploadStatus;
}

/** How many bytes of a file the server has confirmed, and how many it has in all. */
export interface UploadProgress {
  readonly sent: number;
  readonly total: number;
}

/** How a file is uploaded. */
export interface UploadOptions {
  /** The file's name; by default its own. */
  readonly name?: string;
  /** Its media type; by default its own. The server looks at the bytes. */
  readonly mime?: string;
  /** `local_key` of the server's messages; a random one by default. */
  readonly localKey?: string;
  /** What else the server is told (`Upload-Metadata` of tus). Names are ASCII without spaces and commas. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * `"socket"` sends the file over the connection, beside its messages; a server that takes none there (or speaks classic)
   * gets it as by default: by requests of tus.
   */
  readonly via?: UploadWay;
  /** What tells whether a file is the same after a reload; by default its name, type, size and date. */
  readonly fingerprint?: string;
  /** Told whenever the server has confirmed more. */
  readonly onProgress?: (progress: UploadProgress) => void;
  /** Cancels the upload. */
  readonly signal?: AbortSignal;
}

/** One upload, and how it fares. */
export interface Upload extends Store<UploadEntry> {
  readonly id: string;
  /** Resolves when the server has stored the file; fails when the upload is cancelled or has failed. Resumed, it has another. */
  readonly done: Promise<UploadedFile>;
  pause(): void;
  /** Goes on after a pause or a failure; at once, if it waits. `file` is what one that needs its file is given. */
  resume(file?: Blob): void;
  /** Ends it: what the server has of it goes, too. Resolves when the server has been told. */
  cancel(): Promise<void>;
}

/** What uploads are made with. */
export interface UploadsOptions {
  /** Where uploads begin: a URL, absolute or relative to the page's; `/uploads` by default. A function is asked each time. */
  readonly endpoint?: string | URL | (() => string | URL | Promise<string | URL>);
  /** How many run at once; 3 by default. The others wait for their turn. */
  readonly parallel?: number;
  /**
   * Bytes of a request, or at most of a chunk on the socket. By default as many as go in about a second or two, from 64 KiB
   * to 8 MiB; on the socket what the line takes without delay, from 16 to 64 KiB.
   */
  readonly chunkSize?: number;
  /** Whether each chunk carries its CRC-32; `true` by default. On the socket each has its CRC-32C. */
  readonly checksum?: boolean;
  /** Bytes of files that are kept, in all, so that their uploads go on by themselves after a reload; 64 MiB by default. */
  readonly maxStoredBytes?: number;
  /** Whether uploads that are done stay on the list, over reloads too, until they are removed; `false` by default. */
  readonly keepDone?: boolean;
  /** The name of the client's database in the browser, if it is not `psd`; uploads are kept in one beside it. */
  readonly database?: string;
  /** Where uploads are kept; by default IndexedDB where it is there, else memory. */
  readonly storage?: Storage;
  /** Told of what goes wrong without a caller to tell; by default the console is. */
  readonly onWarning?: (error: unknown) => void;
  /** In the place of the global `fetch`. */
  readonly fetch?: (url: URL, init: RequestInit) => Promise<Response>;
}

/** The uploads of a client, the oldest first. */
export interface Uploads extends Store<readonly UploadEntry[]> {
  /** Begins to upload a file, as soon as it is its turn. */
  upload(file: Blob, options?: UploadOptions): Upload;
  /** An upload of the list, such as one that was begun before a reload. */
  find(id: string): Upload | undefined;
  pause(id: string): void;
  /** As {@link Upload.resume}. */
  resume(id: string, file?: Blob): void;
  /** As {@link Upload.cancel}. */
  cancel(id: string): Promise<void>;
  /** Takes an upload that is done or has failed off the list. */
  remove(id: string): void;
  /** Stops for good, as `close` of a client does. What is kept goes on with a later page. */
  close(): void;
}
