import { expected } from "./error.js";
import * as k from "./message.js";
import { isOf } from "./scalar.js";
import type { JsonValue } from "./types.js";

/** A scalar of JSON; an integer of 64 bits as a bigint. */
export const scalarFromJson = (kind: number, json: JsonValue): unknown => {
  const wrong = (): never => expected(k.KINDS[kind]!, json);
  if (kind === k.BOOL) return typeof json === "boolean" ? json : wrong();
  if (kind < k.MESSAGE && kind > k.BOOL) {
    if (typeof json !== "string" || /\p{Surrogate}/u.test(json)) return wrong();
    return kind === k.STRING ? json : (bytesFromBase64(json) ?? wrong());
  }
  if (typeof json !== "number") {
    if (kind < k.BOOL && /^(NaN|-?Infinity)$/.test(json as string)) return Number(json);
    if (typeof json !== "string" || !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(json)) return wrong();
  }
  let value: number | bigint = Number(json);
  if (kind < k.BOOL) return isFinite(kind ? Math.fround(value) : value) ? value : wrong();
  if (kind > k.FIXED32) {
    // Every digit counts, unless it is spelt with decimals or an exponent.
    if (/^-?\d+$/.test(json as string)) value = BigInt(json);
    else if (Number.isInteger(value)) value = BigInt(value);
  }
  return isOf(kind, value) ? value : wrong();
};

/** A scalar as JSON. */
export const scalarToJson = (kind: number, value: any): JsonValue => {
  if (typeof value === "bigint" || (typeof value === "number" && !isFinite(value))) return String(value);
  if (kind === k.BYTES) {
    let text = "";
    // At once, but no more than may be arguments of one call.
    for (let at = 0; at < value.length; at += 4096) text += String.fromCharCode.apply(null, value.subarray(at, at + 4096));
    return btoa(text);
  }
  if (kind === k.FLOAT) {
    // The shortest number that is the same as a `float`.
    for (let digits = 1; digits < 9; digits++) {
      const short = Number(Math.fround(value).toPrecision(digits));
      if (Math.fround(short) === Math.fround(value)) return short;
    }
  }
  return value;
};

const bytesFromBase64 = (text: string): Uint8Array | undefined => {
  try {
    // `atob` takes white space for nothing.
    const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/").replace(/\s/, "?"));
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
    return bytes;
  } catch {}
};
