import type { Host } from "../parts.js";
import { indexedDbStorage } from "./indexed-db.js";
import { memoryStorage } from "./memory.js";
import { resilientStorage } from "./resilient.js";
import type { Storage } from "./storage.js";

/** Whether messages are kept in the browser's own database. */
export const isInBrowser = ({ options }: Host): boolean => !options.storage && typeof indexedDB !== "undefined";

export const databaseOf = ({ options }: Host): string => options.database ?? "psd";

/** Where the parts of a client keep messages. */
export const storageOf = (host: Host): Storage =>
  (host.storage ??= resilientStorage(
    host.options.storage ?? (isInBrowser(host) ? indexedDbStorage(databaseOf(host)) : memoryStorage()),
    host.warn,
  ));
