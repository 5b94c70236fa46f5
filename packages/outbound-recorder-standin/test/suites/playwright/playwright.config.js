import { fileURLToPath } from "node:url";
import { defineConfig } from "@playwright/test";

const cassette = fileURLToPath(new URL("../../../../../cassettes/preview-session.cassette", import.meta.url));

export default defineConfig({ fullyParallel: true, use: { cassette } });
