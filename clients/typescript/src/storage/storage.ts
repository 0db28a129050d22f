/** What the outbox and the cache keep of a message. */
export interface Row {
  /** Unique; begins with what `clear` may be asked for. */
  readonly id: string;
  /** What is read together. */
  readonly group: string;
  /** When it came: milliseconds since 1970. A group is read in this order. */
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
}

/** Where messages are kept. Every call is one step: it happens as a whole, and after those before it. */
export interface Storage {
  /** The rows of a group, oldest first. */
  read(group: string): Promise<Row[]>;
  /** Writes rows, over those with the same id, and removes others by their ids. */
  write(put: readonly Row[], remove?: readonly string[]): Promise<void>;
  /** Reads a group and writes what `change` makes of it; nobody else writes meanwhile, in other tabs neither. */
  update(group: string, change: (rows: Row[]) => readonly Row[]): Promise<void>;
  /** Removes the rows whose id begins with `prefix`; with `expired`, those only that expire until then. */
  clear(prefix: string, expired?: number): Promise<void>;
}

/** Sorts rows by their age, oldest first. */
export function oldestFirst(rows: Row[]): Row[] {
  return rows.sort((a, b) => a.at - b.at);
}
