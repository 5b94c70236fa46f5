// A desk that shows what a list says, though an event has told of a later time meanwhile.

import { Orders, watch } from "./orders.js";

class Wrong extends Orders {
  listed({ orders }) {
    this.orders = new Map(orders.map((one) => [one.id, one]));
  }
}

export const right = (url) => watch(new Orders(url));
export const wrong = (url) => watch(new Wrong(url));
