// Builds ./src into ./built, or into the folder that is given: a script for each page, one style, the template as it is.
import { copyFileSync, mkdirSync, readFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "built");
const common = { absWorkingDir: here, bundle: true, minify: true, charset: "utf8", target: "es2022", write: true };

// The licences of what is bundled stay with it.
function notices(inputs) {
  const names = new Set(Object.keys(inputs).map((path) => /node_modules\/([^/]+)\//.exec(path)?.[1]).filter(Boolean));
  return [...names].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const licence = ["LICENSE", "LICENSE.md"].map((file) => join(folder, file)).find(existsSync);
    return `${name} ${version}\n\n${readFileSync(licence, "utf8").trim()}`;
  });
}

mkdirSync(out, { recursive: true });
for (const [entry, name] of [["src/report.js", "page.js"], ["src/view.js", "view.js"]]) {
  const script = { ...common, entryPoints: [entry], format: "iife" };
  const { metafile } = await build({ ...script, metafile: true, write: false, outdir: out });
  const banner = `/*! THIRD PARTY\n\n${notices(metafile.inputs).join("\n\n")}\n*/`;
  await build({ ...script, banner: { js: banner }, outfile: join(out, name) });
}
for (const [entry, name] of [["src/page.css", "page.css"], ["src/view/view.css", "view.css"]]) {
  await build({ ...common, entryPoints: [entry], outfile: join(out, name) });
}
copyFileSync(join(here, "src/template.html"), join(out, "template.html"));
