import { oldestFirst, type Row, type Storage } from "./storage.js";

/** Keeps messages as long as the page lives. */
export function memoryStorage(): Storage {
  const rows = new Map<string, Row>();
  return async (prefix, change) => {
    const found = oldestFirst([...rows.values()].filter(({ id }) => id.startsWith(prefix)));
    for (const item of change?.(found) ?? []) {
      if (typeof item === "string") rows.delete(item);
      else rows.set(item.id, item);
    }
    return found;
  };
}
