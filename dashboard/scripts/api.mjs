// Makes src/api/schema.d.ts from the OpenAPI document of a server that runs, or says whether it is up to date:
// `npm run api -- http://127.0.0.1:9080 [--check]`.

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import openapi, { astToString } from "openapi-typescript";

const FILE = resolve(import.meta.dirname, "../src/api/schema.d.ts");

/** The types of the document that this server has. */
export async function generate(admin) {
  const response = await fetch(new URL("/admin/api/v1/openapi.json", admin));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const document = await response.json();
  // The types are asked for by their names: what an operation is called matters to nobody here.
  for (const path of Object.values(document.paths)) for (const operation of Object.values(path)) delete operation.operationId;
  return `// Made by \`npm run api\` from the OpenAPI document of the management API. Do not edit.\n\n${astToString(await openapi(document))}`;
}

export const isUpToDate = async (admin) => readFileSync(FILE, "utf8") === (await generate(admin));

if (process.argv[1] === import.meta.filename) {
  const [admin = "http://127.0.0.1:9080", check] = process.argv.slice(2);
  if (check === "--check") {
    if (!(await isUpToDate(admin))) throw new Error("src/api/schema.d.ts is not that of the document: run `npm run api`");
  } else {
    writeFileSync(FILE, await generate(admin));
  }
}
