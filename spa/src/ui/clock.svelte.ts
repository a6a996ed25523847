import { createSubscriber } from "svelte/reactivity";

/** The time of day for everything that says "3 minutes ago"; it ticks while somebody reads it. */
class Clock {
  readonly #subscribe = createSubscriber((changed) => {
    const timer = setInterval(changed, 15_000);
    return () => clearInterval(timer);
  });

  get now(): Date {
    this.#subscribe();
    return new Date();
  }
}

export const clock = new Clock();
