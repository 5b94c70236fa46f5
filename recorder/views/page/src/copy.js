// Buttons that put a text on the clipboard.

import { h } from "./dom.js";

export function copyButton(what, textOf) {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy the ${what}` }, "copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(textOf())) ? "copied" : "not allowed";
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return button;
}

/** Whether a text could be put on the clipboard. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text); // a page from a file may not use the clipboard in some browsers
  }
}

function copiedByHand(text) {
  const area = h("textarea", { class: "unseen" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
