/** Something that changes and can be watched; fits React's `useSyncExternalStore`. */
export interface Store<T> {
  /** What holds now; the same object until something changes. */
  getSnapshot: () => T;
  /** Calls `listener` after every change, until the returned function is called. */
  subscribe: (listener: () => void) => () => void;
}

/** A store that can be set. */
export interface Cell<T> extends Store<T> {
  set(value: T): void;
}

/** A store of a value. */
export function cell<T>(value: T): Cell<T> {
  const listeners = listenerSet<[]>();
  return {
    getSnapshot: () => value,
    subscribe: listeners.add,
    set(next) {
      if (next !== value) {
        value = next;
        listeners.call();
      }
    },
  };
}

/** Functions to call. One that throws keeps no other from being called: its error is reported as uncaught. */
export function listenerSet<A extends unknown[]>() {
  const listeners = new Set<{ call: (...args: A) => void }>();
  return {
    add(call: (...args: A) => void) {
      // An object of its own, so that one function added twice is called twice and removed once.
      const listener = { call };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    call(...args: A) {
      for (const { call } of [...listeners]) {
        try {
          call(...args);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
