// Run a test in the orders that the recorded server is allowed. Which ones, and what a failure is shrunk to, is decided by
// `recorder replay --explore`; here the test is run, and its outcome told.

import { standin } from "./index.js";
import { StandInError } from "./misses.js";

const VALUES = { schedules: "--explore", exploreSeed: "--explore-seed", delay: "--explore-delay" };
const SCHEDULES = 200;

/** A test fails in an order that the server is allowed. */
export class RaceError extends StandInError {
  name = "RaceError";

  constructor(exploration, cause) {
    const { says, failure, runs, coverage } = exploration;
    super([says, failure, `${runs} ${runs === 1 ? "run" : "runs"}; ${coverage}`].filter(Boolean).join("\n"), { cause });
    this.exploration = exploration;
  }
}

export async function explore(cassette, given, test) {
  const started = await standin(cassette, { ...given, clock: given.clock ?? "virtual", rate: given.rate ?? 1, options: options(given) });
  try {
    return await explored(started, given, test);
  } finally {
    await started.close();
  }
}

async function explored(started, given, test) {
  let cause;
  let { trial, result } = await started.next();
  while (trial !== null) {
    const outcome = await outcomeOf(started, test);
    cause = outcome.error ?? cause;
    ({ trial, result } = await started.next({ passed: outcome.passed, says: outcome.says, misses: given.misses ?? "fail" }));
  }
  if (result.verdict !== "passed") throw new RaceError(result, cause);
  return result;
}

async function outcomeOf(started, test) {
  try {
    await test(started);
    return { passed: true, says: "" };
  } catch (error) {
    return { passed: false, says: String(error?.message ?? error), error };
  }
}

function options(given) {
  const made = [VALUES.schedules, String(given.schedules ?? SCHEDULES)];
  for (const name of ["exploreSeed", "delay"]) if (given[name] !== undefined) made.push(VALUES[name], String(given[name]));
  for (const name of given.disturb ?? []) made.push("--disturb", name);
  return [...made, ...(given.options ?? [])];
}
