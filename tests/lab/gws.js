// Genesys Web Services, as far as the Outbound API goes: which ack and which events a request causes.
// It knows nothing of Bayeux, sockets or time: events come back as values, and the lab decides when they leave.

import { randomBytes, randomUUID } from "node:crypto";

import { DRIFTS } from "./drift.js";

const RECORD_CHANNEL = "/v2/me/outbound";
const TWIN_CHANNEL = "/me/internal";
const DEVICE_CHANNEL = "/v2/me/devices";
const DEFAULT_LIST = "CallingList1";

// The names of the answers cannot be derived from the names of the operations, so they are tables.
const HANDLE_OPERATIONS = {
  GetChainedRecord: "ChainedRecordsDataEnd",
  RejectRecord: "RecordRejectAcknowledge",
  CompleteRecord: "RecordProcessedAcknowledge",
  UpdateRecord: "UpdateCallCompletionStatsAcknowledge",
  RescheduleRecord: "ScheduledRecordRescheduleAcknowledge",
  DoNotCallRecord: "DoNotCallAcknowledge",
};
const LIST_OPERATIONS = {
  DoNotCallRecord: "DoNotCallAcknowledge",
  // The documentation has no sample of this one; the name is the one of the Outbound Contact Server.
  AddRecord: "AddRecordAcknowledge",
};
const SESSION_OPERATIONS = {
  StartPreviewSession: "PreviewSessionStarted",
  EndPreviewSession: "PreviewSessionEnded",
};

const JSON_TYPE = "application/json;charset=UTF-8";
const DEVICE_MESSAGE = "Device '5001' is not registered.";
const ERRORS = {
  "access-denied": { status: 403, body: { statusCode: 20, statusMessage: "Access denied" } },
  device: { status: 500, body: { statusCode: 4, statusMessage: DEVICE_MESSAGE } },
  partial: {
    status: 200,
    body: {
      statusCode: 7,
      failed: [{ statusCode: 4, statusMessage: DEVICE_MESSAGE, channel: "voice" }],
      succeeded: [{ statusCode: 0, channel: "multimedia" }],
    },
  },
  csrf: { status: 403, body: "Missing or invalid Csrf token", type: "text/plain;charset=UTF-8" },
};
export const ERROR_NAMES = Object.keys(ERRORS);

export class Gws {
  #tokens = new Map(); // JSESSIONID -> CSRF token, which lives as long as the HTTP session
  #given = new Set(); // handles of previews, as text
  #eventCount = 0;
  #previewCount = 0;
  #referenceCount = 0;

