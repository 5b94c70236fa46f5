// A desk that takes one event out of each answer.

import { Desk, at, check } from "./bayeux.js";

class Wrong extends Desk {
  received([event]) {
    super.received([event]);
  }
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => {
    const phones = await desk.chain((await desk.preview()).recordHandle);
    check(phones.length === 2, `a chain of 2 records has ${phones.length}`);
  });
}

export const right = (url) => work(url, Desk);
export const wrong = (url) => work(url, Wrong);
