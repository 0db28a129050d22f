import { begin, enter, expected, leave, within } from "./error.js";
import * as k from "./message.js";
import type { Field, Plan } from "./message.js";
import { isOf, keyOf, number, octets } from "./scalar.js";
import type { MessageType } from "./types.js";

const utf8 = new TextEncoder();

// Where everything is written before it is copied; kept for the next message unless it has grown large.
const SPACE = 8192;
const MOST = 1 << 20;
let bytes: Uint8Array;
let at = 0;

/**
 * The bytes of a message.
 *
 * @throws {CodecError} if a value does not fit its field: out of range, of another type.
 */
export const toBinary = <T>(type: MessageType<T>, value: T): Uint8Array => {
  begin();
  at = 0;
  if (!(bytes?.length <= MOST)) bytes = new Uint8Array(SPACE);
  message(k.planOf(type), value);
  return bytes.slice(0, at);
};

/** Makes sure that so many bytes fit. */
const reserve = (size: number): void => {
  if (at + size > bytes.length) {
    const old = bytes;
    bytes = new Uint8Array(at * 2 + size);
    bytes.set(old);
  }
};

/** A varint of 32 bits, unsigned. */
const varint = (value: number): void => {
  for (; value > 0x7f; value >>>= 7) bytes[at++] = (value & 0x7f) | 0x80;
  bytes[at++] = value;
};

/** A varint of 64 bits in two halves. */
const varint64 = (low: number, high: number): void => {
  for (; high; high >>>= 7) {
    bytes[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
  }
  varint(low);
};

/** Writes the length of what was written behind `start`, for which one byte is free. */
const close = (start: number): void => {
  const size = (bytes[start] = at - start - 1);
  if (size > 0x7f) {
    // A varint has seven bits a byte.
    const more = ((31 - Math.clz32(size)) / 7) | 0;
    reserve(more);
    bytes.copyWithin(start + 1 + more, start + 1, at);
    at = start;
    varint(size);
    at += size;
  }
};

/** From this many characters on, a `TextEncoder` is faster. */
const LONG = 48;
const text = (string: string): void => {
  const size = string.length;
  reserve(size * 3 + 8);
  const start = at++;
  let index = 0;
  if (size < LONG) {
    for (; index < size; index++) {
      const code = string.charCodeAt(index);
      if (code > 0x7f) break;
      bytes[at + index] = code;
    }
  }
  at += index < size ? utf8.encodeInto(string, bytes.subarray(at)).written : size;
  close(start);
};

/** Writes so many bytes of the number. */
const fixed = (size: number): void => {
  for (let index = 0; index < size; index++) bytes[at++] = octets[index]!;
};

/** A field that is not a list or a map. */
const one = (field: Field, value: any): void => {
  reserve(24);
  varint(field.tag);
  scalar(field, value);
};

const scalar = (field: Field, value: any): void => {
  const { kind, form } = field;
  if (kind === k.MESSAGE) {
    enter();
    const start = at++;
    message(k.planIn(field), value);
    close(start);
    return leave();
  }
  const held = form ? form.from(value) : value;
  if (!isOf(kind, held)) expected(k.KINDS[kind]!, value);
  switch (kind) {
    case k.STRING:
      return text(held);
    case k.BOOL:
      return varint(+held);
    case k.BYTES:
      reserve(held.length + 8);
      varint(held.length);
      bytes.set(held, at);
      at += held.length;
      break;
    default:
      numeric(kind, held);
  }
};

const numeric = (kind: number, value: any): void => {
  switch (kind) {
    case k.DOUBLE:
      number.setFloat64(0, value, true);
      return fixed(8);
    case k.FLOAT:
      number.setFloat32(0, value, true);
      return fixed(4);
    case k.UINT32:
      return varint(value);
    case k.SINT32:
      return varint(((value << 1) ^ (value >> 31)) >>> 0);
    case k.FIXED32:
    case k.SFIXED32:
      number.setInt32(0, value, true);
      return fixed(4);
  }
  if (kind < k.INT64) return varint64(value >>> 0, value < 0 ? -1 >>> 0 : 0);
  number.setBigInt64(0, kind === k.SINT64 ? (value << 1n) ^ (value >> 63n) : value, true);
  if (kind === k.FIXED64 || kind === k.SFIXED64) fixed(8);
  else varint64(number.getUint32(0, true), number.getUint32(4, true));
};

/** Whether a value without presence, or a list, need not be written. A negative zero is no default. */
const isDefault = (kind: number, value: any): boolean =>
  typeof value === "number"
    ? value === 0 && 1 / value > 0
    : typeof value === "object"
      ? value?.length === 0
      : !value || (kind !== k.STRING && value === "0");

/** Whether `null` is a value of the field, and not its absence. */
export const isNullable = (field: Field): boolean | undefined =>
  field.kind === k.NULL || (field.kind === k.MESSAGE && field.label < k.LIST && k.planIn(field).special?.nullable);

/** What has to be written of what the property of a field holds, or `undefined`. */
export const heldIn = (field: Field, held: any): any => {
  const { label } = field;
  if (held == null) return held === null && isNullable(field) ? held : undefined;
  if (label === k.ONEOF) return held.case === field.name ? held.value : undefined;
  // Only what is single or a list has a default that says nothing.
  return label % k.LIST === 0 && isDefault(field.kind, held) ? undefined : held;
};

const message = (plan: Plan, value: any): void => {
  if (plan.special?.wrap) value = plan.special.wrap(value);
  if (typeof value !== "object" || !value) expected("a message", value);
  let field: Field | undefined;
  try {
    for (field of plan.fields) {
      const held = heldIn(field, value[field.property]);
      if (held !== undefined) write(field, held);
    }
  } catch (error) {
    throw within(error, field?.name);
  }
};

const write = (field: Field, held: any): void => {
  if (field.label < k.LIST) one(field, held);
  else if (field.label === k.MAP) {
    for (const key of Object.keys(held)) {
      one(field, { key: keyOf(k.planIn(field).fields[0]!.kind, key), value: held[key] });
    }
  } else if (!field.packed) for (const item of held) one(field, item);
  else {
    reserve(24);
    varint(field.tag);
    const start = at++;
    for (const item of held) {
      reserve(24);
      scalar(field, item);
    }
    close(start);
  }
};