  /**
   * Answer one REST request.
   *
   * @param request {method, path, headers, body}; the body is parsed JSON, or text, or null
   * @param options those of README.md that say what is answered, not when
   * @returns {status, headers, body, before, events, unasked, asked, given, delayMs}: `before` leaves ahead of the ack
   *   whatever the timing is, `unasked` follows it, though no operation caused it; `asked` is the handle that it was asked
   *   with and `given` the one that it gives out, null for none; the ack leaves `delayMs` later than the timing says
   */
  answer(request, options) {
    const headers = { "Content-Type": JSON_TYPE };
    const session = this.#session(request.headers.cookie, headers);
    const url = new URL(request.path, "http://lab.invalid");
    const path = url.pathname.replace(/\/+$/, "");
    const asked = handleOf(path);
    const none = { before: [], events: [], unasked: [], asked, given: null, delayMs: 0 };
    const answer = { status: 200, headers, body: { statusCode: 0 }, ...none };

    if (request.method === "GET" && path === "/api/v2/me") {
      headers["X-CSRF-HEADER"] = "X-CSRF-TOKEN";
      headers["X-CSRF-TOKEN"] = this.#tokens.get(session);
      answer.body = me(request.headers.host);
    } else if (request.method === "GET" && path === "/api/v2/me/devices") {
      answer.body = { statusCode: 0, devices: me(request.headers.host).user.devices };
      if (options.unasked) answer.unasked = [this.#deviceState("Ready", options)];
    } else if (request.method !== "POST" || !/^\/(api\/v2\/(me|workbins)(\/|$)|internal-api\/operations$)/.test(path)) {
      answer.status = 404;
      answer.body = { statusCode: 6, statusMessage: `No resource at ${path}` };
    } else if (typeof request.body?.operationName !== "string") {
      answer.status = 400;
      answer.body = { statusCode: 1, statusMessage: "Missing parameter: operationName" };
    } else if (options.error !== null) {
      const error = ERRORS[options.error];
      answer.status = error.status;
      answer.body = error.body;
      headers["Content-Type"] = error.type ?? JSON_TYPE;
      if (options.error === "device") answer.before = [this.#deviceError(request, options)];
    } else if (options.strictHandles && asked !== null && !this.#given.has(asked)) {
      answer.status = 404;
      answer.body = { statusCode: 6, statusMessage: `No record with the handle ${asked}` };
    } else {
      this.#operate(path, request.body, answer, options);
    }
    return answer;
  }

  #operate(path, sent, answer, options) {
    const body = this.#echoed(sent, answer.body, options);
    answer.events = this.#events(path, body, options);
    if (body.operationName === "GetPreviewRecord" && answer.events.length > 0) {
      answer.given = answer.events[0].data.record.recordHandle;
      this.#given.add(String(answer.given));
    }
    if (options.drift !== null) DRIFTS[options.drift](body.operationName, answer);
    answer.events = answer.events.flatMap((event) => Array(options.copies).fill(event));
  }

  /** What a client is told that has just subscribed to a channel. */
  subscribed(channel, options) {
    return options.unasked && channel === DEVICE_CHANNEL ? [this.#deviceState("NotReady", options)] : [];
  }

  #session(cookie, headers) {
    const known = /(?:^|;\s*)JSESSIONID=([^;]+)/.exec(cookie ?? "")?.[1];
    if (this.#tokens.has(known)) return known;
    const session = randomBytes(8).toString("hex");
    this.#tokens.set(session, randomUUID());
    headers["Set-Cookie"] = `JSESSIONID=${session};Path=/;HttpOnly`;
    return session;
  }

  /** The request as its events tell of it: with an id of ours, which the ack brings, or its own in another type. */
  #echoed(body, ack, { ackReference, referenceType }) {
    const own = referenceOf(body).referenceId;
    if (own === undefined && ackReference) ack.referenceId = ++this.#referenceCount;
    const referenceId = own ?? ack.referenceId;
    if (referenceId === undefined || referenceType === null) return { ...body, referenceId };
    return { ...body, referenceId: referenceType === "string" ? String(referenceId) : Number(referenceId) };
  }

  #events(path, body, options) {
    const campaign = /^\/api\/v2\/me\/outbound-campaigns\/([^/]+)$/.exec(path);
    const record = /^\/api\/v2\/me\/outbound-records(?:\/([^/]+))?$/.exec(path);
    if (campaign) return this.#campaignEvents(decode(campaign[1]), body, options);
    if (record) return this.#recordEvents(decode(record[1]), body, options);
    return [];
  }

