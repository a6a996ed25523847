/** A count of pages, such as "1 page" or "1,204 pages". */
export function pages(count: number): string {
  return count === 1 ? "1 page" : `${count.toLocaleString("en")} pages`;
}

/** What a role may do. */
export function rights(role: string): string {
  switch (role) {
    case "owner":
      return "may do everything";
    case "editor":
      return "may read and write";
    case "viewer":
    case "none": // a stranger to a public wiki
      return "may only read";
    default:
      return role;
  }
}
