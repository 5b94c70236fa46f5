// Reads what was exported as others would: `node check.mjs har|trace|mermaid FILE` prints what it made of it, or fails.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

// HAR: the schema of har-schema; traces: ours, written from the documentation of the format.
function valid(schemas, root, value) {
  const ajv = new (require("ajv"))({ schemaId: "auto" });
  ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-06.json"));
  for (const schema of schemas) ajv.addSchema(schema);
  if (!ajv.validate(root, value)) throw new Error(ajv.errorsText());
  return value;
}

async function mermaid(text) {
  const { default: engine } = await import("mermaid");
  await engine.parse(text); // throws where it is none
  const { db } = await engine.mermaidAPI.getDiagramFromText(text);
  // entities are kept as `ﬂ°°N¶ß` until they are drawn
  const shown = (label) => label.replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(Number(code)));
  return {
    actors: [...db.getActors().values()].map((actor) => shown(actor.description)),
    messages: db.getMessages().map(({ from, to, message, type }) => ({ from, to, type, text: shown(String(message)) })),
  };
}

const [kind, file] = process.argv.slice(2);
const text = readFileSync(file, "utf8");
const readers = {
  har: () => valid(Object.values(require("har-schema")), "har.json", JSON.parse(text)),
  trace: () => valid([require("./trace-event.schema.json")], "trace-event.json", JSON.parse(text)),
  mermaid: () => mermaid(text),
};
process.stdout.write(JSON.stringify(await readers[kind]()));
