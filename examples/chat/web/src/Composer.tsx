import { useEffect, useLayoutEffect, useRef } from "react";

import { Icon, IconButton } from "./Icon";

interface Properties {
  room: string;
  text: string;
  /** Whether files go with the text. */
  hasFiles: boolean;
  /** Whether one of them does not come without its sender. */
  isStuck: boolean;
  /** Whether it is sent as soon as its files are there. */
  isWaiting: boolean;
  onChange(text: string): void;
  onFiles(files: Iterable<File>): void;
  onSay(text: string): void;
}

/** Where one types: Enter sends, Shift and Enter begins a line. Files are chosen, pasted, or dropped on the room. */
export function Composer({ room, text, hasFiles, isStuck, isWaiting, onChange, onFiles, onSay }: Properties) {
  const field = useRef<HTMLTextAreaElement>(null);
  const chooser = useRef<HTMLInputElement>(null);

  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "40px";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [text]);
  useEffect(() => {
    // One goes on behind the draft.
    field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
    // On a telephone the keyboard would cover the room.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, [room]);

  const say = () => {
    const trimmed = text.trim();
    if (trimmed || hasFiles) onSay(trimmed);
    field.current?.focus();
  };

  return (
    <form
      id="composer"
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        say();
      }}
    >
      <input
        ref={chooser}
        id="files"
        type="file"
        multiple
        hidden
        onChange={({ target }) => {
          onFiles(target.files ?? []);
          // So that the same file can be chosen once more.
          target.value = "";
          field.current?.focus();
        }}
      />
      <IconButton icon="attach" label="Attach files" className="attach" onClick={() => chooser.current?.click()} />
      <label htmlFor="text" className="quiet">
        Message
      </label>
      <textarea
        id="text"
        ref={field}
        rows={1}
        maxLength={4000}
        enterKeyHint="send"
        placeholder={`Message #${room}`}
        value={text}
        onChange={(event) => onChange(event.target.value)}
        onPaste={(event) => {
          const { files } = event.clipboardData;
          if (files.length === 0) return;
          event.preventDefault();
          onFiles(files);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            say();
          }
        }}
      />
      <button title={isWaiting ? "Sent when its files are there" : "Send"} disabled={isWaiting || isStuck || !(text.trim() || hasFiles)}>
        <Icon name={isWaiting ? "clock" : "send"} />
        <span className="quiet">{isWaiting ? "Sent when its files are there" : "Send"}</span>
      </button>
    </form>
  );
}
