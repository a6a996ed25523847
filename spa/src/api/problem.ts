/** A problem document (RFC 9457) as far as the app reads it. */
export interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly field?: string; readonly message?: string }[] | null;
}

/** The API understood the request and said no. `message` is fit to be shown. */
export class Refused extends Error {
  readonly status: number;
  /**
   * What is wrong with each field, by its name in the request: predicates such
   * as "is missing", to be put behind whatever the form calls the field.
   */
  readonly fields: ReadonlyMap<string, readonly string[]>;

  constructor(status: number, problem: Problem) {
    super(sentence(problem.detail || problem.title || `The server answered ${status}`));
    this.name = "Refused";
    this.status = status;
    const fields = new Map<string, string[]>();
    for (const { field, message } of problem.errors ?? []) {
      if (!field || !message) continue;
      const name = field.slice(field.lastIndexOf(".") + 1); // "body.slug" and "slug" are one field
      fields.set(name, [...(fields.get(name) ?? []), message]);
    }
    this.fields = fields;
  }
}

/** No working server answered: the network is down, or it failed (5xx). The banner says so. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** The session has ended. The app is already on its way to sign-in. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
}

/**
 * Makes a sentence of a message, as the server writes them: lower case, bare, and
 * where it is about a field a predicate to which `subject` is put.
 */
export function sentence(message: string, subject = ""): string {
  const text = `${subject} ${message}`.trim();
  if (!text) return text;
  const first = text[0]!.toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
