import { useCallback, useMemo, useRef } from "react";
import type { Upload, UploadEntry, UploadOptions, Uploads } from "../upload/index.js";
import { useStore } from "./context.js";
import { useStable } from "./stable.js";

/** How a component uploads, and which uploads it sees. */
export interface UploadHookOptions extends UploadOptions {
  /** Only uploads with these values in their metadata. */
  readonly filter?: Readonly<Record<string, string>>;
}

/** Uploads, and what is done with them; all of it takes their ids. */
export interface UploadHook extends Pick<Uploads, "pause" | "resume" | "cancel" | "remove"> {
  /** Begins to upload a file. It goes on when the component goes. */
  readonly upload: (file: Blob, options?: UploadOptions) => Upload;
  /** The oldest first. */
  readonly uploads: readonly UploadEntry[];
}

const EMPTY: readonly UploadEntry[] = [];

/** The uploads of a client, which `createUploads` has made; those of an earlier page, too. */
export function useUpload(uploads: Uploads, { filter: wanted, ...options }: UploadHookOptions = {}): UploadHook {
  const all = useStore(uploads, EMPTY);
  const filter = useStable(wanted);
  const fixed = useRef(options);
  fixed.current = options;
  const upload = useCallback((file: Blob, more?: UploadOptions) => uploads.upload(file, { ...fixed.current, ...more }), [uploads]);
  return useMemo(() => {
    const { pause, resume, cancel, remove } = uploads;
    const isWanted = ({ metadata }: UploadEntry) => Object.entries(filter ?? {}).every(([name, value]) => metadata[name] === value);
    return { upload, uploads: filter ? all.filter(isWanted) : all, pause, resume, cancel, remove };
  }, [uploads, upload, all, filter]);
}
