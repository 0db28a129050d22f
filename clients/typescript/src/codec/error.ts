/** Bytes, JSON or a value that does not fit its message; `path` is the place, such as `items[3].price`. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  /** What is wrong there. */
  declare readonly problem: string;
  /** Where; empty for the message as a whole. */
  declare readonly path: string;

  constructor(problem: string, path = "") {
    super(path ? `${path}: ${problem}` : problem);
    this.problem = problem;
    this.path = path;
  }
}

export const fail = (problem: string): never => {
  throw new CodecError(problem);
};

/** What JSON or a value holds, for people. */
const found = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, 50))
    : Array.isArray(value)
      ? "an array"
      : typeof value === "object" && value
        ? "an object"
        : `${value}`;

export const expected = (what: string, value: unknown): never => fail(`expected ${what}, found ${found(value)}`);

/** The error with the place that it passed on its way out: the name of a field, an index, the key of a map. */
export const within = (error: unknown, step: string | number | undefined): unknown => {
  if (!(error instanceof CodecError) || step == null) return error;
  const name = typeof step === "string" && /^\w+$/.test(step) ? step : `[${JSON.stringify(step)}]`;
  const { path } = error;
  return new CodecError(error.problem, name + (/^\w/.test(path) ? "." : "") + path);
};

/** Messages in messages, at most; what the server allows as well. */
const MAX_DEPTH = 100;
let depth = 0;

/** Forgets how deep the last message was: it may have ended with an error. */
export const begin = (): void => {
  depth = 0;
};
export const enter = (): void => {
  if (++depth > MAX_DEPTH) fail(`nested deeper than ${MAX_DEPTH} levels`);
};
export const leave = (): void => {
  depth--;
};

/** Reads or writes something else in between. */
export const aside = <T>(work: () => T): T => {
  const kept = depth;
  const result = work();
  depth = kept;
  return result;
};
