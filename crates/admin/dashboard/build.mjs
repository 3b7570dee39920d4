// Builds `dist/` from `src/`: four files that need nothing from elsewhere.
//
//   node build.mjs [--out DIR]

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: here('dist') } } });

rmSync(values.out, { recursive: true, force: true });
mkdirSync(values.out, { recursive: true });
await build({
  entryPoints: {
    dashboard: here('src/main.jsx'),
    theme: here('src/theme.js'),
    style: here('src/style/index.css'),
  },
  outdir: values.out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'favicon.svg']) cpSync(here(`src/${name}`), `${values.out}/${name}`);

const files = readdirSync(values.out).sort();
const size = files.reduce((sum, name) => sum + gzipSync(readFileSync(`${values.out}/${name}`)).length, 0);
console.log(`dashboard: ${files.join(', ')}: ${(size / 1024).toFixed(1)} KiB compressed`);
