// The page of the viewer: what it shows comes from the server that sent it.

import { serverSource } from "./data/server.js";
import { start } from "./main.js";

start(serverSource());
