// The buttons that steer a stand-in: as the control API does, but without its token.

import { h } from "../dom.js";
import { plain } from "../text.js";

export function controlsOf(model) {
  const told = h("output", { class: "live-told" });
  const pause = button("Pause", () => act(model.live.state.paused ? "resume" : "pause"));
  const step = button("Step", async () => {
    const answer = await act("step");
    if (answer) told.textContent = plain(answer.played === null ? "no step is scheduled" : `left: ${answer.played}`);
  });
  const seconds = h("input", { type: "number", min: "0.1", step: "any", value: "1", "aria-label": "Seconds to advance" });
  const advance = form("Advance", [seconds, " s"], () => act("advance", { seconds: Number(seconds.value) }));
  const fault = h("input", { placeholder: "drop event NAME#2", "aria-label": "Fault", spellcheck: "false" });
  const faults = form("Add fault", [fault], async () => {
    if (await act("fault", { fault: fault.value })) fault.value = "";
  });
  const clear = button("Clear faults", () => act("no-faults"));
  const channel = h("input", { placeholder: "/channel", "aria-label": "Channel of an event", spellcheck: "false" });
  const data = h("input", { placeholder: '{"any": "JSON"}', "aria-label": "Data of the event, as JSON", spellcheck: "false" });
  const inject = form("Push event", [channel, data], pushed);
  const element = h("div", { class: "live-controls", role: "group", "aria-label": "Steer the stand-in" }, pause, step, advance, faults, clear, inject, told);

  async function pushed() {
    let value;
    try {
      value = JSON.parse(data.value || "null");
    } catch (error) {
      told.textContent = plain(`the data is no JSON: ${error.message}`);
      return;
    }
    const answer = await act("inject", { channel: channel.value, data: value });
    if (answer) told.textContent = answer.sessions.length ? plain(`pushed to ${answer.sessions.join(", ")}`) : "no client is connected";
  }

  async function act(name, params) {
    told.textContent = "";
    try {
      return await model.source.act(name, params);
    } catch ({ message }) {
      told.textContent = plain(message);
      return null;
    }
  }

  return {
    element,
    show() {
      const { paused, phase, clock, faults: all = [] } = model.live.state;
      const isOver = phase === "ended" || model.live.connection !== "open";
      pause.textContent = paused ? "Resume" : "Pause";
      step.disabled = isOver || !paused;
      advance.hidden = clock !== "virtual";
      clear.disabled = isOver || all.length === 0;
      for (const one of [pause, ...[advance, faults, inject].flatMap((one) => [...one.elements])]) one.disabled = isOver;
    },
  };
}

function button(text, act) {
  return h("button", { type: "button", onclick: act }, text);
}

function form(text, fields, act) {
  const node = h("form", {}, fields, h("button", {}, text));
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
  return node;
}
