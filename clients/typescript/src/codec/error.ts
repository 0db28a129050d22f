/** Bytes, JSON or a value that does not fit its message; `path` is the place, such as `items[3].price`. */
export class CodecError extends Error {
  override readonly name = "CodecError";

  constructor(
    /** What is wrong there. */
    readonly problem: string,
    /** Where; empty for the message as a whole. */
    readonly path = "",
  ) {
    super(path ? `${path}: ${problem}` : problem);
  }
}

/** The place that is being read or written: names of fields, indices, keys of maps. */
let place: (string | number)[] = [];

/** Forgets the place: what failed before says nothing about now. */
export const begin = (): void => {
  place = [];
};
/** Reads or writes something else in between. */
export const aside = <T>(work: () => T): T => {
  const kept = place;
  const result = work();
  place = kept;
  return result;
};
export const enter = (step: string | number): void => {
  place.push(step);
};
export const leave = (): void => {
  place.pop();
};

export const fail = (problem: string): never => {
  const path = place.map((step) =>
    typeof step === "number" ? `[${step}]` : /^\w+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`,
  );
  throw new CodecError(problem, path.join("").replace(/^\./, ""));
};
