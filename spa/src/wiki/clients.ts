// What to paste into which client, with the wiki's real address. A client that can
// open a browser needs the address alone, and asks the person for their consent;
// where there is none (scripts, servers) a token takes its place.

/** What a recipe is made from. */
export interface Connection {
  readonly slug: string;
  readonly mcpUrl: string;
}

/** A connection by a token, or by {@link placeholder} when it is no longer known. */
export interface ByToken extends Connection {
  readonly token: string;
}

/** Stands where the token goes, when only its owner still knows it. */
export const placeholder = "YOUR_TOKEN";

/** One thing to paste. */
export interface Recipe {
  /** Where it goes: a terminal, or a file. */
  readonly where: string;
  /** What to do with it, in a sentence or two. */
  readonly how: string;
  readonly text: string;
}

export interface McpClient {
  readonly id: string;
  readonly name: string;
  /** With the address alone. */
  readonly recipe: (connection: Connection) => Recipe;
  /** With a token; not every client takes one. */
  readonly byToken?: (connection: ByToken) => Recipe;
}

const bearer = (token: string) => `Bearer ${token}`;
const json = (value: unknown) => JSON.stringify(value, null, 2);

/** The clients, most used first. */
export const clients: readonly McpClient[] = [
  {
    id: "claude-ai",
    name: "Claude.ai",
    recipe: ({ mcpUrl }) => ({
      where: "Custom connector",
      how: "In Claude, open the settings, choose Connectors and add a custom connector with this address; leave the rest empty. The same connector is there in the desktop and mobile apps.",
      text: mcpUrl,
    }),
  },
  {
    id: "claude-code",
    name: "Claude Code",
    recipe: ({ slug, mcpUrl }) => ({
      where: "Terminal",
      how: `Run this in the folder you work in (add --scope user to have the wiki in every folder). Then type /mcp in Claude Code, choose ${slug} and sign in.`,
      text: `claude mcp add --transport http ${slug} ${mcpUrl}`,
    }),
    byToken: ({ slug, mcpUrl, token }) => ({
      where: "Terminal",
      how: "Run this in the folder that Claude Code works in.",
      text: `claude mcp add --transport http ${slug} ${mcpUrl} --header "Authorization: ${bearer(token)}"`,
    }),
  },
  {
    id: "cursor",
    name: "Cursor",
    recipe: ({ slug, mcpUrl }) => ({
      where: "~/.cursor/mcp.json",
      how: "Put this into the file; if it has servers already, add the inner entry to them. Then sign in from Cursor's MCP settings.",
      text: json({ mcpServers: { [slug]: { url: mcpUrl } } }),
    }),
    byToken: ({ slug, mcpUrl, token }) => ({
      where: "~/.cursor/mcp.json",
      how: "Put this into the file; if it has servers already, add the inner entry to them.",
      text: json({ mcpServers: { [slug]: { url: mcpUrl, headers: { Authorization: bearer(token) } } } }),
    }),
  },
  {
    id: "vs-code",
    name: "VS Code",
    recipe: ({ slug, mcpUrl }) => ({
      where: "mcp.json",
      how: "Open the file with the command “MCP: Open User Configuration” and put this in. VS Code opens the browser when the server starts.",
      text: json({ servers: { [slug]: { type: "http", url: mcpUrl } } }),
    }),
    byToken: ({ slug, mcpUrl, token }) => ({
      where: "mcp.json",
      how: "Open the file with the command “MCP: Open User Configuration” and put this in. A file in the project's .vscode folder works too, but would carry the token into its repository.",
      text: json({ servers: { [slug]: { type: "http", url: mcpUrl, headers: { Authorization: bearer(token) } } } }),
    }),
  },
  {
    id: "codex",
    name: "Codex",
    recipe: ({ slug, mcpUrl }) => ({
      where: "Terminal",
      how: `Run this once: Codex opens the browser. Should it not, run codex mcp login ${slug}.`,
      text: `codex mcp add ${slug} --url ${mcpUrl}`,
    }),
    byToken: ({ slug, mcpUrl, token }) => ({
      where: "~/.codex/config.toml",
      how: "Add this to the file, then start Codex again.",
      text: `[mcp_servers.${slug}]\nurl = "${mcpUrl}"\nhttp_headers = { "Authorization" = "${bearer(token)}" }`,
    }),
  },
  {
    id: "gemini-cli",
    name: "Gemini CLI",
    recipe: ({ slug, mcpUrl }) => ({
      where: "Terminal",
      how: `Run this once; it is there in every folder. Then type /mcp auth ${slug} in Gemini CLI.`,
      text: `gemini mcp add --scope user --transport http ${slug} ${mcpUrl}`,
    }),
    byToken: ({ slug, mcpUrl, token }) => ({
      where: "Terminal",
      how: "Run this once. It is there in every folder.",
      text: `gemini mcp add --scope user --transport http --header "Authorization: ${bearer(token)}" ${slug} ${mcpUrl}`,
    }),
  },
  {
    id: "other",
    name: "Other",
    recipe: ({ mcpUrl }) => ({
      where: "Address",
      how: "Any client that speaks MCP over Streamable HTTP needs the address alone, and asks you to sign in.",
      text: mcpUrl,
    }),
    byToken: ({ mcpUrl, token }) => ({
      where: "Address and header",
      how: "Any client that speaks MCP over Streamable HTTP and can send a header will do.",
      text: `${mcpUrl}\nAuthorization: ${bearer(token)}`,
    }),
  },
];

/** Clones the wiki. The token is never part of the URL, where git would keep it in plain sight. */
export function gitClone(gitUrl: string, slug: string): string {
  return `git clone ${gitUrl} ${slug}`;
}

/** Lists the pages over REST. */
export function listPages(apiUrl: string, token: string): string {
  return `curl ${apiUrl}/pages -H "Authorization: ${bearer(token)}"`;
}

/** Signs in on a computer, for git and REST. */
export function login(origin: string): string {
  return `wikibot login ${origin}`;
}
