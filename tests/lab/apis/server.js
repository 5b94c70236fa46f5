// node server.js parcels|workspace|service|chain|transfer --log FILE [--port 0] [--timeout MS] [--seed TEXT]
//
// What the APIs have in common: a Bayeux server, time, and the truth. An API is a class of its own module with
//   prefix                  path of its Bayeux server
//   agentOf(headers)        who asks, undefined for nobody
//   answer(request)         {status, headers, body, before, after, mistake}, events of which leave before and after the
//                           answer; `mistake` says what a client must not have sent, for the truth
//   subscribed(agent, channel)  events for who subscribed, which no request causes; may be left out
//   beat                    {ms, event()}, of a heartbeat to all sessions; may be left out
//   services                of service channels: what was published there -> events for who published; may be left out
// An event is {channel, data, wait, to, unasked}: milliseconds after the one before it, to the sessions of an agent (the
// one who asked; null: to all), and whether no request caused it.

import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import cometdServer from "cometd-nodejs-server";

import { Chain } from "./chain.js";
import { Parcels } from "./parcels.js";
import { DeskService } from "./service.js";
import { Transfer } from "./transfer.js";
import { Workspace } from "./workspace.js";

const APIS = { parcels: Parcels, workspace: Workspace, service: DeskService, chain: Chain, transfer: Transfer };
const FLUSH_MS = 60; // what a held poll needs to carry events away before the answer

class Front {
  #api;
  #log;
  #bayeux;
  #agents = new Map(); // session -> agent
  #requests = 0;

  constructor(api, log, timeout) {
    this.#api = api;
    this.#log = openSync(log, "a");
    this.#bayeux = cometdServer.createCometDServer({ timeout, maxSessionsPerBrowser: -1 });
    this.#bayeux.addListener("sessionAdded", (session) => this.#opened(session));
    this.#bayeux.addListener("sessionRemoved", (session) => this.#agents.delete(session));
    this.#bayeux.addListener("subscribed", ({ name }, session) => this.#subscribed(this.#agents.get(session), name));
    for (const [channel, answer] of Object.entries(api.services ?? {})) {
      this.#bayeux.createServerChannel(channel).addListener("message", (session, _channel, { data }, callback) => {
        callback();
        this.#published(session, channel, data, answer(data));
      });
    }
    if (api.beat) setInterval(() => this.#deliver(null, null, api.beat.event()), api.beat.ms).unref();
  }

  async handle(request, response) {
    const { pathname } = new URL(request.url, "http://lab.invalid");
    if (pathname === this.#api.prefix || pathname.startsWith(`${this.#api.prefix}/`)) {
      return this.#bayeux.handle(request, response);
    }
    const content = await textOf(request);
    const n = this.#requests++;
    const { method, url: path, headers } = request;
    const agent = this.#api.agentOf(headers) ?? null;
    const body = parsed(content);
    this.#write({ kind: "request", n, agent, method, path, body });
    const answer = this.#api.answer({ method, path, headers, body, agent });
    if (answer.mistake !== undefined) this.#write({ kind: "mistake", n, text: answer.mistake });
    await this.#push(n, agent, answer.before ?? []);
    if (answer.before?.length > 0) await sleep(FLUSH_MS);
    this.#write({ kind: "ack", n, status: answer.status, body: answer.body ?? null });
    await send(response, answer);
    await this.#push(n, agent, answer.after ?? []);
  }

  async #push(n, agent, events) {
    for (const { wait = 0, to = agent, unasked = false, ...event } of events) {
      if (wait > 0) await sleep(wait);
      this.#deliver(unasked ? null : n, to, event);
    }
  }

  #opened(session) {
    const agent = this.#api.agentOf(this.#bayeux.context.request?.headers ?? {}) ?? null;
    this.#agents.set(session, agent);
    this.#write({ kind: "session", agent });
  }

  #subscribed(agent, channel) {
    const events = this.#api.subscribed?.(agent, channel) ?? [];
    this.#push(null, agent, events.map((event) => ({ ...event, unasked: true })));
  }

  async #published(session, path, body, events) {
    const n = this.#requests++;
    this.#write({ kind: "request", n, agent: null, method: "PUBLISH", path, body });
    for (const { wait = 0, unasked = false, ...event } of events) {
      if (wait > 0) await sleep(wait);
      this.#hand(session, null, unasked ? null : n, event);
    }
  }

  #deliver(cause, to, event) {
    for (const [session, agent] of this.#agents) if (to === null || agent === to) this.#hand(session, agent, cause, event);
  }

  #hand(session, agent, cause, { channel, data }) {
    this.#write({ kind: "event", cause, agent, channel, data });
    session.deliver(null, channel, data);
  }

  #write(line) {
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }
}

function parsed(content) {
  if (content === "") return null;
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}

function send(response, { status, headers = {}, body }) {
  const content = body === undefined ? "" : JSON.stringify(body);
  const type = content === "" ? {} : { "Content-Type": "application/json; charset=utf-8" };
  const length = status === 204 ? {} : { "Content-Length": Buffer.byteLength(content) };
  response.writeHead(status, { ...type, ...length, ...headers });
  return new Promise((resolve) => {
    response.once("finish", resolve);
    response.once("close", resolve);
    response.end(content);
  });
}

function fail(error) {
  process.stderr.write(`lab: ${error.stack}\n`);
  process.exit(2);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    log: { type: "string" },
    port: { type: "string", default: "0" },
    timeout: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
  },
});
const front = new Front(new APIS[positionals[0]](values.seed), values.log, Number(values.timeout));
const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  front.handle(request, response).catch((error) => {
    if (request.complete) fail(error); // else the client broke off its request body
  });
});
server.on("error", fail);
server.listen(Number(values.port), "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
