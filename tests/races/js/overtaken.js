// A desk that looks something up for each record before it takes its event, and does not let the events of the next
// poll wait for that.

import { Desk, at, check, sleep } from "./bayeux.js";

const LOOKUP = 300; // milliseconds

class Right extends Desk {
  #before = Promise.resolve();

  received(events) {
    this.#before = this.#before.then(() => this.take(events));
  }

  async take(events) {
    for (const { data } of events) {
      if (data.notificationType === "ChainedRecord") await sleep(LOOKUP); // the customer's name
      this.inboxes.receive(data);
    }
  }
}

class Wrong extends Right {
  received(events) {
    this.take(events);
  }
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => {
    const phones = await desk.chain((await desk.preview()).recordHandle);
    check(phones.length === 2, `a chain of 2 records has ${phones.length}`);
  });
}

export const right = (url) => work(url, Right);
export const wrong = (url) => work(url, Wrong);
