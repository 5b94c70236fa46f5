// What `recorder doctor` and `recorder scan` find, each with a link to the item that it is about.

import { h } from "../dom.js";
import { count } from "../format.js";
import { SIGNS } from "../panels/parts.js";
import { plain } from "../text.js";

const ORDER = Object.keys(SIGNS);
const MOST = 1000; // that are shown; who has more of them needs a program
const SOURCES = [
  ["doctor", "Damage in the file, and facts that contradict each other"],
  ["scan", "Secrets that redaction missed"],
];

/** Asks for the findings once, and tells the page of them: they are problems like others. */
export function askingFor(source, page) {
  let asked = null;
  source.findings = () => (asked ??= ask().catch((error) => {
    asked = null;
    throw error;
  }));

  async function ask() {
    const { findings } = await source.ask("findings");
    const { model, renew } = await page;
    model.find(findings.map(({ item, problem }) => ({ ...problem, id: item })));
    renew();
    return findings;
  }
}

export function findingsOf(root, { model, choose }) {
  const scroller = h("div", { class: "scroller findings", tabindex: 0 });
  root.append(scroller);
  let isAsked = false;

  async function ask() {
    isAsked = true;
    root.setAttribute("aria-busy", "true");
    scroller.replaceChildren(h("p", { class: "empty" }, "checking the cassette …"));
    try {
      const findings = await model.source.findings();
      scroller.replaceChildren(...SOURCES.map(([name, question]) => group(name, question, findings.filter((one) => one.from === name))));
    } catch ({ message }) {
      isAsked = false;
      scroller.replaceChildren(h("p", { class: "error" }, plain(message)));
    }
    root.removeAttribute("aria-busy");
  }

  function group(name, question, found) {
    const sorted = [...found].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
    const rows = sorted.slice(0, MOST).map(line);
    const rest = sorted.length > MOST ? h("p", { class: "facts" }, `${count(sorted.length - MOST, "more finding")}: recorder ${name} tells them.`) : null;
    const none = found.length ? null : h("p", { class: "facts" }, "Nothing found.");
    return h("article", {}, h("h2", {}, `${name} `, h("span", { class: "facts" }, question)), none, h("ul", {}, rows), rest);
  }

  function line({ severity, level, kind, where, text, item }) {
    const known = item !== null && model.byId.has(item);
    const place = known ? h("button", { type: "button", class: "link", "data-id": item, onclick: () => choose(item) }, `${plain(where)} (${item})`) : plain(where);
    return h(
      "li",
      { class: severity },
      h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[severity]),
      h("span", {}, h("b", {}, `${level}: ${plain(kind)}`), where === "all" ? "" : [" at ", place], `: ${plain(text)}`),
    );
  }

  return {
    refresh() {},
    show() {
      if (!isAsked) ask();
    },
  };
}
