import { useId, type ComponentProps } from "react";

/** A labelled input with a line below it for what is wrong with it. */
export function Field({ label, problem, ...input }: { label: string; problem?: string } & ComponentProps<"input">) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-describedby={`${id}-problem`} aria-invalid={!!problem} {...input} />
      <p id={`${id}-problem`} className="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}
