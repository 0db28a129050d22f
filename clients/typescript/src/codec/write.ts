import { fail, within } from "./error.js";
import * as k from "./message.js";
import type { Field, Type } from "./message.js";
import { MAX_DEPTH } from "./read.js";
import type { MessageType } from "./types.js";

const utf8 = new TextEncoder();

// Where everything is written before it is copied; kept for the next message unless it has grown large.
const SPACE = 8192;
let bytes = new Uint8Array(SPACE);
let view = new DataView(bytes.buffer);
let at = 0;
let depth = 0;

/**
 * The bytes of a message.
 *
 * @throws {CodecError} if a value does not fit its field: out of range, of another type.
 */
export const toBinary = <T>(type: MessageType<T>, value: T): Uint8Array => {
  at = depth = 0;
  message(type as Type, value);
  const written = bytes.slice(0, at);
  if (bytes.length > 1 << 20) space(SPACE);
  return written;
};

const space = (size: number): void => {
  bytes = new Uint8Array(size);
  view = new DataView(bytes.buffer);
};

/** Makes sure that so many bytes fit. */
const reserve = (size: number): void => {
  if (at + size > bytes.length) {
    const old = bytes;
    space(Math.max(old.length * 2, at + size));
    bytes.set(old);
  }
};

/** A varint of 32 bits, unsigned. */
const varint = (value: number): void => {
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
};

/** A varint of 64 bits in two halves. */
const varint64 = (low: number, high: number): void => {
  while (high) {
    bytes[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  varint(low >>> 0);
};

// The halves of the integer that was taken apart last.
let low = 0;
let high = 0;

const split = (given: unknown, isSigned: boolean): void => {
  if (typeof given === "number" && Number.isSafeInteger(given) && (isSigned || given >= 0)) {
    low = given >>> 0;
    high = Math.floor(given / 0x1_0000_0000) >>> 0;
    return;
  }
  let value: bigint;
  try {
    value = typeof given === "bigint" ? given : BigInt(given as string);
  } catch {
    return fail(`expected an integer of 64 bits, found ${shown(given)}`);
  }
  if (typeof given === "number" || typeof given === "boolean" || value !== (isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value))) {
    fail(`expected ${isSigned ? "an" : "a non-negative"} integer of 64 bits, found ${shown(given)}`);
  }
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    low = number >>> 0;
    high = Math.floor(number / 0x1_0000_0000) >>> 0;
  } else {
    low = Number(BigInt.asUintN(32, value));
    high = Number(BigInt.asUintN(32, value >> 32n));
  }
};

const shown = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : typeof value === "object" && value ? "an object" : String(value);

/** Writes the length of what was written behind `start`, for which one byte is free. */
const close = (start: number): void => {
  const size = at - start - 1;
  if (size < 0x80) {
    bytes[start] = size;
    return;
  }
  const more = size < 0x4000 ? 1 : size < 0x20_0000 ? 2 : size < 0x1000_0000 ? 3 : 4;
  reserve(more);
  bytes.copyWithin(start + 1 + more, start + 1, at);
  at = start;
  varint(size);
  at += size;
};

const text = (value: unknown): void => {
  if (typeof value !== "string") fail(`expected a string, found ${shown(value)}`);
  const string = value as string;
  const size = string.length;
  reserve(size * 3 + 5);
  const start = at++;
  if (size < 48) {
    let index = 0;
    for (; index < size; index++) {
      const code = string.charCodeAt(index);
      if (code > 0x7f) break;
      bytes[at + index] = code;
    }
    if (index === size) {
      bytes[start] = size;
      at += size;
      return;
    }
  }
  at += utf8.encodeInto(string, bytes.subarray(at)).written;
  close(start);
};

