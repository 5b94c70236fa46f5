// The ladder: what went between desktop and server, one line each, in the order of time.

import { h, textScale } from "../dom.js";
import { clock, duration } from "../format.js";
import { tripleOf } from "../data/model.js";
import { badge, chip, flags } from "./parts.js";
import { rowsOf } from "./rows.js";
import { clipped } from "../text.js";

const HEIGHT = 30;
const PAUSE = 1_000_000; // µs: a longer one is shown

export function ladderOf(root, { model, choose }) {
  const head = h("div", { class: "ladder-head", "aria-hidden": "true" }, h("b", {}, "desktop"), h("b", {}, "server"));
  const body = h("div", { class: "ladder", role: "list", "aria-label": "Messages in the order of time" });
  const scroller = h("div", { class: "scroller", tabindex: 0 }, head, body);
  root.append(scroller);
  const rows = rowsOf({ scroller, body, height: HEIGHT * textScale(), spacer, render });
  let steps = stepsOf(model);
  let listed = [];
  let selected = null;

  function render(step) {
    if (step.kind === "pause") return h("div", { class: "pause", role: "listitem" }, `${duration(step.us)} later`);
    if (step.kind === "note") return note(step);
    const { item, triple } = step;
    const mine = triple && triple === tripleOf(selected);
    const row = h("div", {
      class: `step ${step.to} ${step.kind} ${triple ? triple.state : ""} ${step.unsure ? "unsure" : ""}`,
      role: "listitem",
      "data-id": item.id,
      "aria-current": item === selected ? "true" : null,
      "data-mine": mine ? "" : null,
    });
    const session = h("span", { class: "session" }, item.session ?? item.triple?.session ?? "");
    row.append(
      h("span", { class: "time" }, clock(step.at)),
      session,
      h("span", { class: "number" }, triple ? String(triple.n) : ""),
      h("span", { class: "arrow" }, h("span", { class: "what" }, step.label(model))),
    );
    row.addEventListener("click", () => choose(item.id));
    return row;
  }

  return {
    /** Take over what the model holds now. */
    refresh: () => (steps = stepsOf(model)),
    show({ selected: id }, matches, changed) {
      const all = matches.size === model.triples.length;
      const kept = steps.filter((step) => (step.triple ? matches.has(step.triple.id) : all));
      listed = withPauses(kept);
      selected = model.byId.get(id) ?? null;
      rows.set(listed);
      if (changed.size) rows.reveal(listed.findIndex((step) => step.item && step.item === selected), HEIGHT * textScale());
    },
  };
}

function stepsOf(model) {
  const steps = [
    ...model.triples.flatMap((triple) => [...exchange(triple, triple), ...triple.events.map(eventStep)]),
    ...model.plain.flatMap((item) => exchange(item, null)),
    ...model.loose.map(looseStep),
    ...model.notes.map((item) => ({ kind: "note", at: item.at, item })),
  ];
  return steps.map((step, place) => [step, place]).sort((a, b) => a[0].at - b[0].at || a[1] - b[1]).map(([step]) => step);
}

function exchange(item, triple) {
  const steps = [{ kind: "request", to: "out", at: item.at, item, triple, label: (model) => requestLabel(model, item) }];
  if (item.answered !== null) {
    const isAck = item.status !== null;
    const said = isAck ? [h0("b", String(item.status))] : [h0("b", "no answer"), clipped(item.reason, 50)];
    steps.push({
      kind: isAck ? "ack" : "failure",
      to: "in",
      at: item.answered,
      item,
      triple,
      label: () => join(said, h0("i", `after ${duration(item.answered - item.at)}`), triple && triple.state !== "complete" ? badge(triple.state) : null, ...flags(wrongOf(item))),
    });
  }
  return steps;
}

function requestLabel(model, item) {
  const name = item.operation === null ? clipped(item.label, 70) : h0("b", clipped(item.operation, 44));
  const wrong = item.answered === null ? flags(wrongOf(item)) : []; // else they stand beside the answer
  return join([name], chip(model, item.handle, "handle"), chip(model, item.reference, "reference"), ...wrong);
}

function eventStep(event) {
  const { triple } = event;
  const after = `+${duration(event.at - triple.at)}`;
  return {
    kind: "event",
    to: "in",
    at: event.at,
    item: event,
    triple,
    unsure: event.confidence < 1,
    label: (model) =>
      join(
        [h0("b", clipped(event.name, 44)), h0("i", after), h0("code", clipped(event.channel, 30))],
        chip(model, triple.reference ?? triple.handle, triple.reference ? "reference" : "handle"),
        ...flags(wrongOf(event)),
      ),
  };
}

/** What is wrong, but for what the state says already. */
const wrongOf = ({ problems, state }) => problems.filter(({ severity, code }) => severity !== "info" && code !== state);

function looseStep(event) {
  const label = () => join([h0("b", clipped(event.name, 44)), h0("code", clipped(event.channel, 30)), h0("i", "unsolicited")]);
  return { kind: "loose", to: "in", at: event.at, item: event, triple: null, label };
}

function note({ at, item }) {
  return h("div", { class: "pause", role: "listitem" }, `${clock(at)}  ${clipped(item.kind, 20)}: ${clipped(item.text, 90)}`);
}

function withPauses(steps) {
  return steps.flatMap((step, place) => {
    const us = place ? step.at - steps[place - 1].at : 0;
    return us > PAUSE ? [{ kind: "pause", us }, step] : [step];
  });
}

const h0 = (tag, text) => h(tag, {}, text);
const join = (parts, ...more) => h("span", {}, [...parts, ...more].filter((part) => part != null).flatMap((part) => [part, " "]));

function spacer() {
  const element = h("div", { "aria-hidden": "true" });
  return { element, size: (px) => (element.style.height = `${px}px`) };
}
