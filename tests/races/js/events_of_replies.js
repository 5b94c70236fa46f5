// A desk that takes events out of the answers to its polls alone. A server may send them with any other answer.

import { Desk, at, campaign } from "./bayeux.js";

class Wrong extends Desk {
  carried(events, message) {
    if (message.channel === "/meta/connect") super.carried(events, message);
  }
}

async function work(url, Kind) {
  await at(new Kind(url), async (desk) => {
    const told = desk.inboxes.until("desk-1", "PreviewRecord");
    told.catch(() => {}); // it is awaited below
    await desk.post(campaign("GetPreviewRecord"), "desk-1");
    await desk.publish("/desk/notes", { text: "at work" });
    await told;
  });
}

export const right = (url) => work(url, Desk);
export const wrong = (url) => work(url, Wrong);
