// A desk that gives an operation up too early.

import { Desk, at } from "./bayeux.js";

class Wrong extends Desk {
  patience = 250;
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => desk.chain((await desk.preview()).recordHandle));
}

export const right = (url) => work(url, Desk);
export const wrong = (url) => work(url, Wrong);
