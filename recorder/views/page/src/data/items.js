// Triples, other exchanges and events as the views see them: small objects that read the columns of the rows. So some
// hundred thousand of them fit in a page.

import { listed } from "../text.js";

const NONE = -1; // in a column: nothing stands there
const NO_PROBLEMS = Object.freeze([]);

/** Each number of a column of steps, added up. */
export function added(steps) {
  const sums = new Float64Array(steps.length);
  let sum = 0;
  for (let at = 0; at < sums.length; at += 1) sums[at] = sum += steps[at];
  return sums;
}

/** The columns of triples or other exchanges, with those of their events. */
export class Rows {
  constructor(kind, recording, columns, events, facts) {
    Object.assign(this, { kind, recording, texts: facts.texts, prefix: facts.prefix });
    this.n = added(columns.n);
    this.record = added(columns.record);
    this.at = added(columns.at);
    this.answered = Float64Array.from(columns.answered);
    for (const name of ["operation", "session", "state", "method", "target", "status", "reason"]) {
      this[name] = Int32Array.from(columns[name]);
    }
    this.keys = columns.keys.map(([name, column]) => [name, Int32Array.from(column)]);
    this.handle = this.keys.find(([name]) => name === "handle")?.[1];
    this.reference = this.keys.find(([name]) => name === "reference")?.[1];
    this.blocks = facts.blocks[kind === "triple" ? "triples" : "plain"] ?? [];
    this.told = events && {
      name: Int32Array.from(events.name),
      channel: Int32Array.from(events.channel),
      rule: Int32Array.from(events.rule),
      at: Float64Array.from(events.at),
      confidence: Uint16Array.from(events.confidence),
    };
    this.count = columns.events;
  }

  /** All items, with their events. */
  items() {
    let first = 0;
    return Array.from(this.n, (_, row) => {
      const item = new Exchange(this, row);
      const begin = first;
      first += this.count[row];
      item.events = this.count[row] ? Array.from({ length: this.count[row] }, (_, place) => new Linked(item, place, begin + place)) : [];
      return item;
    });
  }

  text(number) {
    return number === NONE ? null : this.texts[number];
  }
}

/** What has problems: most items have none. */
class Item {
  constructor() {
    this.problems = NO_PROBLEMS;
  }

  add(problem) {
    if (this.problems === NO_PROBLEMS) this.problems = [];
    this.problems.push(problem);
  }
}

/** A triple, or an exchange that is no operation. */
class Exchange extends Item {
  constructor(rows, row) {
    super();
    this.rows = rows;
    this.row = row;
    this.id = String(rows.n[row]);
    this.events = [];
  }

  get kind() {
    return this.rows.kind;
  }

  get n() {
    return this.rows.n[this.row];
  }

  get record() {
    return this.rows.record[this.row];
  }

  get recording() {
    return this.rows.recording;
  }

  get operation() {
    return this.rows.text(this.rows.operation[this.row]);
  }

  get label() {
    return this.operation ?? `${this.method} ${this.target}`;
  }

  get session() {
    const label = this.rows.text(this.rows.session[this.row]);
    return label === null ? null : this.rows.prefix + label;
  }

  get state() {
    return this.rows.text(this.rows.state[this.row]);
  }

  get at() {
    return this.rows.at[this.row];
  }

  get method() {
    return this.rows.text(this.rows.method[this.row]);
  }

  get target() {
    return this.rows.text(this.rows.target[this.row]);
  }

  get answered() {
    const after = this.rows.answered[this.row];
    return after === NONE ? null : this.at + after;
  }

  get status() {
    const status = this.rows.status[this.row];
    return status === NONE ? null : status;
  }

  get reason() {
    return this.rows.text(this.rows.reason[this.row]);
  }

  get lastEvent() {
    return this.events.length ? this.events.at(-1).at : null;
  }

  get end() {
    return Math.max(this.at, this.answered ?? 0, this.lastEvent ?? 0);
  }

  get keys() {
    const values = this.rows.keys.map(([name, column]) => [name, this.rows.text(column[this.row])]);
    return new Map(values.filter(([, value]) => value !== null));
  }

  get handle() {
    return this.rows.handle ? listed(this.rows.text(this.rows.handle[this.row])) : null;
  }

  get reference() {
    return this.rows.reference ? listed(this.rows.text(this.rows.reference[this.row])) : null;
  }
}

/** An event of a triple; `place` is its place there, from 0. */
class Linked extends Item {
  constructor(triple, place, row) {
    super();
    this.triple = triple;
    this.place = place;
    this.row = row;
  }

  get kind() {
    return "event";
  }

  get id() {
    return `${this.triple.id}.${this.place + 1}`;
  }

  get name() {
    return this.triple.rows.text(this.triple.rows.told.name[this.row]);
  }

  get channel() {
    return this.triple.rows.text(this.triple.rows.told.channel[this.row]);
  }

  get at() {
    return this.triple.at + this.triple.rows.told.at[this.row];
  }

  get rule() {
    return this.triple.rows.text(this.triple.rows.told.rule[this.row]);
  }

  get confidence() {
    return this.triple.rows.told.confidence[this.row] / 1000;
  }
}

/** An event that no operation caused. */
export class Loose extends Item {
  constructor(recording, row, columns, facts) {
    super();
    const text = (name) => (columns[name][row] === NONE ? null : facts.texts[columns[name][row]]);
    const session = text("session");
    Object.assign(this, { kind: "loose", id: "", recording, row, at: columns.at[row], record: columns.record[row] });
    Object.assign(this, { name: text("name"), channel: text("channel"), ignored: columns.ignored[row] === 1 });
    this.session = session === null ? null : facts.prefix + session;
  }
}

/** A poll; its `kind` is undefined. */
export class Poll extends Item {
  constructor(row, columns, facts) {
    super();
    const text = (name) => (columns[name][row] === NONE ? null : facts.texts[columns[name][row]]);
    const session = text("session");
    this.session = session === null ? null : facts.prefix + session;
    this.at = columns.at[row];
    this.closed = columns.closed[row] === NONE ? null : this.at + columns.closed[row];
    this.failure = text("failure");
  }
}
