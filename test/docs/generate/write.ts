import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { apiPages } from "./api.js";
import { currentText, generatedDocs, placeOf } from "./generated-docs.js";

for (const doc of generatedDocs) {
  const current = currentText(doc);
  const wanted = doc.render(current);
  if (wanted !== current) writeFileSync(placeOf(doc), wanted);
  console.log(`${doc.path}: ${wanted === current ? "up to date" : "written"}`);
}

const folder = resolve(import.meta.dirname, "../../../docs/api");
const pages = await apiPages();
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (!pages.has(file)) rmSync(join(folder, file));
for (const [file, text] of pages) {
  const isNew = !readdirSync(folder).includes(file) || readFileSync(join(folder, file), "utf8") !== text;
  if (isNew) writeFileSync(join(folder, file), text);
  console.log(`docs/api/${file}: ${isNew ? "written" : "up to date"}`);
}
