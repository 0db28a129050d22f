import { useEffect, useState } from "react";

/** State that survives a reload, where the browser lets it. */
export function useKept<T>(name: string, otherwise: T) {
  const [value, setValue] = useState<T>(() => {
    try {
      return (JSON.parse(localStorage.getItem(name) ?? "null") as T | null) ?? otherwise;
    } catch {
      return otherwise;
    }
  });
  useEffect(() => {
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // Then it lasts as long as the page.
    }
  }, [name, value]);
  return [value, setValue] as const;
}
