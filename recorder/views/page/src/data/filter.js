// The filter language of the command line (recorder/views/filter.py), for the page; tests/views/filter-vectors.json
// holds both to one answer.
//
//     expression = and-group { "or" and-group } ; and-group = term { term } ; term = { "-" | "not" } atom
//     atom = "(" expression ")" | word | "quoted text" | key ":" value

import { compact } from "../text.js";

const ALIASES = { op: "operation", ref: "reference" };
const TEXT_KEYS = new Set([
  "channel", "event", "handle", "method", "operation", "path", "reference", "rule", "session", "state",
]);
const NUMBER_KEYS = new Set(["ack", "at", "confidence", "events", "gap", "last", "n", "status"]);
const DEEPEST = 50;
const SPACE = " \t\r\n";
const TOKEN = /"((?:[^"\\]|\\[^])*)"|[^ \t\r\n()"]+|[()]/uy;
const COMPARED = /^(<=|>=|<|>|)(\d+(?:\.\d+)?)$/;
const RANGE = /^(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)$/;

/** A mistake, with the column it stands at (in characters, from 1). */
export class FilterError extends Error {
  constructor(column, problem) {
    super(`column ${column}: ${problem}`);
    this.column = column;
  }
}

/** A test of triples; its `hasWords` tells whether it looks at bodies. An empty expression fits all. @throws {FilterError} */
export function parse(text, keys) {
  if ([...text].every((char) => SPACE.includes(char))) return Object.assign(() => true, { hasWords: false });
  const parser = new Parser([...tokens(text)], keys);
  const whole = parser.whole();
  return Object.assign((triple) => whole(triple), { hasWords: parser.hasWords });
}

