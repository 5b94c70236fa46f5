// Where the page of the viewer has its data from: the server that sent it. No other module asks anybody for anything.

/** A source (see model.js) that asks the server, relative to the address of the page. */
export function serverSource() {
  return {
    rows: () => asked("rows"),
    block: (recording, k) => asked("block", { recording, k }),
    search: async (filter) => (await asked("search", { filter })).ids,
    live: () => null,
    ask: asked,
  };
}

/** What the server answers to `api/NAME`, as JSON. @throws {Error} if it refuses, or is away */
async function asked(name, params = {}) {
  const address = new URL(`api/${name}`, document.baseURI);
  for (const [key, value] of Object.entries(params)) address.searchParams.set(key, value);
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${name}: the server answered ${answer.status}`);
  return answer.json();
}
