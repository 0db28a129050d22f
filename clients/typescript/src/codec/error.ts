/** Bytes, JSON or a value that does not fit its message; `path` is the place, such as `items[3].price`. */
export class CodecError extends Error {
  override readonly name = "CodecError";

  constructor(
    /** What is wrong there. */
    readonly problem: string,
    /** Where; empty for the message as a whole. */
    readonly path: string = "",
  ) {
    super(path ? `${path}: ${problem}` : problem);
  }
}

export const fail = (problem: string): never => {
  throw new CodecError(problem);
};

/** The error with the place that it passed on its way out: the name of a field, an index, the key of a map. */
export const within = (error: unknown, step: string | number | undefined): unknown => {
  if (!(error instanceof CodecError) || step === undefined) return error;
  const name = typeof step === "number" ? `[${step}]` : /^\w+$/.test(step) ? step : `[${JSON.stringify(step)}]`;
  const { path } = error;
  return new CodecError(error.problem, name + (path && !path.startsWith("[") ? "." : "") + path);
};
