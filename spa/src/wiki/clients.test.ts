import { expect, test } from "vitest";
import { clients, gitClone, listPages, login, placeholder } from "./clients.ts";

const connection = { slug: "third-gulf-war", mcpUrl: "https://third-gulf-war.wikibot.io/mcp" };
const token = "wbt_secret";
const client = (id: string) => clients.find((client) => client.id === id)!;
const recipe = (id: string) => client(id).recipe(connection).text;
const byToken = (id: string) => client(id).byToken!({ ...connection, token }).text;

test("Claude.ai takes the address and nothing else", () => {
  expect(recipe("claude-ai")).toBe(connection.mcpUrl);
  expect(client("claude-ai").byToken).toBeUndefined();
});

test("Claude Code takes name, address and header in this order", () => {
  expect(recipe("claude-code")).toBe("claude mcp add --transport http third-gulf-war https://third-gulf-war.wikibot.io/mcp");
  expect(byToken("claude-code")).toBe(
    'claude mcp add --transport http third-gulf-war https://third-gulf-war.wikibot.io/mcp --header "Authorization: Bearer wbt_secret"',
  );
});

test.each([
  ["cursor", (file: any) => file.mcpServers],
  ["vs-code", (file: any) => file.servers],
])("%s gets a file that parses: with the address, or with the header too", (id, servers) => {
  const signIn = servers(JSON.parse(recipe(id)))["third-gulf-war"];
  expect(signIn.url).toBe(connection.mcpUrl);
  expect(signIn.headers).toBeUndefined();
  const entry = servers(JSON.parse(byToken(id)))["third-gulf-war"];
  expect(entry.url).toBe(connection.mcpUrl);
  expect(entry.headers).toEqual({ Authorization: "Bearer wbt_secret" });
});

test("Codex gets a command, or a table under the wiki's name", () => {
  expect(recipe("codex")).toBe("codex mcp add third-gulf-war --url https://third-gulf-war.wikibot.io/mcp");
  expect(byToken("codex")).toBe(
    [
      "[mcp_servers.third-gulf-war]",
      'url = "https://third-gulf-war.wikibot.io/mcp"',
      'http_headers = { "Authorization" = "Bearer wbt_secret" }',
    ].join("\n"),
  );
});

test("whoever signs in is told the address and no secret", () => {
  for (const { name, recipe } of clients) {
    const { text } = recipe(connection);
    expect(text, name).toContain(connection.mcpUrl);
    expect(text, name).not.toMatch(/authorization|bearer|token/i);
  }
});

test("every recipe by token holds it exactly once, so that it can be marked", () => {
  for (const { name, byToken } of clients) {
    for (const secret of [token, placeholder]) {
      if (byToken) expect(byToken({ ...connection, token: secret }).text.split(secret), name).toHaveLength(2);
    }
  }
});

test("the token is never in a git URL, where git would store it", () => {
  expect(gitClone("https://ada.wikibot.io/repo.git", "ada")).toBe("git clone https://ada.wikibot.io/repo.git ada");
});

test("curl", () => {
  expect(listPages("https://ada.wikibot.io/api/v1", "wbt_x")).toBe(
    'curl https://ada.wikibot.io/api/v1/pages -H "Authorization: Bearer wbt_x"',
  );
});

test("login names the fleet", () => {
  expect(login("https://wikibot.io")).toBe("wikibot login https://wikibot.io");
});
