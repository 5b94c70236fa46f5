// A desk on CometD's library that takes what comes at once for the whole chain.

import { at, campaign, chained, check, phones, sleep, within } from "./bayeux.js";
import { LibraryDesk } from "./library.js";

const QUIET = 30; // milliseconds without a record

class Right extends LibraryDesk {
  async chain(handle) {
    return phones(await this.operate(chained(handle), "ChainedRecordsDataEnd"));
  }
}

class Wrong extends LibraryDesk {
  #records = [];
  #came = () => {};

  receive(data) {
    super.receive(data);
    if (data.notificationType !== "ChainedRecord") return;
    this.#records.push(data);
    this.#came();
  }

  async chain(handle) {
    const first = within(2_000, "no ChainedRecord", (resolve) => (this.#came = resolve));
    await Promise.all([first, this.post(chained(handle), this.reference())]);
    await sleep(QUIET);
    return phones(this.#records);
  }
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => {
    const [{ record }] = await desk.operate(campaign("GetPreviewRecord"), "PreviewRecord");
    const found = await desk.chain(record.recordHandle);
    check(found.length === 2, `a chain of 2 records has ${found.length}`);
  });
}

export const right = (url) => work(url, Right);
export const wrong = (url) => work(url, Wrong);
