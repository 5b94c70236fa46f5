// The desktop on CometD 3.1, the line that Genesys' own desktop is built on. It keeps its cookies to itself.

import cometd from "cometd3";
import AckExtension from "cometd3/AckExtension.js";
import client from "cometd3-nodejs-client";
import WebSocket from "ws";

import { OnCometD } from "../cometd.js";
import { main, silence } from "../node.js";

client.adapt();
globalThis.window.WebSocket = WebSocket;
silence();

await main((options) => new OnCometD({ CometD: cometd.CometD, AckExtension }, options));
