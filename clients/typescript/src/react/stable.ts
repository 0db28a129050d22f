import { useRef } from "react";

/** The same object for as long as it says the same, so that one written in place begins no effect anew. */
export function useStable<T>(value: T): T {
  const kept = useRef({ value, text: text(value) });
  const now = text(value);
  if (kept.current.text !== now) kept.current = { value, text: now };
  return kept.current.value;
}

function text(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part));
}
