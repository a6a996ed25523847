import { expect, test } from "vitest";
import { clients, gitClone, listPages, placeholder } from "./clients.ts";

const connection = { slug: "third-gulf-war", mcpUrl: "https://third-gulf-war.wikibot.io/mcp", token: "wbt_secret" };
const recipe = (id: string) => clients.find((client) => client.id === id)!.recipe(connection);

test("Claude Code takes name, address and header in this order", () => {
  expect(recipe("claude-code").text).toBe(
    'claude mcp add --transport http third-gulf-war https://third-gulf-war.wikibot.io/mcp --header "Authorization: Bearer wbt_secret"',
  );
});

test.each([
  ["cursor", (file: any) => file.mcpServers],
  ["vs-code", (file: any) => file.servers],
])("%s gets a file that parses, with the address and the header", (id, servers) => {
  const entry = servers(JSON.parse(recipe(id).text))["third-gulf-war"];
  expect(entry.url).toBe(connection.mcpUrl);
  expect(entry.headers).toEqual({ Authorization: "Bearer wbt_secret" });
});

test("Codex gets a table under the wiki's name", () => {
  expect(recipe("codex").text).toBe(
    [
      "[mcp_servers.third-gulf-war]",
      'url = "https://third-gulf-war.wikibot.io/mcp"',
      'http_headers = { "Authorization" = "Bearer wbt_secret" }',
    ].join("\n"),
  );
});

test("every recipe holds the token exactly once, so that it can be marked", () => {
  for (const client of clients) {
    for (const token of [connection.token, placeholder]) {
      expect(client.recipe({ ...connection, token }).text.split(token), client.name).toHaveLength(2);
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
