// Two agents at once on Genesys's own client library: node workspace_client.js BASE_URL < {"seed": TEXT}
//
// Each prints its verdict. `patience` is how long (in milliseconds) a step waits for its events, `agents` names them.

import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import WorkspaceApi from "genesys-workspace-client-js";

import { apart, Judge } from "./desk.js";
import { Seeded } from "./seeded.js";

const VOICE = "/workspace/v3/voice";
const LINGER_MS = 700;

class Agent {
  #base;
  #name;
  #made;
  #references = 0;
  api;
  judge;

  constructor(base, name, { seed = "1", patience }) {
    this.#base = base;
    this.#name = name;
    this.#made = new Seeded(`${name} ${seed}`);
    this.judge = new Judge(isUnasked, patience);
    this.api = new WorkspaceApi(undefined, base);
  }

  async open() {
    const form = new URLSearchParams({ username: this.#name, password: "secret" });
    await apart();
    const answer = await fetch(`${this.#base}/auth/v3/sign-in`, { method: "POST", body: form, redirect: "manual" });
    const code = new URL(answer.headers.get("location")).searchParams.get("code");
    await apart();
    await this.api.initialize({ code, redirectUri: "http://desk.example/ui" });
    this.api._cometd.addListener(VOICE, (message) => this.judge.receive(message));
    const activated = () => this.api.activateChannels(`login-${this.#name}`, undefined, `place-${this.#name}`);
    await this.judge.step("activate", activated, () => [this.#dn("NotReady")]);
  }

  async work() {
    const { voice } = this.api;
    await this.#step("ready", () => voice.ready(), [this.#dn("Ready")]);
    await this.#step("not ready", () => voice.notReady("AuxWork"), [this.#dn("NotReady")]);
    await this.#campaign();
    const call = await this.#makeCall({});
    await this.#on(call, "Held", () => voice.holdCall(call));
    await this.#on(call, "Established", () => voice.retrieveCall(call));
    await this.#attach(call);
    await this.#on(call, "Released", () => voice.releaseCall(call));
    await this.#complete(call);
    await this.#step("wrong number", () => voice.makeCall(`${this.#number()}0`), [says("EventError")]);
    const inbound = await this.#ringing();
    await this.#answer(inbound);
    await this.#attach(inbound);
    await Promise.all([this.#on(inbound, "Released", () => voice.releaseCall(inbound)), this.#status()]);
    await this.#complete(inbound);
    await this.#step("ready", () => voice.ready(), [this.#dn("Ready")]);
    const other = await this.#makeCall({ operationId: this.#made.hex(16) });
    await this.#on(other, "Released", () => voice.releaseCall(other));
    await this.#step("not ready", () => voice.notReady("AfterCallWork"), [this.#dn("NotReady")]);
  }

  async #campaign() {
    await this.#status();
    await this.#user("preview", [["GSW_AGENT_REQ_TYPE", "PreviewRecordRequest"], ["GSW_CAMPAIGN_NAME", "Spring"]], {
      GSW_USER_EVENT: "PreviewRecord",
      GSW_CAMPAIGN_NAME: "Spring",
    });
    const handle = this.judge.find(({ userData }) => userData?.GSW_USER_EVENT === "PreviewRecord").userData.GSW_RECORD_HANDLE;
    for (const [wanted, type] of [
      ["RecordReject", "RecordRejectAcknowledge"],
      ["RecordProcessed", "RecordProcessedAcknowledge"],
      ["RequestRecordCancel", "RecordCancelAcknowledge"],
    ]) {
      const pairs = [["GSW_RECORD_HANDLE", String(handle)], ["GSW_AGENT_REQ_TYPE", wanted]];
      await this.#user(wanted, pairs, { GSW_USER_EVENT: type }, true);
    }
  }

  #status() {
    const told = ["Spring", "Autumn"].map((name) => ({ GSW_USER_EVENT: "CampaignStarted", GSW_CAMPAIGN_NAME: name }));
    return this.#user("campaigns", [["GSW_AGENT_REQ_TYPE", "CampaignStatusRequest"]], told);
  }

  // The pairs of a list stand in another order each time.
  #user(name, pairs, expected, isEchoed = false) {
    const reference = `ref-${this.#made.hex(8)}`;
    const all = [...pairs, ["GSW_APPLICATION_ID", "1"]];
    all.splice(this.#references++ % (all.length + 1), 0, ["GSW_REFERENCE_ID", reference]);
    const list = all.map(([key, value]) => ({ key, type: "str", value }));
    const own = isEchoed ? { GSW_REFERENCE_ID: reference } : {};
    const events = [expected].flat().map((userData) => says("EventUserEvent", { userData: { ...userData, ...own } }));
    return this.#step(name, () => this.api.voice.sendUserEvent(list), events);
  }

  async #makeCall(own) {
    const dnis = `${this.#number()}1`;
    const states = ["Dialing", "Established"].map((state) => says("CallStateChanged", { call: { state, dnis }, ...own }));
    await this.#step("make call", () => this.api.voice._api.makeCall({ data: { destination: dnis }, ...own }), states);
    return this.judge.find(({ call }) => call?.dnis === dnis)?.call.id;
  }

  #answer(id) {
    const own = { operationId: this.#made.hex(16) };
    const answer = () => this.api.voice._api.answer(id, { answerData: { data: {}, ...own } });
    return this.#step("answer", answer, [says("CallStateChanged", { call: { id, state: "Established" }, ...own })]);
  }

  #complete(id) {
    const own = { operationId: this.#made.hex(16) };
    const complete = () => this.api.voice._api.completeCall(id, { data: {}, ...own });
    return this.#step("complete", complete, [says("CallStateChanged", { call: { id, state: "Completed" }, ...own })]);
  }

  #attach(id) {
    const note = { key: "note", type: "str", value: `note-${this.#made.hex(6)}` };
    const changed = says("CallStateChanged", { notificationType: "AttachedDataChanged", call: { id } });
    return this.#step("attach", () => this.api.voice.attachUserData(id, [note]), [changed]);
  }

  #on(id, state, act) {
    return this.#step(state, act, [says("CallStateChanged", { call: { id, state } })]);
  }

  async #ringing() {
    const isRinging = ({ call }) => call?.state === "Ringing";
    for (let tries = 0; tries < 100 && !this.judge.find(isRinging); tries++) await sleep(20);
    return this.judge.find(isRinging)?.call.id;
  }

  #step(name, act, events) {
    return this.judge.step(name, act, () => events);
  }

  #dn(agentState) {
    return says("DnStateChanged", { dn: { agentState } });
  }

  #number() {
    return `+1555${String(parseInt(this.#made.hex(4), 16)).padStart(6, "0")}`;
  }
}

function isUnasked({ call, userData }) {
  return call?.state === "Ringing" || userData?.GSW_RECORD_HANDLE > 100;
}

function says(messageType, data) {
  return { channel: VOICE, data: { messageType, ...data } };
}

const script = JSON.parse(await text(process.stdin));
const agents = (script.agents ?? ["ann", "bob"]).map((name) => new Agent(process.argv[2], name, script));
for (const agent of agents) await agent.open();
await Promise.all(agents.map((agent, place) => sleep(40 * place).then(() => agent.work())));
await sleep(LINGER_MS);
for (const agent of agents) process.stdout.write(`${JSON.stringify(agent.judge.verdict())}\n`);
await Promise.all(agents.map((agent) => new Promise((resolve) => agent.api._cometd.disconnect(resolve))));
process.exit(0);
