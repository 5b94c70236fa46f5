// The explanation that `recorder explain` prints, in the details of a triple or an event; its numbers are links.

import { h } from "../dom.js";
import { plain } from "../text.js";

const NUMBERS = /((?:triple|event) )([0-9]+(?:\.[0-9]+)?)/;

/** The explanation of an item, asked for when it is opened; nothing for what is no operation. */
export function explanationOf(source, item, choose) {
  if (item.kind === "plain") return null;
  const text = h("pre", {});
  const node = h("details", { class: "explained" }, h("summary", {}, `Explain ${item.id} by the rules`), text);
  let isAsked = false;
  node.addEventListener("toggle", async () => {
    if (isAsked || !node.open) return;
    isAsked = true;
    node.setAttribute("aria-busy", "true");
    text.textContent = "applying the rules …";
    try {
      text.replaceChildren(...linked((await source.ask("explain", { n: item.id })).text, choose));
    } catch ({ message }) {
      isAsked = false;
      text.textContent = plain(message);
    }
    node.removeAttribute("aria-busy");
  });
  return node;
}

/** The lines of a text, in which the numbers of triples and events choose them. */
function linked(text, choose) {
  return text.split("\n").flatMap((line) => {
    const parts = line.split(NUMBERS);
    const nodes = [];
    for (let at = 0; at < parts.length; at += 3) {
      nodes.push(plain(parts[at]));
      if (at + 2 < parts.length) {
        const id = parts[at + 2];
        nodes.push(parts[at + 1], h("button", { type: "button", class: "link", onclick: () => choose(id) }, id));
      }
    }
    return [...nodes, "\n"];
  });
}
