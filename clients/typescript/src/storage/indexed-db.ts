import { oldestFirst, type Row, type Storage } from "./storage.js";

/** Keeps messages in a database of IndexedDB, across reloads; it is opened when it is first needed. */
export function indexedDbStorage(name: string): Storage {
  let opened: Promise<IDBDatabase> | undefined;
  const open = () =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onupgradeneeded = () => request.result.createObjectStore("rows", { keyPath: "id" });
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const database = request.result;
        // Somebody deletes the database, or a later version of the page changes it: make way, and open it anew.
        database.onclose = database.onversionchange = () => {
          database.close();
          opened = undefined;
        };
        resolve(database);
      };
    });

  return async (prefix, change) => {
    const transaction = (await (opened ??= open())).transaction("rows", change ? "readwrite" : "readonly");
    return new Promise((resolve, reject) => {
      const rows = transaction.objectStore("rows");
      const request = rows.getAll(IDBKeyRange.bound(prefix, prefix + "\uffff"));
      let found: Row[];
      request.onsuccess = () => {
        found = oldestFirst(request.result);
        for (const item of change?.(found) ?? []) {
          if (typeof item === "string") rows.delete(item);
          else rows.put(item);
        }
      };
      transaction.oncomplete = () => resolve(found);
      transaction.onabort = () => reject(transaction.error);
    });
  };
}
