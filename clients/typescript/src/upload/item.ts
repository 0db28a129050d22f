import type { UploadedFile } from "../common/sfiles.js";
import type { PsdError } from "../error.js";
import type { Cell, listenerSet } from "../store.js";
import type { Upload, UploadEntry, UploadProgress, UploadStatus, UploadWay } from "./types.js";

/** An upload, as the list has it. */
export interface Item {
  readonly id: string;
  readonly name: string;
  readonly mime: string;
  readonly total: number;
  readonly localKey: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly via: UploadWay;
  readonly fingerprint: string;
  readonly at: number;
  blob: Blob | undefined;
  sent: number;
  status: UploadStatus;
  /** Where it goes on: as the server wrote it, or its id, if the socket brought that. */
  url: string | undefined;
  /** Whether `sent` is what the server has. */
  isKnown: boolean;
  /** Whether it is stored, and nobody else's. */
  isHeld: boolean;
  /** Bytes of the next chunk. */
  chunk: number;
  /** Milliseconds that a byte took. */
  pace: number;
  /** Failures in a row. */
  failures: number;
  /** Ends the attempt that is under way. */
  abort: AbortController | undefined;
  /** The attempt that is under way. */
  attempt: Promise<void> | undefined;
  stopWaiting: (() => void) | undefined;
  release: (() => void) | undefined;
  readonly cell: Cell<UploadEntry>;
  readonly progress: ReturnType<typeof listenerSet<[UploadProgress]>>;
  readonly handle: Upload;
  done: Promise<UploadedFile>;
  settle: (error: PsdError | undefined, file?: UploadedFile) => void;
}

/** Both ends of what resolves when an upload is done. */
export function promise(): Pick<Item, "done" | "settle"> {
  let settle: Item["settle"] = () => {};
  const done = new Promise<UploadedFile>((resolve, reject) => {
    settle = (error, file) => (error ? reject(error) : resolve(file!));
  });
  // How it fares is seen on the list: nobody has to wait for it.
  done.catch(() => {});
  return { done, settle };
}

/** What is shown of an upload. */
export function entryOf({ id, name, mime, total, sent, localKey, metadata, via, fingerprint, at, blob, status }: UploadEntry): UploadEntry {
  return { id, name, mime, total, sent, localKey, metadata, via, fingerprint, at, blob, status };
}
