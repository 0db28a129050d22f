/** Bytes under way: at first, at least and at most. */
const [FIRST, LEAST, MOST] = [64 << 10, 32 << 10, 1 << 20];
/** The smallest chunk that servers do not count as a message. */
const CHUNK = 16 << 10;
/** Milliseconds for which bytes may wait for the line, so that it is never idle. */
const WAIT = 300;
/** What is left of the best rate with each chunk that comes. */
const FADE = 0.5;

/** When a chunk was sent, how many bytes had come by then, and whether as little as possible was under way with it. */
export interface Mark {
  readonly start: number;
  readonly before: number;
  readonly isAlone: boolean;
}

/** How much of all files may be under way on a connection: what keeps it busy, and lets no message wait for long. */
export function createPace() {
  let window = FIRST;
  let sum = 0;
  /** Bytes that come in a millisecond; if the line is not full, no more than were under way. */
  let rate = 0;
  /** Milliseconds that the way takes by itself. */
  let way = Infinity;

  return {
    room: (underWay: number, bytes: number) => underWay === 0 || underWay + bytes <= window,
    /** Bytes of the next chunk, of so many at most. */
    chunk: (most: number) => Math.min(most, Math.max(CHUNK, window >> 1)),
    /** A chunk goes now. */
    mark: (start: number): Mark => ({ start, before: sum, isAlone: window === LEAST }),
    /** A chunk has come now. */
    came(bytes: number, { start, before, isAlone }: Mark, now: number): void {
      const took = Math.max(1, now - start);
      sum += bytes;
      rate = Math.max((sum - before) / took, rate * FADE);
      // It may have become longer: that is seen where nothing of ours waits for anything.
      way = isAlone ? took : Math.min(way, took);
      window = Math.min(MOST, Math.max(LEAST, Math.floor(rate * (way + WAIT))));
    },
  };
}
