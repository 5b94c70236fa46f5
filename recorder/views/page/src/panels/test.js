// Copy what is shown as a test. A live page has it from the server; elsewhere one copies the command that writes it.

import { copied } from "../copy.js";
import { h } from "../dom.js";
import { plain } from "../text.js";

/** A button that copies a pytest test of some items, or of the whole `what`; `itemsOf()` gives their ids, undefined for all. */
export function testButton(model, what, itemsOf) {
  const text = "copy as test";
  const button = h("button", { type: "button", class: "copy-test", title: `Copy a pytest test that plays this ${what}` }, text);
  button.addEventListener("click", async () => {
    const items = itemsOf();
    button.textContent = await model.source.act("test", items ? { items } : {}).then(
      async ({ text: test }) => ((await copied(test)) ? "copied" : "not allowed"),
      ({ message }) => plain(message),
    );
    setTimeout(() => (button.textContent = text), 2500);
  });
  return button;
}

/** A button that copies the command that writes a pytest test of a cassette. */
export function commandButton(name) {
  const text = "copy as test";
  const command = `recorder convert ${quoted(name)} --to pytest`;
  const button = h("button", { type: "button", class: "copy-test", title: `Copy the command: ${plain(command)}` }, text);
  button.addEventListener("click", async () => {
    button.textContent = (await copied(command)) ? "command copied" : "not allowed";
    setTimeout(() => (button.textContent = text), 2500);
  });
  return button;
}

/** A word for a shell. */
const quoted = (word) => (/^[\w./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
