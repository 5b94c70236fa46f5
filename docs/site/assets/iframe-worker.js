// Worker for pages that were opened from a folder, where browsers start none: its script runs in a hidden frame.
// The theme's search uses one worker; scripts it imports are loaded one after the other, before messages are handed on.
if (location.protocol === "file:") {
  window.IFrameWorker = true; // the theme's worker asks for this name to find the files beside it
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<!doctype html>";
      let inside = null;
      const tell = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      const hand = (data) => inside.dispatchEvent(new inside.MessageEvent("message", { data }));
      frame.addEventListener("load", async () => {
        const scope = frame.contentWindow;
        scope.postMessage = (data) => tell(data);
        let before = Promise.resolve();
        scope.importScripts = (...urls) => {
          for (const one of urls) before = before.then(() => load(scope, new URL(one, url)));
          return before;
        };
        await load(scope, url);
        await before;
        inside = scope;
        waiting.splice(0).forEach(hand);
      }, { once: true });
      const load = (scope, src) => new Promise((done, failed) => {
        const script = scope.document.createElement("script");
        script.src = src;
        script.onload = done;
        script.onerror = () => failed(new Error(`cannot load ${src}`));
        scope.document.body.append(script);
      });
      this.postMessage = (data) => (inside ? hand(data) : waiting.push(data));
      this.terminate = () => frame.remove();
      document.body ? document.body.append(frame) : addEventListener("DOMContentLoaded", () => document.body.append(frame));
    }
  };
}
