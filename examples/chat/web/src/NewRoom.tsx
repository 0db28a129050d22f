import { useEffect, useRef, useState } from "react";

import { Field } from "./Field";
import { sentence } from "./format";

/** Asks for a name; `onMake` rejects with what is wrong with it. */
export function NewRoom({ onMake, onClose }: { onMake(name: string): Promise<void>; onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => dialog.current?.showModal(), []);

  const make = async () => {
    const tidy = name.trim().replace(/\s+/gu, " ");
    if (!tidy) return setProblem("Please type a name.");
    try {
      await onMake(tidy);
      onClose();
    } catch (error) {
      setProblem(sentence(error));
    }
  };

  return (
    <dialog
      ref={dialog}
      aria-labelledby="room-title"
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <form
        noValidate
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <h2 id="room-title">New room</h2>
        <Field
          label="Name"
          maxLength={40}
          value={name}
          problem={problem}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="buttons">
          <button type="button" className="plain" onClick={onClose}>
            Cancel
          </button>
          <button className="primary">Make it</button>
        </div>
      </form>
    </dialog>
  );
}
