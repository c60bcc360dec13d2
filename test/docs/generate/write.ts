import { writeFileSync } from "node:fs";
import { currentText, generatedDocs, placeOf } from "./generated-docs.js";

for (const doc of generatedDocs) {
  const current = currentText(doc);
  const wanted = doc.render(current);
  if (wanted !== current) writeFileSync(placeOf(doc), wanted);
  console.log(`${doc.path}: ${wanted === current ? "up to date" : "written"}`);
}
