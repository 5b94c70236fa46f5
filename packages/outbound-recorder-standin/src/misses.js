// What to do about requests that matched nothing.

/** A request that matches nothing of the recording, or a stand-in that cannot be started or asked. */
export class StandInError extends Error {
  name = "StandInError";
}

/** Throw an error with the explanations of misses, if there are any. */
export function refuse(misses) {
  if (misses.length === 0) return;
  const count = misses.length === 1 ? "1 request" : `${misses.length} requests`;
  throw new StandInError(`${count} matched nothing of the recording:\n\n${misses.map(({ text }) => text.trim()).join("\n\n")}`);
}

/** Throw if a request matched nothing until a stand-in ended, unless `misses` is "ignore". */
export function judge({ code, stderr, report, misses }, given) {
  if (given.misses === "ignore") return;
  refuse(misses);
  // it ended by itself, and its report is in its last words alone
  if (report === null && code === 1) throw new StandInError(`a request matched nothing of the recording:\n\n${stderr.trim()}`);
}
