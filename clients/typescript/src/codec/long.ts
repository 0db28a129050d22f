import { expected, fail } from "./error.js";
import type { LongForm } from "./types.js";

const from = (value: string | number): bigint => {
  try {
    return BigInt(value);
  } catch {
    return expected("an integer of 64 bits", value);
  }
};

/** Integers of 64 bits as strings of digits; for generated code with `"int64": "string"`. */
export const asString: LongForm = { of: String, from };

/** Integers of 64 bits as numbers, and an error for those that are none; for generated code with `"int64": "number"`. */
export const asNumber: LongForm = {
  of: (value) =>
    Number.isSafeInteger(Number(value))
      ? Number(value)
      : fail(`${value} does not fit into a number: generate with \`"int64": "bigint"\` or \`"string"\``),
  from,
};
