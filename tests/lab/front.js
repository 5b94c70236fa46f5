// What stands in front of an application server: it undoes and does gzip, lets pages of other origins in, and knows
// which requests wait for an answer.

import { EventEmitter } from "node:events";
import { createGunzip, gzipSync } from "node:zlib";

/** Hands on what an HTTP server emits, so that whoever listens to a server can listen to this. */
export class Front extends EventEmitter {
  #waiting = new Map(); // response -> path

  /** Compress all answers but those of the lab's controls. */
  gzip = false;

  /** Let pages of all origins send and read, with credentials; their preflights get no further than here. */
  cors = false;

  constructor(httpServer) {
    super();
    httpServer.on("request", (request, response) => {
      this.#watch(request, response);
      const isForLab = request.url.startsWith("/lab/");
      if (!isForLab && this.cors && request.headers.origin !== undefined) {
        if (request.headers["access-control-request-method"] !== undefined) return grant(request, response);
        shared(request, response);
      }
      this.emit("request", inflated(request), this.gzip && !isForLab ? deflating(response) : response);
    });
    // Where nobody listens for it, Node treats an upgrade as any other request.
    this.on("newListener", (name) => {
      const isFirst = name === "upgrade" && httpServer.listenerCount(name) === 0;
      if (isFirst) httpServer.on(name, (...args) => this.emit(name, ...args));
    });
  }

  /** The paths of the requests that were read and have no answer yet, in the order they came. */
  get waiting() {
    return [...this.#waiting].filter(([response]) => !response.writableEnded).map(([, path]) => path);
  }

  #watch(request, response) {
    const read = () => {
      if (!response.destroyed) this.#waiting.set(response, request.url);
    };
    if (request.method === "GET") read(); // nobody reads the body that it does not have
    else request.on("end", read);
    response.on("close", () => this.#waiting.delete(response));
  }
}

function inflated(request) {
  if (request.headers["content-encoding"] !== "gzip") return request;
  const { method, url, headers } = request;
  return Object.assign(request.pipe(createGunzip()), { method, url, headers });
}

function grant({ headers }, response) {
  response.writeHead(204, {
    ...allowed(headers.origin),
    "Access-Control-Allow-Methods": headers["access-control-request-method"],
    "Access-Control-Allow-Headers": headers["access-control-request-headers"] ?? "",
  });
  response.end();
}

function shared(request, response) {
  const headers = { ...allowed(request.headers.origin), "Access-Control-Expose-Headers": "X-CSRF-HEADER, X-CSRF-TOKEN" };
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

function allowed(origin) {
  return { "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", Vary: "Origin" };
}

function deflating(response) {
  const { writeHead, end } = response;
  response.setHeader("Content-Encoding", "gzip");
  response.writeHead = (status, headers) => {
    const { "Content-Length": _, ...others } = headers ?? {};
    return writeHead.call(response, status, others);
  };
  response.end = (content = "") => end.call(response, gzipSync(content));
  return response;
}
