import type { MessageType } from "./codec/index.js";

/** The properties of a message by which it is found and replaced, in the order of its contract. */
export function keyProperties(type: MessageType): string[] {
  const { text = [], real = [], int = [], date = [] } = type.keys;
  return [...text, ...real, ...int, ...date].map((name) => property(type, name));
}

/**
 * What tells a message of its type from others: the values of its cache keys. A newer message with the same ones takes
 * the place of the older; without cache keys, there is one message of a type.
 */
export function identity(type: MessageType, value: any): string {
  return JSON.stringify(keyProperties(type).map((name) => plain(value[name])));
}

/** Whether a message has these values. */
export function matches(value: any, filter: object | undefined): boolean {
  return Object.entries(filter ?? {}).every(([name, wanted]) => {
    return wanted === undefined || JSON.stringify(plain(value[name])) === JSON.stringify(plain(wanted));
  });
}

/** The name in TypeScript of a field by its name in the .proto file. */
function property(type: MessageType, name: string): string {
  const field = type.fields.find((field) => field[0] === name);
  return field?.[6] ?? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Something that JSON can write, and writes differently for different values. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return [...value];
  if (value && typeof value === "object") return Object.entries(value).map(([name, part]) => [name, plain(part)]);
  return value ?? null;
}
