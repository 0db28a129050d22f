import type { CSSProperties } from "react";

import { hue, initials } from "./format";

/** A person's colour, for `oklch(… var(--hue))` in the style sheet. */
export function colourOf(name: string): CSSProperties {
  return { "--hue": hue(name) } as CSSProperties;
}

export function Avatar({ name, small = false }: { name: string; small?: boolean }) {
  return (
    <span className={small ? "avatar small" : "avatar"} style={colourOf(name)} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
