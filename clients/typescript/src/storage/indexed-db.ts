import { oldestFirst, type Row, type Storage } from "./storage.js";

const ROWS = "rows";

/** Keeps messages in a database of IndexedDB, across reloads; it is opened when it is first needed. */
export function indexedDbStorage(name: string): Storage {
  let opened: Promise<IDBDatabase> | undefined;

  function open(): Promise<IDBDatabase> {
    return (opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(ROWS, { keyPath: "id" }).createIndex("group", "group");
      };
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
    }));
  }

  /** Resolves with what `work` made of the store, once its transaction is complete. */
  async function transact<T>(mode: IDBTransactionMode, work: (rows: IDBObjectStore, done: (value: T) => void) => void): Promise<T | undefined> {
    const database = await open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(ROWS, mode);
      let result: T | undefined;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
      work(transaction.objectStore(ROWS), (value) => (result = value));
    });
  }

  function all(rows: IDBObjectStore, group: string, then: (rows: Row[]) => void): void {
    const request = rows.index("group").getAll(group);
    request.onsuccess = () => then(oldestFirst(request.result));
  }

  return {
    read: async (group) => (await transact<Row[]>("readonly", (rows, done) => all(rows, group, done))) ?? [],
    async write(put, remove = []) {
      await transact("readwrite", (rows) => {
        remove.forEach((id) => rows.delete(id));
        put.forEach((row) => rows.put(row));
      });
    },
    async update(group, change) {
      await transact("readwrite", (rows) => all(rows, group, (found) => change(found).forEach((row) => rows.put(row))));
    },
    async clear(prefix, expired = Infinity) {
      await transact("readwrite", (rows) => {
        const request = rows.openCursor(IDBKeyRange.bound(prefix, prefix + "\uffff"));
        request.onsuccess = () => {
          const cursor = request.result;
          if (!cursor) return;
          if (cursor.value.expires <= expired) cursor.delete();
          cursor.continue();
        };
      });
    },
  };
}
