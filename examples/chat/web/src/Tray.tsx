import type { UploadEntry } from "@psd/client/upload";
import { useEffect, useRef, useState } from "react";

import { Icon, IconButton } from "./Icon";
import { fileSize, sentence } from "./format";
import type { Attachments } from "./useAttachments";

/** The files of the next message, above the line where one types. */
export function Tray({ attachments }: { attachments: Attachments }) {
  const { entries } = attachments;
  if (entries.length === 0) return null;
  return (
    <ul id="tray" aria-label="Files of this message">
      {entries.map((entry) => (
        <Item key={entry.id} entry={entry} attachments={attachments} />
      ))}
    </ul>
  );
}

function Item({ entry, attachments }: { entry: UploadEntry; attachments: Attachments }) {
  const { id, name, sent, total, status } = entry;
  const { notes, note, drop, pause, resume } = attachments;
  const { state } = status;
  const what = name || "the file";
  const address = usePreview(entry);
  /** The address of what the browser cannot show. */
  const [broken, setBroken] = useState<string>();
  const preview = address === broken ? undefined : address;
  const isUnderWay = state === "queued" || state === "uploading" || state === "waiting";

  return (
    <li className={state}>
      {preview ? (
        <img
          className="preview"
          src={preview}
          alt=""
          onError={() => setBroken(preview)}
          onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => note(id, { width, height })}
        />
      ) : (
        <span className="preview">
          <Icon name="file" />
        </span>
      )}
      <span className="what">
        <span className="name">{name || "Picture"}</span>
        {preview && state === "done" ? (
          <input
            aria-label={`Description of ${what}`}
            placeholder="Describe it"
            maxLength={1000}
            value={notes[id]?.alt ?? ""}
            onChange={(event) => note(id, { alt: event.target.value })}
          />
        ) : (
          <Progress entry={entry} />
        )}
        {(isUnderWay || state === "paused") && (
          <progress aria-label={`Upload of ${what}`} value={total ? sent / total : state === "uploading" ? 0 : 1} />
        )}
        {state === "failed" && (
          <button type="button" className="link" onClick={() => resume(id)}>
            Try again
          </button>
        )}
        {state === "needs-file" && <ChooseAgain entry={entry} onChoose={(file) => resume(id, file)} />}
      </span>
      {isUnderWay && <IconButton icon="pause" label={`Pause the upload of ${what}`} onClick={() => pause(id)} />}
      {state === "paused" && <IconButton icon="play" label={`Go on with the upload of ${what}`} onClick={() => resume(id)} />}
      <IconButton icon="close" label={state === "done" ? `Remove ${what}` : `Cancel the upload of ${what}`} onClick={() => drop([id])} />
    </li>
  );
}

/** How far it is, in words. */
function Progress({ entry: { sent, total, status } }: { entry: UploadEntry }) {
  const done = total ? `${Math.floor((100 * sent) / total)} %` : "";
  const text = {
    queued: () => "Waiting for its turn",
    uploading: () => `${done} of ${fileSize(total)}`,
    waiting: () => `${done} · ${navigator.onLine ? "trying again" : "offline"}`,
    paused: () => `${done} · paused`,
    "needs-file": () => `${fileSize(total)} · choose it again to go on`,
    done: () => fileSize(total),
    failed: () => (status.state === "failed" ? sentence(status.error) : ""),
  }[status.state]();
  return (
    <span className="state" role={status.state === "failed" ? "alert" : undefined}>
      {text}
    </span>
  );
}

/** After a reload the browser may not give a large file again by itself. */
function ChooseAgain({ entry: { name }, onChoose }: { entry: UploadEntry; onChoose(file: Blob): void }) {
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        onChange={({ target: { files } }) => {
          try {
            if (files?.[0]) onChoose(files[0]);
          } catch (error) {
            setProblem(sentence(error));
          }
        }}
      />
      <button type="button" className="link" onClick={() => input.current?.click()}>
        Choose {name || "the file"} again
      </button>
      {problem && (
        <span className="state" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}

/** The address of a picture to show: the sender's own, or the server's after a reload. */
function usePreview({ blob, mime, status }: UploadEntry): string | undefined {
  const [local, setLocal] = useState<string>();
  const picture = blob && mime.startsWith("image/") ? blob : undefined;
  useEffect(() => {
    if (!picture) return setLocal(undefined);
    const url = URL.createObjectURL(picture);
    setLocal(url);
    return () => URL.revokeObjectURL(url);
  }, [picture]);
  if (local) return local;
  const isStored = status.state === "done" && status.file.mime.startsWith("image/") && !status.file.downloadable;
  return isStored ? status.file.url : undefined;
}
