import { useEffect, useLayoutEffect, useRef } from "react";

import { Icon } from "./Icon";

interface Properties {
  room: string;
  text: string;
  onChange(text: string): void;
  onSay(text: string): void;
}

/** Where one types: Enter sends, Shift and Enter begins a line. */
export function Composer({ room, text, onChange, onSay }: Properties) {
  const field = useRef<HTMLTextAreaElement>(null);

  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "40px";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [text]);
  useEffect(() => {
    // On a telephone the keyboard would cover the room.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, [room]);

  const say = () => {
    const trimmed = text.trim();
    if (trimmed) onSay(trimmed);
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
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            say();
          }
        }}
      />
      <button title="Send" disabled={!text.trim()}>
        <Icon name="send" />
        <span className="quiet">Send</span>
      </button>
    </form>
  );
}
