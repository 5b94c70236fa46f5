// What stands in front of an application server: it undoes and does gzip, and knows which requests wait for an answer.

import { EventEmitter } from "node:events";
import { createGunzip, gzipSync } from "node:zlib";

/** Hands on what an HTTP server emits, so that whoever listens to a server can listen to this. */
export class Front extends EventEmitter {
  #waiting = new Map(); // response -> path

  /** Compress all answers but those of the lab's controls. */
  gzip = false;

  constructor(httpServer) {
    super();
    httpServer.on("request", (request, response) => {
      this.#watch(request, response);
      const deflate = this.gzip && !request.url.startsWith("/lab/");
      this.emit("request", inflated(request), deflate ? deflating(response) : response);
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
