// The shapes of Genesys Workspace API v3: calls of an agent, and an outbound campaign by user events.
//
// The answer means "accepted" and no more. An operationId of the request is in the answer and in most events; one that
// the server makes is in the answer alone. Key/value lists have their pairs in any order. Ready and NotReady share
// nothing with their event, and an EventError follows a good answer. What a real server does beyond that is unknown here.

import { Seeded } from "./seeded.js";

const ROOT = "/workspace/v3";
const VOICE = `${ROOT}/voice`;
const DONE = {
  hold: "Held",
  retrieve: "Established",
  answer: "Established",
  release: "Released",
  complete: "Completed",
};
const STATES = { ready: "Ready", "not-ready": "NotReady" };
const ACKNOWLEDGED = {
  RecordReject: "RecordRejectAcknowledge",
  RecordProcessed: "RecordProcessedAcknowledge",
  RequestRecordCancel: "RecordCancelAcknowledge",
};
const CAMPAIGN = { GSW_CAMPAIGN_NAME: "Spring", GSW_CAMPAIGN_MODE: "Preview", GSW_APPLICATION_ID: "1" };
const CALLER = "+15550111";
const START = Date.UTC(2026, 2, 1);

export class Workspace {
  prefix = `${ROOT}/notifications`;
  #made;
  #codes = new Map(); // code -> agent
  #sessions = new Map(); // session -> agent
  #calls = new Map(); // id -> call
  #handles = 0;
  #count = 0;

  constructor(seed) {
    this.#made = new Seeded(`server ${seed}`);
  }

  agentOf({ cookie = "" }) {
    return this.#sessions.get(/(?:^|;\s*)WORKSPACE_SESSIONID=([^;]+)/.exec(cookie)?.[1]);
  }

  subscribed(agent, channel) {
    if (channel !== `${ROOT}/initialization`) return [];
    const user = { userName: agent, employeeId: agent, agentLogin: `login-${agent}`, defaultPlace: `place-${agent}` };
    return [
      { channel, data: { state: "Executing", progress: { percentComplete: 50 } }, wait: 20 },
      { channel, data: { state: "Complete", data: { user, configuration: {} } }, wait: 20 },
    ];
  }

  answer(request) {
    const { method, path: target, body, agent } = request;
    const { pathname: path, searchParams } = new URL(target, "http://lab.invalid");
    if (path === "/auth/v3/sign-in") return this.#signIn(new URLSearchParams(body));
    if (path === `${ROOT}/initialize-workspace`) return this.#initialize(searchParams.get("code"));
    if (agent === null) return { status: 401, body: { status: { code: 103, message: "No session" } } };
    if (path === `${ROOT}/activate-channels`) return this.#activate(body.data);
    const [, action, id, deed] = /^\/workspace\/v3\/voice\/([\w-]+)(?:\/(\w+)\/([\w-]+))?$/.exec(path) ?? [];
    if (method !== "POST" || action === undefined) return { status: 404, body: { status: { code: 104 } } };
    const operationId = body?.operationId ?? this.#made.hex(16);
    const answer = { status: 200, body: { status: { code: 1 }, operationId } };
    const own = body?.operationId === undefined ? {} : { operationId };
    return { ...answer, ...this.#act(action, id, deed, { data: body?.data ?? {}, own, agent }) };
  }

  #signIn(form) {
    const code = this.#made.hex(6);
    this.#codes.set(code, form.get("username"));
    return { status: 302, headers: { Location: `http://desk.example/ui?code=${code}` } };
  }

