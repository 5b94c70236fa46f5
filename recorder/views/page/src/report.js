// The page of a report: all it shows stands in the file.

import { embeddedSource } from "./data/embedded.js";
import { start } from "./main.js";

start(embeddedSource());
