// Find the program `recorder`: by option, by the environment, or on PATH.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const INSTALL = "pip install outbound-recorder (or: pipx install outbound-recorder)";

/**
 * The command to start: a program and its first arguments.
 *
 * @param {string | string[] | undefined} given the option `recorder`
 * @param {Record<string, string | undefined>} env
 * @param {string} platform as `process.platform`
 * @returns {string[]}
 */
export function command(given, env = process.env, platform = process.platform) {
  const named = given ?? env.RECORDER;
  if (named !== undefined && named.length > 0) return Array.isArray(named) ? named : [named];
  // no .cmd: without a shell, Windows starts programs alone
  const name = platform === "win32" ? "recorder.exe" : "recorder";
  const path = env.PATH ?? env.Path ?? "";
  const found = path.split(delimiter).filter(Boolean).map((folder) => join(folder, name)).find(isProgram);
  if (found === undefined) {
    throw new Error(
      `there is no program \`recorder\` on PATH; install it: ${INSTALL}; ` +
        "or name it by the option `recorder` or the variable RECORDER",
    );
  }
  return [found];
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
