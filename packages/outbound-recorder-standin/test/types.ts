// What users write, for the type checker: `npm run types`.

import { StandIn, StandInError, standin, type Ended, type Miss, type Report } from "outbound-recorder-standin";
import { RaceError, explore, type Exploration } from "outbound-recorder-standin/explore";
import { standinFor } from "outbound-recorder-standin/node";
import { expect, test as playwright } from "outbound-recorder-standin/playwright";
import { withCassette } from "outbound-recorder-standin/vitest";
import { mergeTests, test as own } from "@playwright/test";
import { test } from "node:test";

export async function play(): Promise<Ended> {
  await using server: StandIn = await standin(["a.cassette", new URL("file:///b.cassette")], {
    rate: 10,
    clock: "virtual",
    faults: ["drop event PreviewRecord#2"],
    recorder: ["python", "-m", "recorder"],
  });
  const report: Report = await server.report();
  const [miss]: Miss[] = report.misses;
  const left: string | null = await server.step();
  console.log(miss?.summary, left, (await server.advance(3)).sessions.map((session) => session.pending));
  await server.inject({ channel: "/v2/me/outbound", data: { a: 1 } });
  // @ts-expect-error seconds are a number
  await server.advance("3");
  // @ts-expect-error there is no such option
  await standin("a.cassette", { pace: 3 });
  // @ts-expect-error `standin` makes one
  new StandIn();
  return server.close().catch((error: unknown) => {
    throw error instanceof StandInError ? error : new Error("another");
  });
}

export async function search(): Promise<string> {
  const found: Exploration = await explore("a.cassette", { schedules: 50, disturb: ["poll"], misses: "ignore" }, async ({ url }) => url);
  // @ts-expect-error there is no such trouble
  await explore("a.cassette", { disturb: ["flood"] }, () => undefined);
  const server = await standin("a.cassette", { schedule: "7f3a" });
  const [first] = (await server.beginAnew(["event 4.1 before ack 4"])).order;
  return found.coverage + (first?.name ?? "") + (await server.schedule()).unmet.join() + RaceError.name;
}

test("node:test", async (t) => {
  const server: StandIn = await standinFor(t, "a.cassette", { misses: "ignore" });
  console.log(server.url.length);
  // @ts-expect-error there is no such option
  await standinFor(t, "a.cassette", { miss: "ignore" });
});

withCassette("a.cassette", { repeat: "last" })("Vitest", async ({ standin, expect }) => {
  expect(standin.url satisfies string).toBeDefined();
  // @ts-expect-error there is no such property
  expect(standin.uri).toBeUndefined();
});

playwright.use({ cassette: "a.cassette", standinOptions: { strict: true } });
playwright("Playwright Test", async ({ standin, request }) => {
  expect((await request.get(standin.url)).ok()).toBe(true);
  // @ts-expect-error there is no such property
  expect(standin.uri).toBeUndefined();
});
mergeTests(playwright, own);
