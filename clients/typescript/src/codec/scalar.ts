import { fail } from "./error.js";
import * as k from "./message.js";
import type { JsonValue } from "./types.js";

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** What JSON holds, for people. */
export const found = (json: unknown): string =>
  Array.isArray(json) ? "an array" : typeof json === "object" && json ? "an object" : (JSON.stringify(json) ?? "nothing").slice(0, 60);
export const expected = (what: string, json: unknown): never => fail(`expected ${what}, found ${found(json)}`);

/** An integer in any spelling of JSON: every digit counts, so that there is no number in between. */
const integer = (json: JsonValue): bigint => {
  const match = typeof json === "number" || typeof json === "string" ? NUMBER.exec(String(json)) : null;
  if (!match) return expected("a number", json);
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  let digits = whole! + fraction;
  const shift = Number(exponent) - fraction.length;
  if (shift > 0) digits += "0".repeat(Math.min(shift, 25));
  else if (shift < 0) {
    if (/[1-9]/.test(digits.slice(shift))) return expected("a number without decimals", json);
    digits = digits.slice(0, shift) || "0";
  }
  return digits.length > 400 ? fail("the number is out of range") : BigInt(sign + digits);
};

const bounded = (json: JsonValue, bits: number, isSigned: boolean): bigint => {
  const value = integer(json);
  if (value !== (isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value))) {
    fail(`expected ${isSigned ? "an" : "a non-negative"} integer of ${bits} bits, found ${found(json)}`);
  }
  return value;
};

const float = (json: JsonValue, isFloat: boolean): number => {
  if (json === "NaN" || json === "Infinity" || json === "-Infinity") return Number(json);
  if (typeof json !== "number" && (typeof json !== "string" || !NUMBER.test(json))) return expected("a number", json);
  const value = Number(json);
  if (!Number.isFinite(isFloat ? Math.fround(value) : value)) fail("the number is out of range");
  return value;
};

/** An integer of 64 bits as its field wants it. */
const long = (value: bigint, how: number): bigint | string | number => {
  if (how === k.BIGINT) return value;
  if (how === k.AS_STRING) return String(value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : fail(`${value} does not fit into a number`);
};

/** A scalar of JSON as its field holds it. */
export const scalarFromJson = (kind: number, how: number, json: JsonValue): unknown => {
  switch (kind) {
    case k.STRING:
      if (typeof json !== "string") expected("a string", json);
      if (/\p{Surrogate}/u.test(json as string)) fail("the string holds half of a surrogate pair");
      return json;
    case k.BOOL:
      return typeof json === "boolean" ? json : expected("true or false", json);
    case k.DOUBLE:
    case k.FLOAT:
      return float(json, kind === k.FLOAT);
    case k.BYTES:
      return typeof json === "string" ? bytesFromBase64(json) : expected("a string", json);
    case k.INT32:
    case k.SINT32:
    case k.SFIXED32:
      return ((json as number) | 0) === json ? json : Number(bounded(json, 32, true));
    case k.UINT32:
    case k.FIXED32:
      return (json as number) >>> 0 === json ? json : Number(bounded(json, 32, false));
    default:
      return long(bounded(json, 64, kind !== k.UINT64 && kind !== k.FIXED64), how);
  }
};

/** A scalar as JSON. */
export const scalarToJson = (kind: number, value: any): JsonValue => {
  switch (kind) {
    case k.DOUBLE:
    case k.FLOAT:
      return Number.isFinite(value) ? (kind === k.FLOAT ? shortest(value) : value) : String(value);
    case k.BYTES:
      return bytesToBase64(value);
    case k.INT64:
    case k.UINT64:
    case k.SINT64:
    case k.FIXED64:
    case k.SFIXED64:
      return String(value);
    default:
      return value;
  }
};

/** The shortest number that is the same as a `float`. */
const shortest = (value: number): number => {
  const float = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
};

const bytesFromBase64 = (text: string): Uint8Array => {
  const plain = text.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) fail("the string is not base64");
  const binary = atob(plain);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
};

const bytesToBase64 = (bytes: Uint8Array): string => {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
};
