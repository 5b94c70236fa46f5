// A desk on CometD's library with acknowledged messages, that counts the records of a chain. An event whose
// confirmation was lost comes again.

import { at, campaign, chained, check } from "./bayeux.js";
import { LibraryDesk } from "./library.js";

class Right extends LibraryDesk {
  #numbers = new Set();

  receive(data) {
    if (data.notificationType === "ChainedRecord") this.#numbers.add(data.record.userData.GSW_PHONE);
    super.receive(data);
  }

  get records() {
    return this.#numbers.size;
  }
}

class Wrong extends LibraryDesk {
  records = 0;

  receive(data) {
    if (data.notificationType === "ChainedRecord") this.records += 1;
    super.receive(data);
  }
}

async function work(url, Kind) {
  await at(new Kind(url, { acknowledged: true }), async (desk) => {
    const [{ record }] = await desk.operate(campaign("GetPreviewRecord"), "PreviewRecord");
    await desk.operate(chained(record.recordHandle), "ChainedRecordsDataEnd");
    check(desk.records === 2, `a chain of 2 records has ${desk.records}`);
  });
}

export const right = (url) => work(url, Right);
export const wrong = (url) => work(url, Wrong);