  #initialize(code) {
    const session = this.#made.hex(24);
    this.#sessions.set(session, this.#codes.get(code));
    const headers = { "Set-Cookie": `WORKSPACE_SESSIONID=${session}; Path=/; HttpOnly` };
    return { status: 200, headers, body: { status: { code: 1 } } };
  }

  #activate({ agentId }) {
    const body = { status: { code: 0 }, data: { channels: ["voice"] } };
    return { status: 200, body, after: [this.#dn("NotReady", agentId, 60)] };
  }

  #act(action, id, deed, { data, own, agent }) {
    // The event of a state is there before the answer, as the real one was seen to do it.
    if (STATES[action]) return { before: [this.#dn(STATES[action], `login-${agent}`)] };
    if (action === "make-call") return this.#makeCall(data, own, agent);
    if (action === "send-user-event") return this.#userEvent(data.userData);
    const call = this.#calls.get(id);
    if (action !== "calls" || call === undefined) return { status: 404, body: { status: { code: 104 } } };
    if (deed === "attach-user-data") return this.#attach(call, data.userData, own);
    if (!DONE[deed]) return { status: 404, body: { status: { code: 104 } } };
    const after = [this.#state(call, DONE[deed], own, 20)];
    if (deed === "complete" && call.callType === "Outbound") after.push(...this.#inbound(agent));
    return { after };
  }

  #makeCall({ destination }, own, agent) {
    if (destination.endsWith("0")) {
      const error = { errorCode: 415, errorMessage: "Invalid destination" };
      return { after: [{ channel: VOICE, data: { error, messageType: "EventError" }, wait: 20 }] };
    }
    const call = this.#call("Outbound", { dnis: destination, phoneNumber: agent });
    return { before: [this.#state(call, "Dialing", own)], after: [this.#state(call, "Established", own, 220)] };
  }

  #attach(call, userData, own) {
    call.userData = [...call.userData, ...userData];
    const changed = this.#changed(call, "AttachedDataChanged", own, 20);
    return { after: [changed] };
  }

  // A caller rings; later a routing script adds to the data of the call. Nobody asked for either.
  #inbound(agent) {
    const call = this.#call("Inbound", { dnis: agent, phoneNumber: CALLER });
    call.userData = [{ key: "Segment", type: "str", value: "Gold" }];
    return [{ ...this.#state(call, "Ringing", {}, 150), unasked: true }];
  }

  #userEvent(pairs) {
    const given = Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
    const wanted = given.GSW_AGENT_REQ_TYPE;
    const reference = { GSW_REFERENCE_ID: given.GSW_REFERENCE_ID };
    if (wanted === "CampaignStatusRequest") {
      const push = { ...CAMPAIGN, GSW_CAMPAIGN_NAME: "Autumn", GSW_CAMPAIGN_MODE: "PushPreview" };
      const started = [CAMPAIGN, push].map((one) => this.#user({ ...one, GSW_USER_EVENT: "CampaignStarted" }, 12));
      return { after: started };
    }
    if (wanted === "PreviewRecordRequest") {
      const record = { GSW_RECORD_HANDLE: ++this.#handles, GSW_CHAIN_ID: this.#handles, GSW_PHONE: CALLER };
      const event = { ...CAMPAIGN, ...record, GSW_USER_EVENT: "PreviewRecord" };
      // Another record is pushed to the agent meanwhile.
      const pushed = { ...event, GSW_CAMPAIGN_NAME: "Autumn", GSW_RECORD_HANDLE: 100 + this.#handles };
      return { after: [this.#user(event, 20), { ...this.#user(pushed, 200), unasked: true }] };
    }
    if (!ACKNOWLEDGED[wanted]) return {};
    return { before: [this.#user({ GSW_USER_EVENT: ACKNOWLEDGED[wanted], ...reference })] };
  }

  #call(callType, more) {
    const id = this.#made.hex(16);
    const call = { id, connId: id, callUuid: this.#made.hex(32).toUpperCase(), callType, userData: [], ...more };
    this.#calls.set(id, call);
    return call;
  }

  #state(call, state, own, wait = 0) {
    call.state = state;
    return this.#changed(call, "StateChange", own, wait);
  }

  #changed(call, notificationType, own, wait) {
    const now = { ...call, duration: this.#count++, capabilities: ["release", "hold"] };
    return { channel: VOICE, data: { notificationType, call: now, messageType: "CallStateChanged", ...own }, wait };
  }

  #dn(agentState, agentId, wait = 0) {
    const timestamp = START + 1000 * this.#count++;
    const dn = { number: agentId, agentId, agentState, agentWorkMode: "Unknown", capabilities: ["ready"], timestamp };
    return { channel: VOICE, data: { dn, messageType: "DnStateChanged" }, wait };
  }

  #user(userData, wait = 0) {
    return { channel: VOICE, data: { userData, messageType: "EventUserEvent" }, wait };
  }
}
