/** Bytes under way: at first, at least and at most. */
const [FIRST, LEAST, MOST] = [128 << 10, 32 << 10, 1 << 20];
/** The smallest chunk that servers do not count as a message. */
const CHUNK = 16 << 10;
/** Milliseconds for which bytes may wait: for less, more may be under way; for longer, less. */
const [SHORT, LONG] = [100, 300];

/** How much of all files may be under way on a connection: what keeps it busy, and lets no message wait for long. */
export function createPace() {
  let window = FIRST;
  /** Milliseconds that the line itself takes. */
  let least = Infinity;
  /** What was sent before is no measure of the present window. */
  let since = 0;

  return {
    room: (underWay: number, bytes: number) => underWay === 0 || underWay + bytes <= window,
    /** Bytes of the next chunk, of so many at most. */
    chunk: (most: number) => Math.min(most, Math.max(CHUNK, window >> 1)),
    /** So many bytes that were sent at `start` have come by now. */
    came(bytes: number, start: number, now: number): void {
      const took = now - start;
      // With so little under way, nothing waits for anything of ours.
      least = window === LEAST ? took : Math.min(least, took);
      if (start < since) return;
      if (took < least + SHORT) {
        window = Math.min(MOST, window + bytes);
      } else if (took > least + LONG) {
        window = Math.max(LEAST, window >> 1);
        since = now;
      }
    },
  };
}