/** A value of any kind but a message. */
const scalar = (kind: number, value: any): void => {
  switch (kind) {
    case k.STRING:
      return text(value);
    case k.BOOL:
      if (typeof value !== "boolean") fail(`expected true or false, found ${shown(value)}`);
      bytes[at++] = value ? 1 : 0;
      return;
    case k.INT32:
    case k.ENUM:
    case k.NULL:
      if ((value | 0) !== value) fail(`expected an integer of 32 bits, found ${shown(value)}`);
      return value < 0 ? varint64(value >>> 0, 0xffff_ffff) : varint(value);
    case k.SINT32:
      if ((value | 0) !== value) fail(`expected an integer of 32 bits, found ${shown(value)}`);
      return varint(((value << 1) ^ (value >> 31)) >>> 0);
    case k.SFIXED32:
      if ((value | 0) !== value) fail(`expected an integer of 32 bits, found ${shown(value)}`);
      view.setInt32(at, value, true);
      at += 4;
      return;
    case k.UINT32:
    case k.FIXED32:
      if (value >>> 0 !== value) fail(`expected a non-negative integer of 32 bits, found ${shown(value)}`);
      if (kind === k.UINT32) return varint(value);
      view.setUint32(at, value, true);
      at += 4;
      return;
    case k.DOUBLE:
    case k.FLOAT:
      if (typeof value !== "number") fail(`expected a number, found ${shown(value)}`);
      if (kind === k.DOUBLE) view.setFloat64(at, value, true);
      else view.setFloat32(at, value, true);
      at += kind === k.DOUBLE ? 8 : 4;
      return;
    case k.BYTES:
      if (!(value instanceof Uint8Array)) fail(`expected a Uint8Array, found ${shown(value)}`);
      reserve(value.length + 5);
      varint(value.length);
      bytes.set(value, at);
      at += value.length;
      return;
    default:
      break;
  }
  split(value, kind !== k.UINT64 && kind !== k.FIXED64);
  if (kind === k.SINT64) {
    const sign = high >> 31;
    const top = ((high << 1) | (low >>> 31)) ^ sign;
    varint64(((low << 1) ^ sign) >>> 0, top >>> 0);
  } else if (kind === k.FIXED64 || kind === k.SFIXED64) {
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
    at += 8;
  } else varint64(low, high);
};

/** Whether a value without presence need not be written. */
export const isDefault = (kind: number, value: any): boolean =>
  // A negative zero is none.
  value === 0 ? !Object.is(value, -0) : value === "" || value === false || value === 0n || (kind === k.BYTES ? !value.length : value === "0");

const one = (field: Field, value: unknown): void => {
  reserve(16);
  varint(field.tag);
  if (field.kind !== k.MESSAGE) return scalar(field.kind, value);
  nested(field.type ?? k.typeOf(field), value);
};

const nested = (type: Type, value: unknown): void => {
  if (++depth > MAX_DEPTH) fail(`messages are nested deeper than ${MAX_DEPTH} levels`);
  const start = at++;
  message(type, value);
  close(start);
  depth--;
};

const message = (type: Type, given: any): void => {
  const plan = type.plan ?? k.planOf(type);
  const wrap = type.special?.wrap;
  const value = wrap ? wrap(given) : given;
  if (typeof value !== "object" || !value) fail(`expected a message, found ${shown(value)}`);
  const { fields } = plan;
  let field: Field | undefined;
  try {
    for (let index = 0; index < fields.length; index++) {
      field = fields[index]!;
      const held = value[field.property];
      if (held == null) {
        if (held === null && field.kind === k.MESSAGE && field.label === k.OPTIONAL && typeOfNull(field)) one(field, held);
      } else if (field.label === k.SINGLE) {
        if (!isDefault(field.kind, held)) one(field, held);
      } else if (field.label === k.OPTIONAL) {
        one(field, held);
      } else if (field.label === k.LIST) {
        if (held.length) list(field, held);
      } else if (field.label === k.MAP) {
        map(field, held);
      } else if (held.case === field.name) {
        one(field, held.value);
      }
    }
  } catch (error) {
    throw within(error, field?.name);
  }
  const unknown = value[k.unknownFields] as Uint8Array[] | undefined;
  if (unknown) for (const piece of unknown) raw(piece);
};

/** Whether `null` is a value of the field, and not its absence. */
const typeOfNull = (field: Field): boolean => !!k.typeOf(field).special?.nullable;

const raw = (piece: Uint8Array): void => {
  reserve(piece.length);
  bytes.set(piece, at);
  at += piece.length;
};

const list = (field: Field, values: readonly unknown[]): void => {
  let index = 0;
  try {
    if (!field.packed) {
      for (; index < values.length; index++) one(field, values[index]);
      return;
    }
    reserve(16);
    varint(field.tag);
    const start = at++;
    for (; index < values.length; index++) {
      reserve(16);
      scalar(field.kind, values[index]);
    }
    close(start);
  } catch (error) {
    throw within(error, index);
  }
};

const map = (field: Field, values: any): void => {
  let key: string | undefined;
  try {
    for (key of Object.keys(values)) {
      reserve(16);
      varint(field.tag);
      const start = at++;
      one(field.keyField!, keyOf(field.key, key));
      one(field.value!, values[key]);
      close(start);
    }
  } catch (error) {
    throw within(error, key);
  }
};

/** The key of a map, which is always a string in TypeScript. */
const keyOf = (kind: number, key: string): unknown => {
  if (kind === k.STRING) return key;
  if (kind === k.BOOL) return key === "true" || (key !== "false" && fail("expected a key that is `true` or `false`"));
  if (!/^(0|-?[1-9]\d*)$/.test(key)) fail("expected a key that is an integer");
  return kind === k.INT32 || kind === k.UINT32 || kind === k.SINT32 || kind === k.FIXED32 || kind === k.SFIXED32 ? Number(key) : BigInt(key);
};
