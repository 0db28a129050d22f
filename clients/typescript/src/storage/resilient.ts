import { memoryStorage } from "./memory.js";
import type { Storage } from "./storage.js";

/**
 * Uses a storage until it fails (no space, a private window, a broken database), and memory from then on; `warn` is told
 * once. What the broken storage held is not lost, but stays where it is.
 */
export function resilientStorage(primary: Storage, warn: (error: unknown) => void): Storage {
  let memory: Storage | undefined;
  return async (...call) => {
    try {
      if (!memory) return await primary(...call);
    } catch (error) {
      if (!memory) warn(error);
    }
    return (memory ??= memoryStorage())(...call);
  };
}
