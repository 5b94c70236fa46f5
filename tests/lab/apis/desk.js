// A client that knows which events each of its requests has to cause, and judges what it got of them.

import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

const APART_MS = 25; // between two requests of a process: so the proxy in between cannot change their order
const STEP_MS = 3_000;

let turn = Promise.resolve();
let ticks = 0;

/** Wait until it is some time after the last request of this process. */
export function apart() {
  const mine = turn;
  turn = mine.then(() => sleep(APART_MS));
  return mine;
}

export class Judge {
  #steps = []; // {name, sent, expected: [{channel, data}], isAnswered}
  #events = []; // {channel, data, tick}
  #isUnasked; // says of an event that no request of this client is to cause it
  #patience;
  #wrongAnswers = 0;
  #refused = 0;
  #wake = () => {};

  #unasked = []; // data of events

  constructor(isUnasked, patience = STEP_MS) {
    this.#isUnasked = isUnasked;
    this.#patience = patience;
  }

  /** Take an event that came. */
  receive({ channel, data }) {
    if (this.#isUnasked(data)) this.#unasked.push({ data });
    else this.#events.push({ channel, data, tick: ++ticks, taken: false });
    this.#wake();
  }

  /** The data of the first event that came and is such a one, undefined for none. */
  find(isSuch) {
    return [...this.#events, ...this.#unasked].find(({ data }) => isSuch(data))?.data;
  }

  /**
   * Make a request, and wait for its events.
   *
   * @param ask sends it, and returns its answer
   * @param expect gives the events of an answer, each {channel, data}: what has to be in it
   * @param right says whether an answer is one to this request
   */
  async step(name, ask, expect = () => [], right = () => true) {
    await apart();
    const step = { name, sent: ++ticks, expected: [] };
    this.#steps.push(step);
    let answer;
    try {
      answer = await ask();
    } catch (error) {
      this.#refused++;
      process.stderr.write(`client: ${name}: ${error.message}\n`);
      return undefined;
    }
    if (!right(answer)) this.#wrongAnswers++;
    step.expected = expect(answer);
    const end = Date.now() + this.#patience;
    while (Date.now() < end && !step.expected.every((one) => this.#events.some((event) => fits(event, one)))) {
      await Promise.race([new Promise((resolve) => (this.#wake = resolve)), sleep(20)]);
    }
    return answer;
  }

  /** Count what is not as it has to be. */
  verdict() {
    const wanted = this.#steps.flatMap(({ name, sent, expected }) => expected.map((one) => ({ name, sent, one })));
    const take = (one, fit) => {
      const event = this.#events.find((event) => !event.taken && fit(event, one));
      if (event !== undefined) event.taken = true;
      return event;
    };
    const [missing, early] = [[], []];
    for (const { name, sent, one } of wanted) {
      const event = take(one, fits);
      if (event === undefined) missing.push({ name, one });
      else if (event.tick < sent) early.push(name);
    }
    const lost = missing.filter(({ one }) => !take(one, alike));
    const left = this.#events.filter((event) => !event.taken);
    return {
      kind: "verdict",
      steps: this.#steps.length,
      events: wanted.length,
      early: early.length,
      lost: lost.length,
      wrong: missing.length - lost.length + this.#wrongAnswers,
      doubled: left.length,
      refused: this.#refused,
      unasked: this.#unasked.length,
      told: { early, lost, doubled: left.map(({ channel, data }) => ({ channel, data })) },
    };
  }
}

/** A browser's jar for one host, as far as the APIs need it. */
export class Cookies {
  #pairs = new Map();

  store(header) {
    const [pair] = header.split(";", 1);
    this.#pairs.set(pair.split("=", 1)[0].trim(), pair.trim());
  }

  get header() {
    return [...this.#pairs.values()].join("; ");
  }
}

function fits(event, one) {
  return event.channel === one.channel && isIn(one.data, event.data);
}

// Of the same kind, whatever the ids are: one that has this one's place.
function alike(event, { channel, data }) {
  const kind = (path) => path.replace(/\/[^/]*\d[^/]*$/, "/*");
  return kind(event.channel) === kind(channel) && nameOf(event.data) === nameOf(data);
}

function nameOf(data) {
  const { type, messageType, call, dn, userData } = data;
  return [type ?? messageType, call?.state, dn?.agentState, userData?.GSW_USER_EVENT].join();
}

function isIn(part, whole) {
  if (part === null || typeof part !== "object" || Array.isArray(part)) return isDeepStrictEqual(part, whole);
  if (whole === null || typeof whole !== "object") return false;
  return Object.entries(part).every(([name, value]) => isIn(value, whole[name]));
}
