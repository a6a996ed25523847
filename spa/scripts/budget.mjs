// Fails when the first load of the built app weighs too much or would not run
// under the content security policy. Usage: npm run budget (after a build)
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 80_000; // bytes of gzipped JavaScript and CSS at first load
const dist = new URL("../../services/wikibot/internal/app/dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const faults = [];

const loaded = [...html.matchAll(/(?:src|href)="\/app\/(assets\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]);
if (loaded.length < 2) faults.push(`index.html loads ${loaded.length} assets: expected a script and a style sheet`);

let total = 0;
for (const path of loaded) {
  const size = gzipSync(readFileSync(new URL(path, dist)), { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(7)}  ${path}`);
}
console.log(`${String(total).padStart(7)}  of ${budget} bytes, gzipped`);
if (total > budget) faults.push(`first load is ${total - budget} bytes over the budget: split a screen off or drop a dependency`);

if (/<script(?![^>]*\bsrc=)/.test(html)) faults.push("index.html holds an inline script, which the policy forbids");
if (/<style|\sstyle=/.test(html)) faults.push("index.html holds an inline style, which the policy forbids");

const files = readdirSync(dist, { recursive: true });
if (!files.includes(".gitkeep")) faults.push("the build removed dist/.gitkeep, which keeps the folder in git");
for (const file of files) {
  if (file.endsWith(".map")) faults.push(`${file} would be embedded and served: source maps stay out of dist`);
}

for (const fault of faults) console.error(`budget: ${fault}`);
process.exit(faults.length ? 1 : 0);
