// Reads JSON exactly. Objects become Maps: their names come from strangers, `__proto__` among them, and Maps keep their
// order. A number that JavaScript would show otherwise stays as it is written.

/** A number as it was written, where JavaScript would show another. */
export class Numeral {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

const WORDS = { true: true, false: false, null: null };
const TOKEN = /[ \t\r\n]*(?:([[\]{}:,])|(")|(-?(?:\d[\d.eE+-]*|Infinity)|NaN)|(true|false|null))/y;

/** The value of a JSON text. @throws {SyntaxError} if it is none */
export function read(text) {
  const tokens = tokensOf(text);
  const value = valueOf(tokens);
  if (tokens.at < text.trimEnd().length) throw new SyntaxError("there is text after the value");
  return value;
}

function tokensOf(text) {
  const tokens = {
    at: 0,
    next() {
      TOKEN.lastIndex = tokens.at;
      const found = TOKEN.exec(text);
      if (found === null) throw new SyntaxError(`no JSON at ${tokens.at}`);
      tokens.before = tokens.at;
      tokens.at = TOKEN.lastIndex;
      if (found[2]) found[2] = text.slice(tokens.at - 1, (tokens.at = endOf(text, tokens.at)));
      return found;
    },
  };
  return tokens;
}

/** Where a string ends that began before a place; a pattern would need a stack as deep as the string is long. */
function endOf(text, at) {
  for (let quote = text.indexOf('"', at); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === "\\") before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  throw new SyntaxError(`the string at ${at} has no end`);
}

function valueOf(tokens) {
  const [, mark, string, number, word] = tokens.next();
  if (string !== undefined) return JSON.parse(string);
  if (number !== undefined) return numberOf(number);
  if (word !== undefined) return WORDS[word];
  if (mark === "[") return listOf(tokens);
  if (mark === "{") return objectOf(tokens);
  throw new SyntaxError(`no value at ${tokens.before}`);
}

function listOf(tokens) {
  const items = [];
  if (is(tokens, "]")) return items;
  for (;;) {
    items.push(valueOf(tokens));
    if (is(tokens, "]")) return items;
    need(tokens, ",");
  }
}

function objectOf(tokens) {
  const items = new Map();
  if (is(tokens, "}")) return items;
  for (;;) {
    const [, , name] = tokens.next();
    if (name === undefined) throw new SyntaxError(`no name at ${tokens.before}`);
    need(tokens, ":");
    items.set(JSON.parse(name), valueOf(tokens));
    if (is(tokens, "}")) return items;
    need(tokens, ",");
  }
}

/** Take a mark if it is the next one. */
function is(tokens, mark) {
  const at = tokens.at;
  if (tokens.next()[1] === mark) return true;
  tokens.at = at;
  return false;
}

function need(tokens, mark) {
  if (!is(tokens, mark)) throw new SyntaxError(`no ${mark} at ${tokens.at}`);
}

function numberOf(text) {
  const number = Number(text);
  return String(number) === text && Number.isFinite(number) ? number : new Numeral(text);
}
