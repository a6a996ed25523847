/**
 * Whether the management API answers at all. Screens that load something read
 * `attempt`, so that one press of "Try again" repeats what failed without losing
 * what was typed.
 */
export class Reach {
  #lost = $state(false);
  #attempt = $state(0);

  get lost(): boolean {
    return this.#lost;
  }

  get attempt(): number {
    return this.#attempt;
  }

  /** Notes whether the last call was answered by a working server. */
  note(answered: boolean): void {
    this.#lost = !answered;
  }

  retry(): void {
    this.#attempt++;
  }
}
