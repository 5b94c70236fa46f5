// The first line of the page: what is wrong, in numbers that lead to it; and the way from problem to problem.

import { h } from "../dom.js";
import { codeWord, SIGNS } from "./parts.js";

/** `go(problem)` shows one; `list()` opens or shuts the list of all. */
export function headlineOf(root, { model, go, list }) {
  let last = null; // the problem shown before: of one that is no item the selection says nothing
  const toggle = h("button", { type: "button", id: "list-button", "aria-controls": "problems", onclick: list }, "all as a list", h("kbd", { "aria-hidden": "true" }, "w"));

  /** Count anew, of another model. */
  function refresh() {
    last = last && (model.problems.find((problem) => isSame(problem, last)) ?? null);
    const wrong = model.problems.filter(isWrong);
    const kinds = new Map();
    for (const problem of model.problems) {
      if (!kinds.has(problem.code)) kinds.set(problem.code, []);
      kinds.get(problem.code).push(problem);
    }
    const parts = [...kinds].map(([code, problems]) => part(code, problems));
    const said = wrong.length ? null : h("span", { class: "fine" }, h("span", { "aria-hidden": "true" }, "✓ "), "nothing wrong");
    toggle.hidden = !model.problems.length;
    root.replaceChildren(...[said, ...parts, toggle].filter(Boolean));
  }

  function part(code, problems) {
    const worst = ["error", "warning", "info"].find((severity) => problems.some((problem) => problem.severity === severity));
    const text = `${problems.length.toLocaleString("en")} ${codeWord(code, problems.length)}`;
    return h(
      "button",
      {
        type: "button",
        class: `part ${worst}`,
        "data-code": code,
        title: "next of these; with Shift the previous one",
        onclick: (event) => step(event.shiftKey ? -1 : 1, problems),
      },
      h("span", { "aria-hidden": "true" }, SIGNS[worst]),
      text,
    );
  }

  /** Show the next problem, or the previous one; from nothing, the first or last. */
  function step(by, among = model.problems.filter(isWrong)) {
    if (!among.length) return;
    const at = among.indexOf(last);
    let next = at < 0 ? (by > 0 ? 0 : among.length - 1) : at + by;
    // another problem of the same item is no step
    while (among[next] && at >= 0 && among[next].item && among[next].item === last.item) next += by;
    last = among[(next + among.length) % among.length];
    go(last);
  }

  refresh();
  return {
    refresh,
    step,
    /** The selection moved: go on from there. */
    show(item) {
      if (last && (last.item?.id === undefined ? item === null : last.item === item)) return;
      last = item ? (model.problems.find((problem) => problem.item === item && isWrong(problem)) ?? null) : null;
    },
    /** One of the list was chosen. */
    at: (problem) => (last = problem),
    pressed: (isOpen) => toggle.setAttribute("aria-expanded", String(isOpen)),
  };
}

/** Of a live page, problems are told anew with their item. */
export const isSame = (one, other) => one.code === other.code && one.item?.id === other.item?.id && one.at === other.at && one.text === other.text;

const isWrong = ({ severity }) => severity !== "info";
