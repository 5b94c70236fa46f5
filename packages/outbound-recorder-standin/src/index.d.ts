/** Path or URL of a cassette, or of several that are one recording. */
export type Cassette = string | URL | readonly (string | URL)[];

/** Options of a stand-in; those without a comment are options of `recorder replay` of the same name. */
export interface StandInOptions {
  /** The program, or a command such as `["python", "-m", "recorder"]`; by default $RECORDER, else `recorder` on PATH. */
  recorder?: string | string[];
  /** Pace: `"instant"` by default, 1 as recorded, 10 ten times as fast. */
  rate?: number | "instant";
  /** `"virtual"`: time jumps to the next step when every client waits, and `advance` moves it. */
  clock?: "wall" | "virtual";
  /** What to answer when a request comes more often than it was recorded. */
  repeat?: "error" | "last" | "cycle";
  /** Operations must come in their recorded order and session. */
  strict?: boolean;
  /** It ends by itself when all is played, or nothing goes on; see `ended`. */
  exitWhenDone?: boolean;
  /** Seconds without a request, after which it says what is needed next. */
  idle?: number;
  sessionTimeout?: number;
  seed?: number;
  policy?: string;
  dialect?: string;
  /** Play another order than the recorded one: id of a schedule, its file, or deviations ("event 4.1 before ack 4", "event 4.1 before answer p2"). */
  schedule?: string;
  /** Faults from the start, e.g. `"drop event PreviewRecord#2"`. */
  faults?: readonly string[];
  allowHosts?: readonly string[];
  allowOrigins?: readonly string[];
  /** More arguments of `recorder replay`. */
  options?: readonly string[];
  /** More variables of the environment of the process. */
  env?: Record<string, string>;
  /** Folder in which relative paths begin; by default that of this process. */
  cwd?: string;
  /** Milliseconds until it must be ready: 30000 by default. */
  startTimeout?: number;
}

/** Options of the fixtures. */
export interface FixtureOptions extends StandInOptions {
  /** `"fail"` by default: a request that matches nothing fails the test. */
  misses?: "fail" | "ignore";
}

export interface Miss {
  /** Method and target. */
  request: string;
  /** The cause in one line. */
  summary: string;
  /** The whole explanation, as the client got it. */
  text: string;
}

export interface Fault {
  fault: string;
  /** How often it was done. */
  hit: number;
}

export interface UnplayedEvent {
  /** u1 for an unsolicited event, 3.2 for the second of triple 3. */
  event: string;
  name: string;
  channel: string;
  session: string | null;
  /** What it waits for, in words. */
  waits_for: string;
}

export interface Unheard {
  client: string;
  shows: string[];
  events: number;
  listening: { client: string; shows: string[] }[];
}

/** How the replay went so far. */
export interface Report {
  /** Numbers of the triples that each session asked for. */
  played: Record<string, number[]>;
  /** Numbers of those that no session asked for. */
  unplayed: number[];
  unplayed_events: UnplayedEvent[];
  unsubscribed_events: UnplayedEvent[];
  unheard: Unheard[];
  misses: Miss[];
  faults: Fault[];
  let_go?: { sessions: number; played: number[] };
}

export interface Pending {
  triple: number | null;
  steps: number;
  /** Seconds until the next step leaves. */
  dueIn: number | null;
}

export interface Session {
  name: string;
  clientId: string | null;
  recorded: string | null;
  played: number[];
  pending: Pending[];
  parked: boolean;
  left: boolean;
  streams: { key: string; open: boolean; waiting: number }[];
}

export interface State {
  paused: boolean;
  sessions: Session[];
}

/** The order in which a run is played. */
export interface Schedule {
  /** `"recorded"`, or eight hexadecimal digits. */
  id: string;
  /** What is different from the recorded order, e.g. `"event 4.1 before ack 4"`. */
  deviations: string[];
  /** Deviations that did not come about so far: the client did not ask for it, or its transport cannot do it. */
  unmet: string[];
  /** What happened so far: `"request 4"`, `"ack 4"`, `"event 4.1"`, `"event u3"`, `"request p2"`, `"answer p2"`; `at` in seconds, `answer` equal for what came together. */
  order: { name: string; at: number; answer: number | null; session: string | null }[];
}

export interface Ended {
  /** 0; 1 if a request matched nothing; 3 if clients wait for what does not come (with `exitWhenDone`). */
  code: number;
  /** What it printed on stderr. */
  stderr: string;
  /** The last report; null if it had ended before. */
  report: Report | null;
  misses: Miss[];
}

/** A request that matches nothing of the recording, or a stand-in that cannot be started or asked. */
export class StandInError extends Error {}

/** A running stand-in; `standin` starts one. */
export class StandIn implements AsyncDisposable {
  private constructor();
  /** Where clients connect to, without a slash at the end. */
  readonly url: string;
  /** What it printed on stderr so far. */
  readonly stderr: string;
  /** How the replay went so far. */
  report(): Promise<Report>;
  /** Requests that matched nothing so far. */
  misses(): Promise<Miss[]>;
  /** Throw a `StandInError` with the explanations, if a request matched nothing. */
  expectNoMisses(): Promise<void>;
  state(): Promise<State>;
  /** Nothing of the recording leaves any more; requests are still taken and matched. */
  pause(): Promise<State>;
  /** What was on its way goes on where it stood. */
  resume(): Promise<State>;
  /** Let the next step leave while paused; what it was, or null if nothing is on its way. */
  step(): Promise<string | null>;
  /** Let some seconds pass; needs `clock: "virtual"`. */
  advance(seconds: number): Promise<State>;
  /** Push an event; the names of the sessions that get it. */
  inject(event: { channel: string; data: unknown; session?: string }): Promise<string[]>;
  faults(): Promise<Fault[]>;
  /** Do something wrong from now on, e.g. `"drop event PreviewRecord#2"`. */
  addFault(fault: string): Promise<Fault[]>;
  clearFaults(): Promise<void>;
  /** The order in which the recording is played. */
  schedule(): Promise<Schedule>;
  /** Forget all clients and begin the recording anew, with other deviations from the recorded order. */
  beginAnew(deviations?: readonly string[]): Promise<Schedule>;
  /** Wait until it ends by itself, with the option `exitWhenDone`. */
  ended(): Promise<Ended>;
  /** End it, and all that it started. Safe to call twice. */
  close(): Promise<Ended>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Start a stand-in; resolves when it is ready. */
export function standin(cassette: Cassette, options?: StandInOptions): Promise<StandIn>;
