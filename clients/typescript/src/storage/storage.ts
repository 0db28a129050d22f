/** What the outbox and the cache keep of a message, and uploads of a file. */
export interface Row {
  /** Unique; begins with what it is read by. */
  readonly id: string;
  /** When it came: milliseconds since 1970. */
  readonly at: number;
  /** Until when it is kept. */
  readonly expires: number;
  /** The route of the message. */
  readonly type: string;
  /** The message's protobuf bytes. */
  readonly body: Uint8Array;
  /** Who is going to send it (outbox). */
  readonly owner?: string;
  /** How often it was sent (outbox). */
  readonly sent?: number;
  /** What is to be uploaded. A storage that cannot keep it leaves it out. */
  readonly blob?: Blob;
}

/**
 * Where messages are kept: a function that resolves with the rows whose id begins with `prefix`, oldest first. With
 * `change`, it keeps the rows that this makes of them, over those with the same ids, and forgets the ids that it names.
 * Every call is one step: it happens as a whole and after those before it, and nobody else writes meanwhile, in other
 * tabs neither.
 */
export type Storage = (prefix: string, change?: (rows: Row[]) => readonly (Row | string)[]) => Promise<Row[]>;

/** Forgets rows; the `change` of a {@link Storage}. */
export const forget = (rows: readonly Row[]): string[] => rows.map(({ id }) => id);

/** Sorts rows by their age, oldest first. */
export const oldestFirst = <T extends { readonly at: number }>(rows: T[]): T[] => rows.sort((a, b) => a.at - b.at);
