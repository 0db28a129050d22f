import { create, toBinary, type MessageType } from "./codec/index.js";

/** The properties by which messages of a type are told apart: its cache keys. */
export const keysOf = (type: MessageType): string[] => Object.values(type.keys).flat();

/** Whether messages of a type are told apart by cache keys. */
export const hasKeys = (type: MessageType): boolean => keysOf(type).length > 0;

/**
 * What tells a message of its type from others: the values of its cache keys. A newer message with the same ones takes
 * the place of the older; without cache keys, there is one message of a type.
 */
export const identity = (type: MessageType, value: any): string => part(type, value, keysOf(type));

/** Whether a message has the values of `filter`. */
export function matches(type: MessageType, value: any, filter: any = {}): boolean {
  const wanted = Object.keys(filter).filter((name) => filter[name] !== undefined);
  return part(type, value, wanted) === part(type, filter, wanted);
}

/** Some properties of a message as text, which is the same for the same values only: their bytes. */
const part = (type: MessageType, value: any, properties: string[]): string =>
  toBinary(type, create(type, Object.fromEntries(properties.map((name) => [name, value[name]])))).join();
