// A desk on Faye's client, over a WebSocket, that takes any event while an operation is on for what came of it.

import { OUTBOUND, at, campaign, check, within } from "./bayeux.js";
import { FayeDesk } from "./faye.js";

class Wrong extends FayeDesk {
  #current = null;

  receive(data) {
    this.#current?.([data]);
    this.#current = null;
  }

  async operate(asked, last) {
    const came = within(2_000, `no ${last}`, (resolve) => (this.#current = resolve));
    return (await Promise.all([came, this.post(asked, this.reference())]))[0];
  }
}

async function work(url, Kind) {
  await at(new Kind(url, { channels: [OUTBOUND, "/v2/me/devices"] }), async (desk) => {
    check((await fetch(`${url}/api/v2/me`)).ok, "not logged in");
    const told = (await desk.operate(campaign("GetPreviewRecord"), "PreviewRecord")).at(-1);
    check(told.notificationType === "PreviewRecord", `asked for a record, was told of a ${told.messageType}`);
  });
}

export const right = (url) => work(url, FayeDesk);
export const wrong = (url) => work(url, Wrong);
