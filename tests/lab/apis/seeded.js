// Ids that look made by chance and are the same again for the same seed.

import { createHash } from "node:crypto";

export class Seeded {
  #seed;
  #count = 0;

  constructor(seed) {
    this.#seed = seed;
  }

  hex(length) {
    return createHash("sha256").update(`${this.#seed} ${++this.#count}`).digest("hex").slice(0, length);
  }

  uuid() {
    const digits = this.hex(30);
    const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(12, 15)}`, `a${digits.slice(15, 18)}`];
    return [...parts, digits.slice(18)].join("-");
  }
}
