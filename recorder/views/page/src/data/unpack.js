// The reverse of recorder/views/document.py. Objects become Maps: their names come from strangers, `__proto__` among them.

const LIST = -1;
const REPEATED = -2;
const NUMBER = -3;

/** A number as it was written, where JavaScript would show another. */
export class Numeral {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

export function unpack({ shapes, pool, value }) {
  const known = [];
  const read = (packed) => {
    if (!Array.isArray(packed)) return packed;
    const [kind, first] = packed;
    if (kind === REPEATED) return known[first];
    if (kind === NUMBER) return new Numeral(first);
    const items = packed.slice(1).map(read);
    if (kind === LIST) return items;
    return new Map(shapes[kind].map((name, place) => [name, items[place]]));
  };
  for (const packed of pool) known.push(read(packed)); // what stands in it names what stands before
  return read(value);
}
