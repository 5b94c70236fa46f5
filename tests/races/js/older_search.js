// A desk that searches while one types, and shows the answer that came last.

import { check } from "./bayeux.js";
import { Orders, at } from "./orders.js";

const TYPED = ["l", "la"];

class Right extends Orders {
  shown = null;
  #searched = "";

  /** Show the orders whose item begins with a text, unless another text was typed meanwhile. */
  async search(text) {
    this.#searched = text;
    const answer = await this.ask("GET", `/orders?item=${text}`);
    if (this.wants(text)) this.shown = answer;
  }

  wants(text) {
    return text === this.#searched;
  }
}

class Wrong extends Right {
  wants() {
    return true;
  }
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => {
    for (const [ref, item] of [["desk-1", "lamp"], ["desk-2", "ladle"]]) await desk.ask("POST", "/orders", { ref, item });
    await desk.hears("sent");
    await Promise.all(TYPED.map((text) => desk.search(text)));
    check(desk.shown.item === TYPED.at(-1), `shows what was found for ${desk.shown.item}`);
  });
}

export const right = (url) => work(url, Right);
export const wrong = (url) => work(url, Wrong);
