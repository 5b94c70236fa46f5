// The Bayeux clients of others, for programs that live outside of this folder and its packages.

export { AckExtension, CometD } from "cometd";
export { adapt } from "cometd-nodejs-client";
export { default as faye } from "faye";