function* tokens(text) {
  const column = (at) => [...text.slice(0, at)].length + 1;
  let at = 0;
  while (at < text.length) {
    if (SPACE.includes(text[at])) {
      at += 1;
      continue;
    }
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) throw new FilterError(column(at), "the quote is not closed");
    if (found[1] !== undefined) {
      yield { column: column(at), text: null, quoted: found[1].replace(/\\(["\\])/g, "$1") };
    } else if (found[0].startsWith("-")) {
      yield { column: column(at), text: "-" };
      at += 1;
      continue;
    } else {
      yield { column: column(at), text: found[0] };
    }
    at += found[0].length;
  }
  yield { column: column(text.length), text: "" };
}

class Parser {
  constructor(all, keys) {
    this.tokens = all;
    this.keys = keys;
    this.at = 0;
    this.depth = 0;
    this.hasWords = false;
  }

  get next() {
    return this.tokens[this.at];
  }

  take() {
    this.at += 1;
    return this.tokens[this.at - 1];
  }

  isWord(word) {
    return this.next.text?.toLowerCase() === word;
  }

  whole() {
    const found = this.expression();
    if (this.next.text === ")") throw new FilterError(this.next.column, "there is no bracket to close");
    return found;
  }

  expression() {
    const groups = [this.group()];
    while (this.isWord("or")) {
      this.take();
      groups.push(this.group());
    }
    return (triple) => groups.some((group) => group(triple));
  }

  group() {
    const terms = [this.term()];
    while (!["", ")"].includes(this.next.text) && !this.isWord("or")) terms.push(this.term());
    return (triple) => terms.every((term) => term(triple));
  }

  term() {
    let negated = false;
    while (this.next.text === "-" || this.isWord("not")) {
      this.take();
      negated = !negated;
    }
    const atom = this.atom();
    return negated ? (triple) => !atom(triple) : atom;
  }

  atom() {
    const token = this.next;
    if (["", ")"].includes(token.text) || this.isWord("or")) {
      const not = token.text ? `'${token.text}'` : "the end";
      throw new FilterError(token.column, `expected a word, a quoted text, key:value or a bracket, not ${not}`);
    }
    this.take();
    if (token.text === "(") return this.bracket(token);
    if (token.text?.includes(":")) return this.pair(token);
    this.hasWords = true;
    return word(token.text ?? token.quoted);
  }

  bracket(opened) {
    this.depth += 1;
    if (this.depth > DEEPEST) {
      throw new FilterError(opened.column, `there are more than ${DEEPEST} nested brackets`);
    }
    const inner = this.expression();
    if (this.next.text !== ")") throw new FilterError(opened.column, "the bracket is not closed");
    this.take();
    this.depth -= 1;
    return inner;
  }

  pair({ column: start, text }) {
    const name = text.slice(0, text.indexOf(":"));
    const key = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
    if (!TEXT_KEYS.has(key) && !NUMBER_KEYS.has(key) && !this.keys.has(key)) {
      throw new FilterError(start, `'${name}' is no key; put other texts with a colon in quotes`);
    }
    const column = start + [...name].length + 1;
    const value = text.slice(name.length + 1) || this.quotedValue(name, column);
    if (NUMBER_KEYS.has(key)) return within(key, value, column);
    const pieces = value.toLowerCase().split("*");
    return (triple) => valuesOf(triple, key).some((text) => isString(text) && isLike(text.toLowerCase(), pieces));
  }

  quotedValue(name, column) {
    if (this.next.text !== null || this.next.column !== column) {
      throw new FilterError(column, `expected a value right behind '${name}:'`);
    }
    return this.take().quoted;
  }
}

function word(text) {
  const wanted = text.toLowerCase();
  return (triple) => textsOf(triple).some((found) => found.includes(wanted));
}

function within(key, value, column) {
  const compared = COMPARED.exec(value);
  const range = compared ? null : RANGE.exec(value);
  if (!compared && !range) {
    throw new FilterError(column, `expected a number for ${key}, as 5, >5, >=5, <5, <=5 or 3..7, not '${value}'`);
  }
  const low = Number(compared ? compared[2] : range[1]);
  const high = Number(compared ? compared[2] : range[2]);
  if (low > high) throw new FilterError(column, `the range ${value} is empty: write the smaller end first`);
  const holds = {
    "": (n) => n >= low && n <= high,
    "<": (n) => n < high,
    "<=": (n) => n <= high,
    ">": (n) => n > low,
    ">=": (n) => n >= low,
  }[compared ? compared[1] : ""];
  return (triple) => {
    const number = numberOf(triple, key);
    return number !== null && holds(number);
  };
}

const isString = (value) => typeof value === "string";
let [known, knownOf] = [[], null]; // an expression may have several words

/** All text of a triple, in lower case. */
function textsOf(triple) {
  if (triple === knownOf) return known;
  const { request, ack, events } = triple;
  const own = [triple.operation, triple.handle, triple.referenceId, triple.session, triple.state];
  const texts = [...own, request.method, request.path, ...[...triple.keys.values()].flat()];
  for (const event of events) texts.push(event.channel, event.name);
  for (const content of [request.body, ack?.body, ...events.map((event) => event.data)]) {
    if (content != null) texts.push(isString(content) ? content : compact(content));
  }
  [known, knownOf] = [texts.filter(isString).map((text) => text.toLowerCase()), triple];
  return known;
}

function valuesOf(triple, key) {
  switch (key) {
    case "channel":
    case "rule":
      return triple.events.map((event) => event[key]);
    case "event":
      return triple.events.map((event) => event.name);
    case "method":
    case "path":
      return [triple.request[key]];
    case "reference":
      return [triple.keys.get(key) ?? triple.referenceId].flat();
    case "handle":
      return [triple.keys.get(key) ?? triple.handle].flat();
    case "operation":
    case "session":
    case "state":
      return [triple[key]];
    default:
      return [triple.keys.get(key)].flat();
  }
}

/** Whether the pieces stand in the value in order, the first at its begin and the last at its end. */
function isLike(value, [first, ...others]) {
  if (!others.length) return value === first;
  const last = others.pop();
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
  const end = value.length - last.length;
  let at = first.length;
  for (const piece of others) {
    const found = value.slice(0, end).indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}

/** Times are milliseconds, `at` is seconds; null where the triple has no such number. */
function numberOf(triple, key) {
  const offsets = triple.events.map((event) => event.offset_ms);
  switch (key) {
    case "n":
    case "at":
      return triple[key] ?? null;
    case "status":
      return triple.ack?.status ?? null;
    case "ack":
      return triple.ack?.ms ?? null;
    case "last":
      return offsets.length ? Math.max(...offsets) : null;
    case "gap": {
      const parts = [0, ...(triple.ack ? [triple.ack.ms] : []), ...offsets].sort((a, b) => a - b);
      const gaps = parts.slice(1).map((late, place) => Math.round((late - parts[place]) * 1000) / 1000);
      return gaps.length ? Math.max(...gaps) : null;
    }
    case "events":
      return offsets.length;
    default: {
      const sure = triple.events.map((event) => event.confidence);
      return sure.length ? Math.min(...sure) : null;
    }
  }
}
