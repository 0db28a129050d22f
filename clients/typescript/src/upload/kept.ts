import { randomUuid, webLocks } from "../environment.js";
import { tabName } from "../outbox.js";
import { indexedDbStorage } from "../storage/indexed-db.js";
import { memoryStorage } from "../storage/memory.js";
import { resilientStorage } from "../storage/resilient.js";
import { forget } from "../storage/storage.js";
import type { UploadEntry, UploadsOptions, UploadStatus } from "./types.js";

/** Milliseconds for which an unfinished upload is kept. */
const LIFE = 7 * 24 * 3600 * 1000;

/** What a later page knows of an upload. */
export interface KeptUpload extends Omit<UploadEntry, "sent" | "status"> {
  /** Where it goes on. */
  readonly url: string | undefined;
  readonly status: Extract<UploadStatus, { state: "queued" | "paused" | "done" }>;
}

/** Uploads over reloads, each user's by themselves, in a database of their own: files are large, and a full disk must not take the outbox with it. */
export function createKept(options: UploadsOptions, warn: (error: unknown) => void) {
  const { maxStoredBytes = 64 << 20 } = options;
  const isShared = !options.storage && typeof indexedDB !== "undefined";
  const database = `${options.database ?? "psd"}.uploads`;
  const files = options.storage ?? (isShared ? indexedDbStorage(database) : memoryStorage());
  const storage = resilientStorage(files, warn);
  const locks = isShared ? webLocks() : undefined;
  /** Without Web Locks, a tab finds its own uploads after a reload, and nobody else's. */
  const owner = isShared && !locks ? tabName(randomUuid()) : Promise.resolve("");
  const uploadsOf = (user: string) => "upload" + JSON.stringify(user);
  const filesOf = (user: string) => "file" + JSON.stringify(user);
  const ignore = () => {};

  async function find(user: string, id = ""): Promise<KeptUpload[]> {
    const mine = await owner;
    const rows = await storage(uploadsOf(user) + id, (rows) => forget(rows.filter(({ expires }) => expires <= Date.now())));
    // Without the files, they have to be chosen again.
    const blobs = await files(filesOf(user) + id).catch(() => []);
    const living = rows.filter((row) => row.expires > Date.now() && row.owner === mine);
    return living.map((row) => {
      const kept = JSON.parse(new TextDecoder().decode(row.body));
      return { ...kept, blob: blobs.find((file) => file.id === filesOf(user) + kept.id)?.blob };
    });
  }

  return {
    find,
    async save(user: string, upload: KeptUpload): Promise<void> {
      const { id, blob, ...rest } = upload;
      const body = new TextEncoder().encode(JSON.stringify({ id, ...rest }));
      const at = Date.now();
      const row = { id: uploadsOf(user) + id, at, expires: at + LIFE, type: "upload", body, owner: await owner };
      await storage(row.id, () => [row]);
    },
    /** Keeps a file, if there is room. */
    async saveFile(user: string, { id, blob, at }: KeptUpload): Promise<void> {
      if (!blob || blob.size > maxStoredBytes) return;
      const row = { id: filesOf(user) + id, at, expires: Date.now() + LIFE, type: "file", body: new Uint8Array(0), blob };
      const room = () =>
        files("file", (rows) => {
          const expired = rows.filter(({ expires }) => expires <= Date.now());
          const used = rows.reduce((sum, row) => sum + (expired.includes(row) ? 0 : (row.blob?.size ?? 0)), 0);
          return [...forget(expired), ...(used + blob.size <= maxStoredBytes ? [row] : [])];
        });
      await room().catch(ignore);
    },
    /** Forgets an upload: behind what was saved of it before. */
    async remove(user: string, id: string): Promise<void> {
      await owner;
      await storage(uploadsOf(user) + id, forget);
      await files(filesOf(user) + id, forget).catch(ignore);
    },
    /** Forgets everything of a user. */
    async clear(user: string): Promise<void> {
      await owner;
      await storage(uploadsOf(user), forget);
      await files(filesOf(user), forget).catch(ignore);
    },
    async removeFile(user: string, id: string): Promise<void> {
      await files(filesOf(user) + id, forget).catch(ignore);
    },
    /** Resolves when this tab may go on with an upload, and nobody else does; with what lets go of it. */
    hold(id: string, signal: AbortSignal): Promise<() => void> {
      if (!locks) return Promise.resolve(ignore);
      return new Promise((held, failed) => {
        locks.request(`${database}.${id}`, { signal }, () => new Promise<void>((release) => held(release))).catch(failed);
      });
    },
  };
}
