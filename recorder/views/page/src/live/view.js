// The view of what goes on now: what is open and for how long, who is connected, what went wrong, what came last.

import { h } from "../dom.js";
import { clock, count, duration } from "../format.js";
import { badge, chip, flags } from "../panels/parts.js";
import { clipped, plain } from "../text.js";
import { sessionCard } from "./sessions.js";

const MOST = 50; // of each list; the last ones
const LACKS = { aborted: "its ack", unacked: "its ack", acked: "its last event" };

export function liveOf(root, { model, choose }) {
  const isReplay = model.live.kind === "replay";
  const lists = {
    open: card("Open"),
    sessions: card("Clients"),
    misses: card("Misses"),
    faults: card("Faults"),
    problems: card("Problems"),
    polls: card("Lost polls"),
    notes: card("Notes of the recorder"),
    latest: card("Latest"),
  };
  const order = isReplay ? ["open", "misses", "problems", "sessions", "faults", "latest"] : ["open", "problems", "latest", "polls", "notes"];
  root.append(h("div", { class: "live-cards scroller" }, order.map((name) => lists[name].element)));
  setInterval(tick, 250);

  /** The clocks of what is open go on without any news. */
  function tick() {
    if (root.hidden || document.hidden) return;
    const now = model.now();
    for (const node of root.querySelectorAll("[data-since]")) {
      node.textContent = duration(Math.max(0, now - Number(node.dataset.since)));
      const limit = Number(node.dataset.limit || Infinity);
      node.classList.toggle("overdue", now - Number(node.dataset.since) > limit);
    }
    for (const node of root.querySelectorAll("[data-due]")) node.textContent = dueIn(Number(node.dataset.due) - now);
  }

  function fill(selected) {
    const { live } = model;
    const open = model.triples.filter((triple) => triple.open);
    const row = (triple) => openRow(triple, live.usual.get(triple.operation));
    lists.open.fill(open.slice(0, MOST).map(row), open.length, "Nothing waits.");
    lists.latest.fill(model.triples.slice(-MOST).reverse().map(latestRow), model.triples.length, "Nothing yet.");
    const wrong = model.problems.filter(({ item, severity, code }) => item.kind && severity !== "info" && code !== "miss").sort((a, b) => a.at - b.at);
    lists.problems.fill(wrong.slice(-MOST).reverse().map(problemRow), wrong.length, "None so far.");
    if (isReplay) {
      const sessions = live.state.sessions ?? [];
      lists.sessions.fill(sessions.map((one) => sessionCard(one, model.now())), live.state.clients ?? 0, "No client so far.");
      lists.misses.fill(live.misses.slice(-MOST).reverse().map(missRow), live.state.counts?.misses ?? 0, "None: all requests were matched.");
      lists.faults.fill((live.state.faults ?? []).map(faultRow), live.state.faults?.length ?? 0, "No fault is set.");
    } else {
      lists.polls.fill(model.polls.slice(-MOST).reverse().map(pollRow), model.polls.length, "None.");
      lists.notes.fill(model.notes.slice(-MOST).reverse().map(noteRow), model.notes.length, "None.");
    }
    for (const node of root.querySelectorAll("[data-id]")) node.setAttribute("aria-current", String(node.dataset.id === selected));
    tick();
  }

  const link = (id, ...children) => h("button", { type: "button", class: "live-row", "data-id": id, onclick: () => choose(id) }, children);

  function openRow(triple, usual) {
    const step = triple.answered === null ? "ack" : "last";
    const [limit, typical] = [usual?.limits[step], usual?.[step]?.[0]];
    const isOverdue = triple.problems.some(({ code }) => code === "overdue");
    const since = h("span", { class: "since", "data-since": triple.at, "data-limit": limit ?? "" });
    const limits = limit ? `usually ${duration(typical)}` : "";
    return link(triple.id, name(triple), h("span", { class: "facts" }, `waits for ${LACKS[triple.state] ?? "its end"}`), since, h("span", { class: "facts" }, limits), isOverdue && h("b", { class: "overdue" }, "overdue"));
  }

  function latestRow(triple) {
    const took = triple.open ? "…" : duration(triple.end - triple.at);
    return link(triple.id, h("span", { class: "facts" }, clock(triple.at)), name(triple), triple.open ? h("span", { class: "badge" }, "open") : badge(triple.state), h("span", { class: "facts" }, [triple.status, count(triple.events.length, "event"), took].filter((one) => one !== null).join(", ")));
  }

  function name(triple) {
    return h("span", {}, h("b", {}, `${triple.n} ${clipped(triple.label, 50)}`), " ", chip(model, triple.handle, "handle"), " ", chip(model, triple.reference, "reference"), triple.session ? h("span", { class: "facts" }, ` ${plain(triple.session)}`) : null);
  }

  function missRow({ id, at, call, summary, text }) {
    const more = h("pre", {}, text);
    return h("details", { class: "miss" }, h("summary", {}, h("span", { class: "facts" }, clock(at)), " ", h("b", {}, clipped(call, 90)), h("div", {}, clipped(summary, 300))), more, link(id, "show on the timeline"));
  }

  function problemRow(problem) {
    const { item, at, text } = problem;
    const name = item.kind === "event" ? `${item.triple.label}, ${item.name}` : (item.label ?? item.name);
    return link(item.id, h("span", { class: "facts" }, clock(at)), ...flags([problem]), h("span", {}, h("b", {}, clipped(name, 50)), " ", plain(text)));
  }

  const pollRow = ({ session, at, failure }) => h("p", {}, h("span", { class: "facts" }, `${clock(at)} ${plain(session ?? "")} `), plain(failure));
  const noteRow = ({ at, kind, text }) => h("p", {}, h("span", { class: "facts" }, `${clock(at)} ${plain(kind)} `), plain(text));
  const faultRow = ({ fault, hit }) => h("p", {}, h("code", {}, plain(fault)), h("span", { class: "facts" }, ` hit ${count(hit, "time")}`));

  return { show: ({ selected }) => fill(selected), refresh() {} };
}

function card(title) {
  const number = h("span", { class: "facts" });
  const body = h("div", { class: "live-body" });
  const element = h("section", { class: "live-card", "aria-label": title }, h("h2", {}, title, " ", number), body);
  return {
    element,
    /** Show rows; `all` is how many there are. What a reader opened stays open. */
    fill(rows, all, nothing) {
      const open = new Set([...body.querySelectorAll("details[open]")].map((node) => node.textContent));
      number.textContent = all ? (all > rows.length ? `${rows.length} of ${all}` : String(all)) : "";
      body.replaceChildren(...(rows.length ? rows : [h("p", { class: "empty" }, nothing)]));
      for (const node of body.querySelectorAll("details")) node.open = open.has(node.textContent);
    },
  };
}

const dueIn = (us) => (us > 0 ? `in ${duration(us)}` : "now");
