// Makes the types of the APIs' clients from their descriptions, or with --check
// says whether they still are.  Usage: npm run generate [-- --check]
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

for (const api of ["management", "account"]) {
  const args = [at(`../../contracts/api/${api}.openapi.json`), "--output", at(`../src/api/schema/${api}.d.ts`), ...process.argv.slice(2)];
  const { status } = spawnSync(at("../node_modules/.bin/openapi-typescript"), args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
