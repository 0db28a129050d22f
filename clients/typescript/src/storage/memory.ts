import { oldestFirst, type Row, type Storage } from "./storage.js";

/** Keeps messages as long as the page lives. */
export function memoryStorage(): Storage {
  const rows = new Map<string, Row>();
  const group = (name: string) => oldestFirst([...rows.values()].filter((row) => row.group === name));
  const put = (some: readonly Row[]) => some.forEach((row) => rows.set(row.id, row));
  return {
    read: async (name) => group(name),
    async write(some, remove = []) {
      remove.forEach((id) => rows.delete(id));
      put(some);
    },
    update: async (name, change) => put(change(group(name))),
    async clear(prefix, expired = Infinity) {
      for (const row of rows.values()) if (row.id.startsWith(prefix) && row.expires <= expired) rows.delete(row.id);
    },
  };
}
