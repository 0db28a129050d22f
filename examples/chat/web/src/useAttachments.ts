import { useUpload } from "@psd/client/react";
import type { UploadEntry } from "@psd/client/upload";
import { useCallback, useMemo } from "react";

import { uploads } from "./client";
import type { Attachment } from "./messages";
import { useKept } from "./useKept";

/** Files of one message, as the server allows them. */
export const MOST = 10;

/** What the sender says about a file, and what the browser has found out about it. */
type Note = Pick<Attachment, "alt" | "width" | "height">;

const NOTHING: Note = { alt: "", width: 0, height: 0 };

/** The files that are to go with the next message of a room: on their way to the server, or there already. */
export function useAttachments(room: string) {
  const filter = useMemo(() => ({ room }), [room]);
  const { upload, uploads: entries, pause, resume, cancel, remove } = useUpload(uploads, { filter, metadata: filter });
  const [notes, setNotes] = useKept<Record<string, Note>>("chat.attachments", {});
  const left = MOST - entries.length;

  const add = useCallback((files: Iterable<Blob>) => [...files].slice(0, left).forEach((file) => upload(file)), [left, upload]);
  const note = useCallback(
    (id: string, more: Partial<Note>) => setNotes((before) => ({ ...before, [id]: { ...NOTHING, ...before[id], ...more } })),
    [setNotes],
  );
  /** Takes files out of the message. */
  const drop = useCallback(
    (ids: readonly string[]) => {
      for (const id of ids) {
        remove(id);
        void cancel(id);
      }
      setNotes((before) => Object.fromEntries(Object.entries(before).filter(([id]) => !ids.includes(id))));
    },
    [cancel, remove, setNotes],
  );
  const attachments = useMemo(
    () => entries.flatMap((entry): Attachment[] => (entry.status.state === "done" ? [{ ...NOTHING, ...notes[entry.id], id: entry.status.file.id }] : [])),
    [entries, notes],
  );
  return {
    entries,
    notes,
    add,
    note,
    drop,
    pause,
    resume,
    /** What can be sent now. */
    attachments,
    isReady: attachments.length === entries.length,
    /** Whether nothing comes of it without its sender. */
    isStuck: entries.some(isStuck),
  };
}

export type Attachments = ReturnType<typeof useAttachments>;

export function isStuck({ status: { state } }: UploadEntry): boolean {
  return state === "failed" || state === "paused" || state === "needs-file";
}
