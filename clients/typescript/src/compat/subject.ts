import { listenerSet } from "../store.js";

/** What ends a subscription. */
export interface Subscription {
  readonly closed: boolean;
  unsubscribe(): void;
}

type Observer<T> = ((value: T) => void) | { next?: (value: T) => void };

/**
 * The part of RxJS's `Subject` that the original interface promises, without RxJS. `from(subject)` of RxJS makes one of
 * its observables of it, for `pipe` and operators.
 */
export class Subject<T> {
  readonly #listeners = listenerSet<[value: T]>();

  next(value: T): void {
    this.#listeners.call(value);
  }

  subscribe(observer: Observer<T>): Subscription {
    const remove = this.#listeners.add(typeof observer === "function" ? observer : (value) => observer.next?.(value));
    let closed = false;
    return {
      get closed() {
        return closed;
      },
      unsubscribe() {
        closed = true;
        remove();
      },
    };
  }

  /** What RxJS looks for in things that are observable; it may look before the symbol has a name of its own. */
  "@@observable"(): this {
    return this;
  }
}

const symbol = (Symbol as { observable?: symbol }).observable;
if (symbol) Object.defineProperty(Subject.prototype, symbol, { value: Subject.prototype["@@observable"] });
