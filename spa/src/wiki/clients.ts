// What to paste into which client, with the wiki's real address and token.
// Claude.ai and other clients that only sign in with OAuth are not listed: the
// MCP endpoint takes bearer tokens.

/** What a recipe is made from. */
export interface Connection {
  readonly slug: string;
  readonly mcpUrl: string;
  /** The token, or {@link placeholder} when it is no longer known. */
  readonly token: string;
}

/** Stands where the token goes, when only its owner still knows it. */
export const placeholder = "YOUR_TOKEN";

/** One thing to paste. */
export interface Recipe {
  /** Where it goes: a terminal, or a file. */
  readonly where: string;
  /** What to do with it, in a sentence. */
  readonly how: string;
  readonly text: string;
}

export interface McpClient {
  readonly id: string;
  readonly name: string;
  readonly recipe: (connection: Connection) => Recipe;
}

const bearer = (token: string) => `Bearer ${token}`;
const json = (value: unknown) => JSON.stringify(value, null, 2);

/** The clients that can connect today, most used first. */
export const clients: readonly McpClient[] = [
  {
    id: "claude-code",
    name: "Claude Code",
    recipe: ({ slug, mcpUrl, token }) => ({
      where: "Terminal",
      how: "Run this in the folder you work in. Add --scope user to have the wiki in every folder.",
      text: `claude mcp add --transport http ${slug} ${mcpUrl} --header "Authorization: ${bearer(token)}"`,
    }),
  },
  {
    id: "cursor",
    name: "Cursor",
    recipe: ({ slug, mcpUrl, token }) => ({
      where: "~/.cursor/mcp.json",
      how: "Put this into the file; if it has servers already, add the inner entry to them.",
      text: json({ mcpServers: { [slug]: { url: mcpUrl, headers: { Authorization: bearer(token) } } } }),
    }),
  },
  {
    id: "vs-code",
    name: "VS Code",
    recipe: ({ slug, mcpUrl, token }) => ({
      where: "mcp.json",
      how: "Open the file with the command “MCP: Open User Configuration” and put this in. A file in the project's .vscode folder works too, but would carry the token into its repository.",
      text: json({ servers: { [slug]: { type: "http", url: mcpUrl, headers: { Authorization: bearer(token) } } } }),
    }),
  },
  {
    id: "codex",
    name: "Codex",
    recipe: ({ slug, mcpUrl, token }) => ({
      where: "~/.codex/config.toml",
      how: "Add this to the file, then start Codex again.",
      text: `[mcp_servers.${slug}]\nurl = "${mcpUrl}"\nhttp_headers = { "Authorization" = "${bearer(token)}" }`,
    }),
  },
  {
    id: "gemini-cli",
    name: "Gemini CLI",
    recipe: ({ slug, mcpUrl, token }) => ({
      where: "Terminal",
      how: "Run this once. It is there in every folder.",
      text: `gemini mcp add --scope user --transport http --header "Authorization: ${bearer(token)}" ${slug} ${mcpUrl}`,
    }),
  },
  {
    id: "other",
    name: "Other",
    recipe: ({ mcpUrl, token }) => ({
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
