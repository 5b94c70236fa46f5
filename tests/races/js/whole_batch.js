// A desk on CometD's library that takes what comes in one answer for the whole chain.

import { at, campaign, chained, check, phones, within } from "./bayeux.js";
import { LibraryDesk } from "./library.js";

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
