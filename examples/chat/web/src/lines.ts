import { dateOf } from "@psd/client/wkt";

import type { ChatSent, File } from "./messages";

// What a room shows: what was said, in the order of the server's ids, and behind it what is still on its way.

/** How far a message has come that the server has not confirmed. */
export type Delivery = { status: "sending"; attempts: number } | { status: "failed"; reason: string };

export interface Line {
  /** The server's number; none while the message is on its way. */
  id: number | undefined;
  /** The sender's own key, the same before and after the server has it. */
  key: string;
  author: string;
  text: string;
  files: readonly File[];
  at: Date;
  /** Absent once the server has it. */
  delivery?: Delivery;
}

/** Puts lines where their ids belong; one that is there already stays as it is. */
export function merge(known: readonly Line[], more: readonly Line[]): readonly Line[] {
  const ids = new Set(known.map((line) => line.id));
  const fresh = more.filter((line) => !ids.has(line.id));
  if (fresh.length === 0) return known;
  return [...known, ...fresh].sort((a, b) => (a.id ?? 0) - (b.id ?? 0));
}

/** After this many milliseconds an author is named anew. */
const PAUSE = 5 * 60_000;

export function continues(before: Line | undefined, line: Line): boolean {
  return !!before && before.author === line.author && line.at.getTime() - before.at.getTime() <= PAUSE;
}

/** What the server says was said. */
export function lineOf({ id, key, author, text, files, sentAt }: ChatSent): Line {
  return { id, key, author, text, files, at: sentAt ? dateOf(sentAt) : new Date(0) };
}

/** A message in a few words, for lists. */
export function summary({ text, files }: Line): string {
  if (text || files.length === 0) return text;
  const pictures = files.filter((file) => file.isPicture).length;
  if (pictures === files.length) return pictures === 1 ? "a picture" : `${pictures} pictures`;
  return files.length === 1 ? (files[0]?.name ?? "a file") || "a file" : `${files.length} files`;
}
