import * as k from "./message.js";

/** Eight bytes, and the number they are. */
export const octets = new Uint8Array(8);
export const number = new DataView(octets.buffer);

/** Whether an integer of 64 bits is one of this kind. */
const fits = (kind: number, value: bigint): boolean => (kind < k.UINT64 ? BigInt.asIntN : BigInt.asUintN)(64, value) === value;

/** Whether a value is one of a scalar's kind, as it is held. */
export const isOf = (kind: number, value: any): boolean =>
  kind === k.STRING
    ? typeof value === "string"
    : kind < k.BOOL
      ? typeof value === "number"
      : kind === k.BOOL
        ? typeof value === "boolean"
        : kind === k.BYTES
          ? value instanceof Uint8Array
          : kind < k.INT64
            ? (kind < k.UINT32 ? value | 0 : value >>> 0) === value
            : typeof value === "bigint" && fits(kind, value);

/** The key of a map, which is always a string in TypeScript; itself, if it is none of its kind. */
export const keyOf = (kind: number, key: string): unknown => {
  try {
    return kind === k.STRING ? key : kind < k.INT64 ? JSON.parse(key) : BigInt(key);
  } catch {
    return key;
  }
};
