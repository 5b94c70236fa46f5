// A server that is asked by publishes on service channels, as CometD's documentation shows it: no REST at all.
//
// It answers on other channels by the requestId of the publish, with or without steps on the way, or on the channel of the
// publish without any id. A price changes now and then, which nobody asked for.

const RESULTS = "/desk/results";
const PRICES = "/desk/prices";

export class DeskService {
  prefix = "/cometd";

  agentOf() {
    return null;
  }

  answer() {
    return { status: 404 };
  }

  services = {
    "/service/quote": ({ requestId, item }) => [
      { channel: RESULTS, data: { type: "quote", requestId, item, cents: 100 * item.length }, wait: 20 },
    ],
    "/service/report": ({ requestId, days }) => [
      { channel: RESULTS, data: { type: "progress", requestId, percent: 50 }, wait: 30 },
      { channel: PRICES, data: { item: "tea", cents: 310 }, wait: 10, unasked: true },
      { channel: RESULTS, data: { type: "report", requestId, rows: 10 * days }, wait: 30 },
    ],
    "/service/clock": () => [{ channel: "/service/clock", data: { now: "noon" }, wait: 20 }],
  };
}
