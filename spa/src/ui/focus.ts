import { tick } from "svelte";

/** Moves the focus to the first field of a form that is wrong, if there is one. */
export async function focusFirstError(form: HTMLFormElement): Promise<void> {
  await tick();
  form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}
