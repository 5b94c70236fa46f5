// Two orders of a recording, line by line: as it was recorded, and as a schedule plays it. Python puts them beside each
// other (recorder/views/orders); names are looked up here, so that there is one text for each item.

const ALONE = -1;

/**
 * The orders of a page, or null: `{id, says, test, isPlayed, deviations: [{text, names}…], lines: [{left, right}…],
 * moves: [{left, right}…]}`. An act is `{name, kind, item, other, at, line, number, isFirst, isLast, isAgain, came,
 * move}`; `item` is what it is of, `other` has `{label, session}` of an exchange that is no operation, `number` counts the acts that one answer brought, `came` is false for what was held back until the end
 * of the run, `move` tells that it stands elsewhere on the other side.
 */
export function ordersOf(document, model) {
  const { orders } = document;
  if (!orders) return null;
  const found = lookup(model, orders);
  const [recorded, played] = [orders.recorded, orders.played].map((columns) => actsOf(columns, found));
  const lines = orders.rows.map(([left, right], line) => {
    const pair = { left: recorded[left] ?? null, right: played[right] ?? null };
    for (const act of [pair.left, pair.right]) if (act) act.line = line;
    return pair;
  });
  const { id, says, test, isPlayed } = orders;
  const deviations = orders.deviations.map(([text, names]) => ({ text, names }));
  return { id, says, test, isPlayed, deviations, lines, moves: movesOf(recorded, played) };
}

/**
 * `{item, other}` of an act's name: `request 4`, `ack 4`, `event 4.1`, `event u3`, `request p2`, `answer p2`. The item is null
 * where the page does not show it; a page that shows a choice draws some exchanges that it does not show.
 */
function lookup(model, { unsolicited, exchanges }) {
  const others = new Map(Object.entries(exchanges ?? {}).map(([id, [label, session, place]]) => [id, { label, session, place }]));
  const idOf = (id) => {
    if (id.startsWith("u")) return `u${unsolicited[id.slice(1) - 1]}`;
    return id.startsWith("p") ? `x${others.get(id)?.place}` : id;
  };
  return (name) => {
    const id = name.slice(name.indexOf(" ") + 1);
    return { item: model.byId.get(idOf(id)) ?? null, other: others.get(id) ?? null };
  };
}

function actsOf({ name: names, at, answer, came }, found) {
  const seen = new Set();
  const acts = names.map((name, place) => {
    const isAgain = seen.has(name);
    seen.add(name);
    return { name, kind: name.slice(0, name.indexOf(" ")), ...found(name), at: at[place], answer: answer[place], came: came?.[place] ?? true, isAgain, move: null };
  });
  let begin = 0;
  acts.forEach((act, place) => {
    if (act.answer === ALONE || act.answer !== acts[place - 1]?.answer) begin = place;
    const isLast = act.answer === ALONE || act.answer !== acts[place + 1]?.answer;
    act.isFirst = begin === place;
    act.isLast = isLast;
    if (isLast) for (const one of acts.slice(begin, place + 1)) one.number = place + 1 - begin;
  });
  return acts;
}

/** The acts that stand on another line on the other side. */
function movesOf(recorded, played) {
  const first = new Map();
  for (const act of played) if (!act.isAgain) first.set(act.name, act);
  const moves = [];
  for (const left of recorded) {
    const right = first.get(left.name);
    left.isMissing = right === undefined;
    if (right === undefined || right.line === left.line) continue;
    moves.push({ left, right });
    left.move = right.move = right.line < left.line ? "earlier" : "later";
  }
  return moves;
}
