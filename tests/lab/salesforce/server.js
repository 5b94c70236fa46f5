// node server.js --log FILE [--port 0] [--timeout MS] [--delay MS]

import { randomBytes } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { Org } from "./org.js";
import { denials, PREFIX, Stream } from "./stream.js";

const LOGINS = /^\/services\/(?:oauth2\/token$|Soap\/u\/)/;
const ORG_ID = "00D5i000000LabOrg";
const FLUSH_MS = 200; // what the polls need to carry away what was published

class Front {
  urls = {}; // of the org and, at another port, of its login
  #log;
  #delay;
  #org = new Org();
  #stream;
  #users = new Map(); // token -> user
  #requests = 0;
  #seen = 0; // requests of all kinds

  constructor({ log, timeout, delay }) {
    this.#log = openSync(log, "a");
    this.#delay = delay;
    this.#stream = new Stream(timeout, (channel, replayId) => this.#org.retained(channel, replayId));
  }

  async handle(request, response) {
    const path = request.url.split("?", 1)[0];
    if (!path.startsWith("/lab/")) this.#seen++;
    if (request.socket.localPort === this.urls.login?.port && !LOGINS.test(path)) return elsewhere(request, response, this.urls);
    if (path.startsWith(PREFIX) && this.#user(request) !== undefined) return this.#stream.handle(request, response);
    const text = await textOf(request);
    if (path.startsWith(PREFIX)) return send(response, 200, denials([JSON.parse(text || "[]")].flat()));
    if (path.startsWith("/lab/")) return send(response, 200, await this.#control(path));
    if (path === "/services/oauth2/token") return this.#token(request, new URLSearchParams(text), response);
    if (path.startsWith("/services/Soap/u/")) return this.#soap(request, text, response);
    return this.#rest(request, path, text, response);
  }

  #user({ headers }) {
    const [, token] = /^(?:Bearer|OAuth) (\S+)$/.exec(headers.authorization ?? "") ?? [];
    return this.#users.get(token);
  }

  async #control(path) {
    if (path === "/lab/seen") return { seen: this.#seen, login: this.urls.login?.url };
    if (path !== "/lab/forget") return {};
    await sleep(FLUSH_MS);
    this.#stream.forget();
    return {};
  }

  #login(request, user) {
    const token = `${ORG_ID}!${randomBytes(24).toString("base64url")}`;
    this.#users.set(token, user);
    const isElsewhere = request.socket.localPort === this.urls.login?.port;
    return { token, instance: isElsewhere ? this.urls.org.url : `http://${request.headers.host}` };
  }

  #token(request, form, response) {
    if (!form.get("username") || !form.get("password")) {
      return send(response, 400, { error: "invalid_grant", error_description: "authentication failure" });
    }
    const { token, instance } = this.#login(request, form.get("username"));
    return send(response, 200, {
      access_token: token,
      instance_url: instance,
      id: `${instance}/id/${ORG_ID}/0055i00000LabUs1AA`,
      token_type: "Bearer",
      issued_at: String(Date.now()),
    });
  }

  #soap(request, text, response) {
    const { token, instance } = this.#login(request, /<username>([^<]*)</.exec(text)?.[1]);
    const url = `${instance}${request.url}/${ORG_ID}`;
    const info = `<userInfo><organizationId>${ORG_ID}</organizationId><userId>0055i00000LabUs1AA</userId></userInfo>`;
    const result = `<serverUrl>${url}</serverUrl><sessionId>${token}</sessionId><userId>0055i00000LabUs1AA</userId>`;
    const body = `<loginResponse><result>${result}${info}</result></loginResponse>`;
    const envelope = "http://schemas.xmlsoap.org/soap/envelope/";
    response.writeHead(200, { "Content-Type": "text/xml;charset=UTF-8" });
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="${envelope}" xmlns="urn:partner.soap.sforce.com">` +
        `<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`,
    );
  }

  async #rest(request, path, text, response) {
    const user = this.#user(request);
    if (user === undefined) {
      return send(response, 401, [{ message: "Session expired or invalid", errorCode: "INVALID_SESSION_ID" }]);
    }
    const n = this.#requests++;
    const { method } = request;
    const body = text === "" ? null : JSON.parse(text);
    this.#write({ kind: "request", n, agent: user, method, path, body });
    const answer = this.#org.answer({ method, path, body });
    this.#write({ kind: "ack", n, status: answer.status, body: answer.body });
    await send(response, answer.status, answer.body);
    // A change is published when its transaction is committed, some time after the answer.
    await sleep(this.#delay);
    for (const { channel, data } of answer.events) {
      this.#write({ kind: "event", cause: n, channel, data });
      this.#stream.publish(channel, data);
    }
  }

  #write(line) {
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }
}

function send(response, status, body) {
  const text = body === "" ? "" : JSON.stringify(body);
  const type = text === "" ? {} : { "Content-Type": "application/json;charset=UTF-8" };
  response.writeHead(status, status === 204 ? {} : { ...type, "Content-Length": Buffer.byteLength(text) });
  return new Promise((resolve) => {
    response.once("finish", resolve);
    response.once("close", resolve);
    response.end(text);
  });
}

// A login host sends everything but logins to the org.
function elsewhere(request, response, { org }) {
  request.resume();
  response.writeHead(307, { Location: `${org.url}${request.url}`, "Content-Length": 0 });
  response.end();
}

function fail(error) {
  process.stderr.write(`lab: ${error.stack}\n`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    log: { type: "string" },
    port: { type: "string", default: "0" },
    timeout: { type: "string", default: "5000" },
    delay: { type: "string", default: "40" },
  },
});
const front = new Front({ log: values.log, timeout: Number(values.timeout), delay: Number(values.delay) });
const handle = (request, response) => {
  front.handle(request, response).catch((error) => {
    if (request.complete) fail(error); // else the client broke off its request body
  });
};

async function listen(port) {
  const server = createServer({ keepAliveTimeout: 120_000 }, handle);
  server.on("error", fail);
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { port: server.address().port, url: `http://127.0.0.1:${server.address().port}` };
}

front.urls.org = await listen(Number(values.port));
front.urls.login = await listen(0);
process.stdout.write(`listening on ${front.urls.org.url}\n`);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
