import { type Cassette, type FixtureOptions, type StandIn, StandInError } from "./index.js";

export interface ExploreOptions extends FixtureOptions {
  /** How many orders to try at most: 200 by default. */
  schedules?: number;
  /** Of the random orders; equal seeds try equal orders. */
  exploreSeed?: number;
  /** Trouble to make, too: lost polls, lost sessions, events twice (`ext.ack`), cut WebSockets. */
  disturb?: readonly ("poll" | "handshake" | "duplicate" | "fallback")[];
  /** Seconds by which an event or ack may be late: 1 by default. It takes that time. */
  delay?: number;
}

/** What came of an exploration. */
export interface Exploration {
  verdict: "passed" | "nothing tried" | "failed" | "recorded order fails" | "unsteady";
  /** Of the shortest schedule that fails: the option `schedule` plays it again. */
  id: string | null;
  deviations: string[];
  /** Why it fails, in words. */
  says: string;
  /** What the failing run said: the message of the test's error, or the explanation of a miss. */
  failure: string | null;
  runs: number;
  /** How many pairs of neighbours were seen in both orders. */
  coverage: string;
  /** Deviations with which a test passes that fails in the recorded order. */
  passes_with: string[] | null;
  /** The file of the schedule, beside the cassette. */
  file: string | null;
}

/** A test fails in an order that the server is allowed; `cause` is what the test threw in the last such run. */
export class RaceError extends StandInError {
  readonly exploration: Exploration;
}

/**
 * Run a test in many orders that the recorded server is allowed, each time from the start; rejects with a `RaceError` if
 * it fails in one.
 */
export function explore(
  cassette: Cassette,
  options: ExploreOptions,
  test: (standin: StandIn) => unknown,
): Promise<Exploration>;
