/**
 * Says everything that is wrong with the shape of a slug, so that it can be
 * mended in one go. Whether it is free or reserved only the API knows.
 */
export function slugFaults(slug: string): string[] {
  const faults: string[] = [];
  if (slug === "") return ["Choose an address."];
  if (slug.length < 3) faults.push("Use at least 3 characters.");
  if (slug.length > 30) faults.push(`Use at most 30 characters: this has ${slug.length}.`);
  if (/[A-Z]/.test(slug)) faults.push("Use lower case letters only.");
  if (/[^a-zA-Z0-9-]/.test(slug)) faults.push("Use only letters a to z, digits and hyphens.");
  if (/^-|-$/.test(slug)) faults.push("A hyphen cannot stand first or last.");
  if (slug.startsWith("xn--")) faults.push("Names that begin with xn-- are reserved.");
  return faults;
}

/** Proposes a slug for a name, or nothing when the name has too little to offer. */
export function slugFrom(name: string): string {
  const slug = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/['’]/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 30)
    .replace(/^-+|-+$/g, "");
  return slug.length < 3 ? "" : slug;
}
