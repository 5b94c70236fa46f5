// Where the page of the viewer has its data from: the server that sent it. No other module asks anybody for anything.

/** A source (see model.js) that asks the server, relative to the address of the page. */
export function serverSource() {
  const source = {
    rows: () => asked("rows"),
    block: (recording, k) => asked("block", { recording, k }),
    search: (filter) => searched(filter, (...far) => source.progress?.(...far)),
    progress: null, // called while a search goes on, with how many of how many triples it has judged
    live: heard,
    ask: asked,
    act: acted,
  };
  return source;
}

/** What the server answers to `api/NAME`, as JSON. @throws {Error} if it refuses, or is away */
async function asked(name, params = {}) {
  return (await answerOf(name, params)).json();
}

let running = null; // the search that goes on; the next one ends it

/** The ids of the triples that fit a filter. @throws {Error} if it has a mistake, or another one was begun */
async function searched(filter, progress) {
  running?.abort();
  const mine = (running = new AbortController());
  const ids = [];
  for await (const row of lines(await answerOf("search", { filter }, mine.signal))) {
    if (row.error) throw new Error(row.error);
    ids.push(...row.found.map(String));
    progress(row.done, row.of, row.more);
  }
  return ids;
}

async function answerOf(name, params, signal) {
  const address = new URL(`api/${name}`, document.baseURI);
  for (const [key, value] of Object.entries(params)) address.searchParams.set(key, value);
  const answer = await fetch(address, { cache: "no-store", signal }).catch((error) => {
    throw signal?.aborted ? error : new Error("The viewer does not answer: was it ended?");
  });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error ?? `${name}: the server answered ${answer.status}`);
}

/** The values of an answer of which each line is one, as they come. */
async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const [...whole] = (rest + (value ?? "")).split("\n");
    rest = whole.pop();
    yield* whole.map((line) => JSON.parse(line));
    if (done) return;
  }
}

/** Have a button's work done; returns the answer. @throws {Error} with the reason if it cannot be done */
async function acted(name, params = {}) {
  const headers = { "Content-Type": "application/json" };
  const address = new URL(`api/control/${name}`, document.baseURI);
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(params), cache: "no-store" });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error ?? `${name}: the server answered ${answer.status}`);
  return told;
}

/** Hear what changes: `listener(delta)` for each delta, `connected("open" | "lost" | "ended")` how it stands. Returns what ends it. */
function heard(listener, connected) {
  const stream = new EventSource(new URL("api/events", document.baseURI));
  stream.addEventListener("open", () => connected("open"));
  stream.addEventListener("error", () => connected("lost")); // it tries again by itself, and names the last delta it got
  stream.addEventListener("message", ({ data }) => listener(JSON.parse(data)));
  stream.addEventListener("end", () => {
    stream.close();
    connected("ended");
  });
  return () => stream.close();
}
