// A desk that gives an operation up too early.

import { Desk, at } from "./bayeux.js";

class Right extends Desk {
  patience = 5_000; // milliseconds
}

class Wrong extends Desk {
  patience = 1_300;
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => desk.chain((await desk.preview()).recordHandle));
}

export const right = (url) => work(url, Right);
export const wrong = (url) => work(url, Wrong);
