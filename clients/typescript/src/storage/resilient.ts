import { memoryStorage } from "./memory.js";
import type { Storage } from "./storage.js";

/**
 * Uses a storage until it fails (no space, a private window, a broken database), and memory from then on; `warn` is told
 * once. What the broken storage held is not lost, but stays where it is.
 */
export function resilientStorage(primary: Storage, warn: (error: unknown) => void): Storage {
  let current = primary;
  const memory = memoryStorage();
  const guard =
    <K extends keyof Storage>(method: K): Storage[K] =>
    async (...args: unknown[]): Promise<any> => {
      const used = current;
      try {
        return await (used[method] as (...args: unknown[]) => unknown)(...args);
      } catch (error) {
        if (used === memory) throw error;
        if (current !== memory) {
          current = memory;
          warn(error);
        }
        return (memory[method] as (...args: unknown[]) => unknown)(...args);
      }
    };
  return { read: guard("read"), write: guard("write"), update: guard("update"), clear: guard("clear") };
}
