// The build's destination is a folder that a Go package embeds whole, so what
// lies in it is exactly what is served.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";

/**
 * Empties the destination before a build, except for the file that keeps the
 * folder in git, and moves the source maps out of it afterwards: they are for
 * reading a stack trace, not for visitors.
 *
 * @param {{ dist: string, maps: string }} folders
 * @returns {import("vite").Plugin}
 */
export function embedded({ dist, maps }) {
  return {
    name: "embedded-dist",
    apply: "build",
    async buildStart() {
      await mkdir(dist, { recursive: true });
      for (const entry of await readdir(dist)) {
        if (entry !== ".gitkeep") await rm(join(dist, entry), { recursive: true });
      }
    },
    async closeBundle() {
      await rm(maps, { recursive: true, force: true });
      await mkdir(maps, { recursive: true });
      for (const entry of await readdir(dist, { recursive: true })) {
        if (entry.endsWith(".map")) await rename(join(dist, entry), join(maps, basename(entry)));
      }
    },
  };
}
