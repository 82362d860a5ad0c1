/**
 * Bundles the page with the unmodified npm client into `build/`. Tests call `buildPage()` themselves, so that a stale
 * bundle can't be tested; `npm run build` only shows that it builds.
 */
import { build } from 'esbuild';
import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const BUILD_DIR = fileURLToPath(new URL('./build/', import.meta.url));
const PAGE_DIR = fileURLToPath(new URL('./page/', import.meta.url));

export async function buildPage() {
  await mkdir(BUILD_DIR, { recursive: true });
  await build({
    entryPoints: [`${PAGE_DIR}main.mjs`],
    outfile: `${BUILD_DIR}main.js`,
    bundle: true,
    format: 'iife',
    platform: 'browser',
    logLevel: 'warning',
  });
  await copyFile(`${PAGE_DIR}index.html`, `${BUILD_DIR}index.html`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage();
