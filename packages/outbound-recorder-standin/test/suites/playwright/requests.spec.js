import { expect, test } from "outbound-recorder-standin/playwright";

test("asks what was recorded", async ({ standin, request }) => {
  expect((await request.get(`${standin.url}/api/v2/me`)).status()).toBe(200);
});

test("asks something else", async ({ standin, request }) => {
  await request.get(`${standin.url}/api/v2/you`);
});

test("steers it", async ({ standin }) => {
  expect((await standin.addFault("drop event PreviewRecord"))[0].hit).toBe(0);
});

test.describe("with options", () => {
  test.use({ standinOptions: { misses: "ignore" } });

  test("ignores misses", async ({ standin, request }) => {
    expect((await request.get(`${standin.url}/api/v2/you`)).status()).toBe(470);
  });
});
