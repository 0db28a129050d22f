import { begin, enter, fail, leave, within } from "./error.js";
import * as k from "./message.js";
import type { Field, Plan } from "./message.js";
import { number, octets } from "./scalar.js";
import type { MessageType } from "./types.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING = new Uint8Array(8);

// What is being read. Reading calls nobody's code, so that one at a time is enough.
let bytes: Uint8Array = NOTHING;
let at = 0;

/**
 * The message in these bytes. Fields that are not known are dropped.
 *
 * @throws {CodecError} if they are malformed: cut short, nested too deeply, with a string that is not UTF-8.
 */
export const fromBinary = <T>(type: MessageType<T>, from: Uint8Array): T => {
  begin();
  bytes = from;
  at = 0;
  try {
    return message(k.planOf(type), from.length) as T;
  } finally {
    bytes = NOTHING;
  }
};

/** The pieces of some bytes, each behind its length. What does not fit is an error behind those that do. */
export function* pieces(from: Uint8Array): Generator<Uint8Array> {
  for (let next = 0; next < from.length; ) {
    bytes = from;
    at = next;
    next = end();
    bytes = NOTHING;
    yield from.subarray(at, next);
  }
}

/** Fails if more was read than is there. */
const check = (end: number): void => {
  if (at > end) fail("the bytes end too early");
};

/** The high 32 bits of the last varint. */
let high = 0;
/** The low 32 bits of a varint. What is beyond the end counts as zero; the position tells. */
const varint = (): number => {
  let byte = bytes[at++]!;
  high = 0;
  if (byte < 0x80) return byte;
  let low = byte & 0x7f;
  let shift = 7;
  do {
    byte = bytes[at++]!;
    if (shift < 32) low |= (byte & 0x7f) << shift;
    if (shift > 27) high |= shift > 28 ? (byte & 0x7f) << (shift - 32) : (byte & 0x7f) >> 4;
    shift += 7;
    if (shift > 70) fail("a varint is too long");
  } while (byte > 0x7f);
  return low;
};

/** Where a piece ends that comes behind its length. */
const end = (): number => {
  const end = (varint() >>> 0) + at;
  if (high || end > bytes.length) check(-1);
  return end;
};

/** Moves so many bytes to where they can be read as a number. */
const fixed = (size: number): DataView => {
  for (let index = 0; index < size; index++) octets[index] = bytes[at++]!;
  return number;
};

/** From this many bytes on, a `TextDecoder` is faster. */
const LONG = 40;
const { fromCharCode } = String;
const text = (): string => {
  const last = end();
  let index = at;
  let text = "";
  if (last - at < LONG) {
    for (; index + 4 <= last; index += 4) {
      const a = bytes[index]!;
      const b = bytes[index + 1]!;
      const c = bytes[index + 2]!;
      const d = bytes[index + 3]!;
      if ((a | b | c | d) > 0x7f) break;
      text += fromCharCode(a, b, c, d);
    }
    for (; index < last; index++) {
      const byte = bytes[index]!;
      if (byte > 0x7f) break;
      text += fromCharCode(byte);
    }
  }
  if (index < last) text += decode(index, last);
  at = last;
  return text;
};

const decode = (start: number, end: number): string => {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    return fail("a string is not UTF-8");
  }
};

/** The value of a field; a message is merged into `target`, if there is one. */
const value = (field: Field, target?: unknown): unknown => {
  const { kind } = field;
  let low: number;
  let long: bigint;
  switch (kind) {
    case k.MESSAGE: {
      enter();
      const result = message(k.planIn(field), end(), target);
      leave();
      return result;
    }
    case k.STRING:
      return text();
    case k.BYTES: {
      // A copy: the frame that the bytes came in need not stay in memory for them.
      const last = end();
      return bytes.slice(at, (at = last));
    }
    case k.INT32:
    case k.ENUM:
    case k.NULL:
      return varint() | 0;
    case k.UINT32:
      return varint() >>> 0;
    case k.BOOL:
      return !!(varint() | high);
    case k.SINT32:
      low = varint();
      return (low >>> 1) ^ -(low & 1);
    case k.DOUBLE:
      return fixed(8).getFloat64(0, true);
    case k.FLOAT:
      return fixed(4).getFloat32(0, true);
    case k.FIXED32:
      return fixed(4).getUint32(0, true);
    case k.SFIXED32:
      return fixed(4).getInt32(0, true);
    case k.FIXED64:
    case k.SFIXED64:
      long = fixed(8).getBigInt64(0, true);
      break;
    default:
      number.setInt32(4, varint());
      number.setInt32(0, high);
      long = number.getBigInt64(0);
      if (kind === k.SINT64) long = ((long >> 1n) & 0x7fff_ffff_ffff_ffffn) ^ -(long & 1n);
  }
  if (kind > k.SFIXED64) long = BigInt.asUintN(64, long);
  return field.form ? field.form.of(long) : long;
};

/** A message that takes up the bytes until `last`; into `target`, if there is one. */
const message = (plan: Plan, last: number, target?: any): unknown => {
  const { special, fields } = plan;
  const result = target == null ? plan.empty() : special?.wrap ? special.wrap(target) : target;
  let field = fields[0];
  try {
    while (at < last) {
      const tag = varint() >>> 0;
      if (field?.tag !== tag) field = plan.tags.get(tag);
      if (field) {
        read(field, result, tag);
        field = field.next;
      } else {
        // What is known does not come in another way.
        if (tag < 8 || plan.fields.some((known) => known.tag >>> 3 === tag >>> 3)) skip(7);
        skip(tag);
        field = fields[0];
      }
      check(last);
    }
  } catch (error) {
    throw within(error, field?.name);
  }
  return special?.unwrap ? special.unwrap(result) : result;
};

const read = (field: Field, result: any, tag: number): void => {
  const { name, label, property } = field;
  if (label < k.ONEOF) result[name] = field.kind === k.MESSAGE ? value(field, result[name]) : value(field);
  else if (label === k.ONEOF) {
    const held = result[property];
    // A second piece of the same message is merged with the first.
    result[property] = { case: name, value: value(field, held.case === name ? held.value : undefined) };
  } else if (label === k.MAP) {
    const entry: any = value(field);
    const [key, item] = k.planIn(field).fields;
    k.put(result[name], String(entry.key ?? zero(key!)), entry.value ?? zero(item!));
  } else if ((tag & 7) === 2 && (field.kind < k.STRING || field.kind > k.MESSAGE)) {
    const last = end();
    while (at < last) result[name].push(value(field));
    check(last);
  } else result[name].push(value(field));
};

/** The default of a field: what zeros say. */
const zero = (field: Field): unknown => {
  const kept = bytes;
  const start = at;
  bytes = NOTHING;
  at = 0;
  const zero = value(field);
  bytes = kept;
  at = start;
  return zero;
};

const skip = (tag: number): void => {
  const wire = tag & 7;
  if (!wire) varint();
  else if (wire === 2) at = end();
  else if (wire === 3) {
    enter();
    for (let inner; (inner = varint()) !== tag + 1; skip(inner)) check(bytes.length - 1);
    leave();
  } else if (wire % 4 === 1) at += wire > 1 ? 4 : 8;
  else fail(`a field has the wire type ${wire}`);
};
