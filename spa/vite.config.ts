import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vitest/config";
import { embedded } from "./scripts/dist.mjs";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const dist = at("../services/wikibot/internal/app/dist");

// A fleet that runs on this machine, for `npm run dev`.
const fleet = "http://localhost:8080";

export default defineConfig({
  base: "/app/",
  plugins: [svelte(), tailwindcss(), embedded({ dist, maps: at(".vite/maps") })],
  build: {
    outDir: dist,
    emptyOutDir: false, // the plugin above does it, and spares .gitkeep
    sourcemap: "hidden",
    assetsInlineLimit: 0, // the policy allows no data: scripts or styles
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    // Sign-in and its cookies belong to the host, so the app is developed on the
    // same one: open http://wikibot.localhost:9111/app/.
    host: "wikibot.localhost",
    port: 9111,
    strictPort: true,
    fs: { allow: [at("."), at("../pkg/look")] },
    proxy: { "/api": fleet, "/auth": fleet },
  },
  test: { include: ["src/**/*.test.ts"] },
});
