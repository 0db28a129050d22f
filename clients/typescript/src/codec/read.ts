import { fail, within } from "./error.js";
import * as k from "./message.js";
import type { Field, Plan, Type } from "./message.js";
import type { BinaryReadOptions, MessageType } from "./types.js";

/** Messages in messages, at most; what JSON and the server allow as well. */
export const MAX_DEPTH = 100;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING = new Uint8Array(0);

// What is being read. Reading calls nobody's code, so that one at a time is enough.
let bytes: Uint8Array = NOTHING;
let view: DataView | undefined;
let at = 0;
let depth = 0;
let keep: boolean | undefined;

/**
 * The message in these bytes.
 *
 * @throws {CodecError} if they are malformed: cut short, nested too deeply, with a string that is not UTF-8.
 */
export const fromBinary = <T>(type: MessageType<T>, from: Uint8Array, options?: BinaryReadOptions): T => {
  bytes = from;
  view = undefined;
  at = depth = 0;
  keep = options?.keepUnknown;
  try {
    return message(type as Type, from.length) as T;
  } finally {
    bytes = NOTHING;
    view = undefined;
  }
};

const truncated = (): never => fail(`the bytes end too early, at ${bytes.length}`);

/** The low 32 bits of a varint; sets `high`. */
let high = 0;
const varint = (): number => {
  let low = bytes[at++]!;
  high = 0;
  if (low < 0x80) return low;
  low &= 0x7f;
  let shift = 7;
  for (; shift < 28; shift += 7) {
    const byte = bytes[at++]!;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return low;
  }
  let byte = bytes[at++]!;
  low |= byte << 28;
  high = (byte & 0x7f) >> 4;
  for (shift = 3; byte > 0x7f; shift += 7) {
    if (shift > 31) fail(`a varint has more than 10 bytes, before ${at}`);
    byte = bytes[at++]!;
    high |= (byte & 0x7f) << shift;
  }
  // Beyond the end is `undefined`, which ends every loop; the position tells.
  return low;
};

const length = (): number => {
  const length = varint() >>> 0;
  if (high || length > bytes.length - at) truncated();
  return length;
};

const fixed = (size: number): number => {
  const start = at;
  at += size;
  if (at > bytes.length) truncated();
  view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return start;
};

/** An integer of 64 bits as the field wants it. */
const long = (low: number, top: number, isSigned: boolean, how: number): bigint | string | number => {
  let value: bigint | number;
  // What a number holds exactly needs no arithmetic on bigints.
  const half = isSigned ? top | 0 : top >>> 0;
  if (half >= -0x200000 && half < 0x200000) {
    const number = half * 0x1_0000_0000 + (low >>> 0);
    if (how === k.AS_NUMBER) return number;
    value = how ? number : BigInt(number);
  } else {
    value = (BigInt(half) << 32n) | BigInt(low >>> 0);
    if (how === k.AS_NUMBER) fail(`${value} does not fit into a number; generate with \`"int64": "bigint"\` or \`"string"\``);
  }
  return how ? String(value) : (value as bigint);
};

/** From this many bytes on, a `TextDecoder` is faster. */
const LONG = 40;
const { fromCharCode } = String;
const text = (): string => {
  const size = length();
  const start = at;
  const end = (at += size);
  if (size >= LONG) return decode(start);
  let text = "";
  let index = start;
  for (; index + 4 <= end; index += 4) {
    const a = bytes[index]!;
    const b = bytes[index + 1]!;
    const c = bytes[index + 2]!;
    const d = bytes[index + 3]!;
    if ((a | b | c | d) > 0x7f) break;
    text += fromCharCode(a, b, c, d);
  }
  while (index < end) {
    const byte = bytes[index++]!;
    if (byte < 0x80) text += fromCharCode(byte);
    else {
      // Letters of two bytes are common, and all others are left to those who know.
      const next = bytes[index++]!;
      if (byte < 0xc2 || byte > 0xdf || index > end || (next & 0xc0) !== 0x80) return decode(start);
      text += fromCharCode(((byte & 0x1f) << 6) | (next & 0x3f));
    }
  }
  return text;
};

const decode = (start: number): string => {
  try {
    return utf8.decode(bytes.subarray(start, at));
  } catch {
    return fail(`a string is not UTF-8, at ${start}`);
  }
};

/** A value of any kind but a message. */
const scalar = (field: Field): unknown => {
  let low: number;
  switch (field.kind) {
    case k.STRING:
      return text();
    case k.INT32:
    case k.ENUM:
    case k.NULL:
      return varint() | 0;
    case k.BOOL:
      return !!(varint() | high);
    case k.UINT32:
      return varint() >>> 0;
    case k.SINT32:
      low = varint();
      return (low >>> 1) ^ -(low & 1);
    case k.INT64:
      low = varint();
      return long(low, high, true, field.long);
    case k.UINT64:
      low = varint();
      return long(low, high, false, field.long);
    case k.SINT64: {
      low = varint();
      const sign = -(low & 1);
      return long(((low >>> 1) | (high << 31)) ^ sign, (high >>> 1) ^ sign, true, field.long);
    }
    case k.DOUBLE:
      low = fixed(8);
      return view!.getFloat64(low, true);
    case k.FLOAT:
      low = fixed(4);
      return view!.getFloat32(low, true);
    case k.FIXED32:
      low = fixed(4);
      return view!.getUint32(low, true);
    case k.SFIXED32:
      low = fixed(4);
      return view!.getInt32(low, true);
    case k.FIXED64:
    case k.SFIXED64:
      low = fixed(8);
      return long(view!.getInt32(low, true), view!.getInt32(low + 4, true), field.kind === k.SFIXED64, field.long);
    default: {
      const size = length();
      // A copy: the frame that the bytes came in need not stay in memory for them.
      return bytes.slice(at, (at += size));
    }
  }
};

