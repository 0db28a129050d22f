/** The first retry comes within this time, in milliseconds: most breaks are short, and a user notices nothing. */
const QUICK = 250;
/** The least wait of a later retry. */
const LEAST = 500;
/** The most that a wait grows to. */
const MOST = 20_000;

/** Milliseconds to wait after so many failures in a row; `unit` is a random number from 0 to 1 ("full jitter"). */
export const delay = (failures: number, unit: number): number =>
  failures ? LEAST + (Math.min(LEAST * 2 ** failures, MOST) - LEAST) * unit : QUICK * unit;

/**
 * Whether every client of the server was disconnected or turned away at this moment, so that a quick retry would make
 * it worse: going away, restart, try again later, slow consumer, rate.
 */
export const asksToSpread = (code: number): boolean => [1001, 1012, 1013, 4413, 4429].includes(code);

/** Whether a close code forbids to connect again by oneself. */
export const isFinal = (code: number): boolean => code >= 4400 && code <= 4403;
