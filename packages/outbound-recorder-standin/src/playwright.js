// Fixtures for Playwright Test. Each test that names `standin` gets one of its own, and fails if a request matched nothing.

import { test as base } from "@playwright/test";

import { standin } from "./index.js";
import { judge } from "./misses.js";

export const test = base.extend({
  cassette: ["", { option: true }],
  standinOptions: [{}, { option: true }],
  standin: async ({ cassette, standinOptions }, use, testInfo) => {
    if (cassette === "") throw new Error('name the recording: test.use({ cassette: "cassettes/login.cassette" })');
    const started = await standin(cassette, standinOptions);
    let ended;
    try {
      await use(started);
    } finally {
      ended = await started.close();
    }
    const text = ended.misses.map((miss) => miss.text).join("\n");
    if (text !== "") await testInfo.attach("requests that matched nothing", { body: text, contentType: "text/plain" });
    judge(ended, standinOptions);
  },
});
export { expect } from "@playwright/test";