/** A message that takes up the bytes until `end`; into `target`, if there is one. */
const message = (type: Type, end: number, target?: any): unknown => {
  const plan: Plan = type.plan ?? k.planOf(type);
  const { unwrap, wrap } = type.special ?? NO_SPECIAL;
  const result: any = target == null ? type.empty() : wrap ? wrap(target) : target;
  let field: Field | undefined = plan.first;
  try {
    while (at < end) {
      const start = at;
      const tag = varint() >>> 0;
      if (field?.tag !== tag) field = plan.tags.get(tag);
      if (field) {
        read(field, result, tag);
        field = field.next;
      } else {
        skip(plan, tag, start, result);
        field = plan.first;
      }
      if (at > end) truncated();
    }
  } catch (error) {
    throw within(error, field?.name);
  }
  return unwrap ? unwrap(result) : result;
};
const NO_SPECIAL: { unwrap?: (message: any) => unknown; wrap?: (value: any) => unknown } = {
  unwrap: undefined as any,
  wrap: undefined as any,
};

const nested = (field: Field, target?: unknown): unknown => {
  const end = length() + at;
  if (++depth > MAX_DEPTH) fail(`messages are nested deeper than ${MAX_DEPTH} levels`);
  const result = message(field.type ?? k.typeOf(field), end, target);
  depth--;
  return result;
};

const read = (field: Field, result: any, tag: number): void => {
  const { name, label } = field;
  const isMessage = field.kind === k.MESSAGE;
  if (label === k.LIST) {
    const list = result[name] as unknown[];
    if (isMessage) list.push(nested(field));
    else if ((tag & 7) === 2 && field.kind !== k.STRING && field.kind !== k.BYTES) {
      const end = length() + at;
      while (at < end) list.push(scalar(field));
      if (at > end) truncated();
    } else list.push(scalar(field));
  } else if (label < k.ONEOF) {
    result[name] = isMessage ? nested(field, result[name]) : scalar(field);
  } else if (label === k.ONEOF) {
    const { property } = field;
    const held = result[property];
    // A second piece of the same message is merged with the first.
    const value = isMessage ? nested(field, held.case === name ? held.value : undefined) : scalar(field);
    result[property] = { case: name, value };
  } else {
    entry(field, result[name]);
  }
};

const entry = (field: Field, map: any): void => {
  const end = length() + at;
  let key: unknown;
  let value: unknown;
  while (at < end) {
    const tag = varint() >>> 0;
    if (tag === field.keyField!.tag) key = scalar(field.keyField!);
    else if (tag === field.value!.tag) value = field.kind === k.MESSAGE ? nested(field) : scalar(field.value!);
    else skip(undefined, tag, at);
  }
  if (at > end) truncated();
  k.put(map, String(key ?? zero(field.keyField!)), value ?? zero(field.value!));
};

/** The default of a kind. */
const zero = (field: Field): unknown => {
  switch (field.kind) {
    case k.STRING:
      return "";
    case k.BOOL:
      return false;
    case k.BYTES:
      return new Uint8Array(0);
    case k.MESSAGE: {
      const type = k.typeOf(field);
      return type.special?.unwrap ? type.special.unwrap(type.empty()) : type.empty();
    }
    case k.INT64:
    case k.UINT64:
    case k.SINT64:
    case k.FIXED64:
    case k.SFIXED64:
      return long(0, 0, false, field.long);
    default:
      return 0;
  }
};

/** Passes over a field that is not known, unless its number is. */
const skip = (plan: Plan | undefined, tag: number, start: number, result?: any): void => {
  const number = tag >>> 3;
  if (!number || plan?.numbers.has(number) || high) fail(`a field has the number ${number} and the wire type ${tag & 7}, at ${start}`);
  skipValue(tag);
  if (at > bytes.length) truncated();
  if (keep && result) (result[k.unknownFields] ??= []).push(bytes.slice(start, at));
};

const skipValue = (tag: number): void => {
  switch (tag & 7) {
    case 0:
      varint();
      break;
    case 1:
      at += 8;
      break;
    case 2:
      at += length();
      break;
    case 3:
      if (++depth > MAX_DEPTH) fail(`messages are nested deeper than ${MAX_DEPTH} levels`);
      for (;;) {
        if (at >= bytes.length) truncated();
        const inner = varint() >>> 0;
        if ((inner & 7) === 4) {
          if (inner >>> 3 !== tag >>> 3) fail(`a group ends that did not begin, before ${at}`);
          break;
        }
        skipValue(inner);
      }
      depth--;
      break;
    case 5:
      at += 4;
      break;
    default:
      fail(`a field has the wire type ${tag & 7}, before ${at}`);
  }
};