  #campaignEvents(name, body, options) {
    if (Object.hasOwn(SESSION_OPERATIONS, body.operationName)) {
      return [campaignMessage(SESSION_OPERATIONS[body.operationName], name, body)];
    }
    if (body.operationName !== "GetPreviewRecord") return [];
    const number = ++this.#previewCount;
    const record = recordOf(body, { recordHandle: options.firstHandle + number - 1, campaignName: name });
    const more = {
      GSW_PHONE: phone(number),
      GSW_CALL_ATTEMPT_GUID: `LAB${String(number).padStart(9, "0")}`,
      customer_name: "Ada Example",
    };
    record.userData = { ...gswFields(record, "PreviewRecord"), ...more };
    return this.#withTwins([{ type: "PreviewRecord", record, more }], body, options);
  }

  #recordEvents(handle, body, options) {
    const table = handle === undefined ? LIST_OPERATIONS : HANDLE_OPERATIONS;
    if (!Object.hasOwn(table, body.operationName)) return [];
    if (handle === undefined) {
      // By number: the record is known by its phone number, there is no handle.
      const record = recordOf(body, { phoneNumber: body.phoneNumber });
      const more = { GSW_PHONE: body.phoneNumber, GSW_CHAIN_ID: body.chainId ?? 1 };
      return this.#withTwins([{ type: table[body.operationName], record, more }], body, options);
    }
    const recordHandle = handleValue(handle);
    const chained = body.operationName === "GetChainedRecord" ? options.chain : 0;
    const messages = Array.from({ length: chained }, (_, i) => {
      // Each record of the chain has its own number, as it has at Genesys, so that no two events are equal.
      const more = { GSW_PHONE: phone(i + 1) };
      const record = recordOf(body, { recordHandle });
      record.userData = { ...gswFields(record, "ChainedRecord"), ...more };
      return { type: "ChainedRecord", record, more };
    });
    messages.push({ type: table[body.operationName], record: recordOf(body, { recordHandle }), more: {} });
    if (options.endFirst) messages.push(...messages.splice(-2).reverse());
    return this.#withTwins(messages, body, options);
  }

  // Genesys sends each record message twice: once to the client, once as the user event behind it.
  #withTwins(messages, body, options) {
    const pairs = messages.map(({ type, record, more }) => [
      {
        channel: RECORD_CHANNEL,
        data: { record, notificationType: type, messageType: "OutboundRecordMessage", ...referenceOf(body) },
      },
      {
        channel: TWIN_CHANNEL,
        data: {
          metrics: this.#metrics(options),
          userData: { ...gswFields(record, type), ...more },
          deviceId: body.devicePath?.replace(/^\/devices\//, ""),
          messageType: "DeviceUserEventMessage",
        },
      },
    ]);
    if (!options.twins) return pairs.map(([record]) => record);
    if (!options.twinsLast) return pairs.flat();
    return [...pairs.map(([record]) => record), ...pairs.map(([, twin]) => twin)];
  }

  // Seen in a log of a real GWS, 4 ms before its HTTP 500: nothing but the device and the metrics.
  #deviceError(request, options) {
    const { devicePath } = request.body;
    return {
      channel: DEVICE_CHANNEL,
      data: {
        messageType: "ErrorMessage",
        metrics: this.#metrics(options),
        devicePath,
        deviceUri: devicePath && `http://${request.headers.host}/api/v2${devicePath}`,
      },
    };
  }

  #deviceState(state, options) {
    const devices = me("lab.invalid").user.devices.map((device) => ({ ...device, userState: { state } }));
    const data = { messageType: "DeviceStateChangeMessage", metrics: this.#metrics(options), devices };
    return { channel: DEVICE_CHANNEL, data };
  }

  // A counter and not a clock, so that no two events are equal and a run can be repeated.
  #metrics(options) {
    return {
      eventProcessing: {
        serverGenerationTimestamp: options.clock ?? Date.now(),
        nodeProcessingTimeNanos: 6518539 + this.#eventCount++,
        serverProcessingTimeTotalMs: 6,
      },
    };
  }
}

function recordOf(body, own) {
  return {
    devicePath: body.devicePath,
    callingList: body.callingList ?? DEFAULT_LIST,
    applicationId: body.applicationId,
    campaignName: body.campaignName,
    ...own,
  };
}

function gswFields(record, type) {
  return {
    GSW_APPLICATION_ID: record.applicationId,
    GSW_RECORD_HANDLE: record.recordHandle,
    GSW_USER_EVENT: type,
    GSW_CALLING_LIST: record.callingList,
    GSW_CAMPAIGN_NAME: record.campaignName,
    GSW_CHAIN_ID: 1,
  };
}

function campaignMessage(notificationType, name, body) {
  const campaign = {
    name,
    dialingMode: "Preview",
    groupName: "Group1",
    state: "Running",
    devicePath: body.devicePath,
    applicationId: body.applicationId,
    groupDescription: "Agents of the lab",
    description: "A campaign of the lab",
  };
  const data = { campaign, notificationType, messageType: "OutboundCampaignMessage", ...referenceOf(body) };
  return { channel: RECORD_CHANNEL, data };
}

// null and "" count as none; 0 is an id like any other, and the JSON type stays what it was.
function referenceOf({ referenceId }) {
  return referenceId === undefined || referenceId === null || referenceId === "" ? {} : { referenceId };
}

// Push previews have uuids for handles; and digits that a double cannot hold must not be rounded.
function handleValue(text) {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

function handleOf(path) {
  const [, handle] = /^\/api\/v2\/me\/outbound-records\/([^/]+)$/.exec(path) ?? [];
  return handle === undefined ? null : decode(handle);
}

function decode(segment) {
  try {
    return segment && decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// 555-0100 to 555-0199 are reserved for fiction.
function phone(number) {
  return `555-01${String(number % 100).padStart(2, "0")}`;
}

function me(host) {
  const device = {
    id: "c259da54-7c22-4a43-9440-77a92facc86b",
    deviceState: "Active",
    phoneNumber: "5001",
    telephonyNetwork: "Private",
    doNotDisturb: "Off",
    channels: ["voice"],
  };
  const user = {
    id: "lab-agent",
    userName: "agent",
    firstName: "Ada",
    lastName: "Example",
    roles: ["ROLE_AGENT"],
    enabled: true,
    devices: [device],
    uri: `http://${host}/api/v2/users/lab-agent`,
    path: "/users/lab-agent",
  };
  return { statusCode: 0, user };
}
