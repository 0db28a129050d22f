// Times, colours and texts as people read them.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const MILLISECONDS_A_DAY = 86_400_000;

export function clock(at: Date): string {
  return CLOCK.format(at);
}

export function dayName(at: Date): string {
  const midnight = (date: Date) => new Date(date).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(new Date()) - midnight(at)) / MILLISECONDS_A_DAY);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : DAY.format(at);
}

/** The time of day for today, the date for what is older. */
export function shortTime(at: Date): string {
  return dayName(at) === "Today" ? clock(at) : DATE.format(at);
}

export function longTime(at: Date): string {
  return `${DAY.format(at)}, ${clock(at)}`;
}

/** The same colour for the same name, on every screen. */
export function hue(name: string): number {
  let hash = 7;
  for (const letter of name.toLowerCase()) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 997;
  return (hash * 47) % 360;
}

/** Up to two letters that stand for a name. */
export function initials(name: string): string {
  const letters = name.split(" ").map((word) => word.match(/[\p{L}\p{N}]/u)?.[0] ?? "");
  return letters.filter(Boolean).slice(0, 2).join("").toUpperCase();
}

/** As the server words it, as a sentence. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

const UNITS = ["bytes", "kB", "MB", "GB"];

/** How large a file is. */
export function fileSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  for (; size >= 999.5 && unit < UNITS.length - 1; unit++) size /= 1000;
  return `${unit && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

/** The parts of a text, those with an odd index being web addresses. */
export function splitLinks(text: string): string[] {
  return text.split(/(https?:\/\/[^\s<>"]*[^\s<>"'.,:;!?)\]])/u);
}
