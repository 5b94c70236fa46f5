// The records of a small org: a REST request in, its answer and the events of its transaction out.
//
// Paths, answers and events have the shape of Salesforce's documentation: "REST API Developer Guide" (sObject Rows,
// Composite, sObject Collections), "Change Data Capture Developer Guide" (ChangeEventHeader), "Platform Events Developer
// Guide" and "Streaming API Developer Guide" (PushTopic). What a real org does beyond them is unknown here.

import { randomInt, randomUUID } from "node:crypto";

const DATA = /^\/services\/data\/v\d+\.\d+/;
const PREFIXES = { Account: "001", Contact: "003" };
const PUSH_TOPICS = { Account: { channel: "/topic/AccountUpdates", fields: ["Name"] } };
const USER = "0055i00000LabUs1AA";

export class Org {
  #records = new Map(); // id -> {object, fields}
  #ids = randomInt(1_000_000); // two runs give other ids, as two orgs do
  #commits = randomInt(1_000_000);
  #retained = new Map(); // channel -> events, oldest first
  #replayIds = randomInt(10_000);

  /** Answer a request: {status, body, events: [{channel, data}]}. */
  answer({ method, path, body }) {
    const transaction = { key: randomUUID(), commit: ++this.#commits, events: [] };
    const { status, body: content } = this.#perform(method, path.replace(DATA, ""), body, transaction);
    return { status, body: content, events: transaction.events };
  }

  /** The events of a channel that are kept and come after a replay id; -2 is before all, -1 after. */
  retained(channel, replayId) {
    if (replayId === -1) return [];
    return (this.#retained.get(channel) ?? []).filter((data) => data.event.replayId > replayId);
  }

  #perform(method, path, body, transaction) {
    if (method === "POST" && path === "/composite") return this.#composite(body, transaction);
    if (method === "POST" && path === "/composite/sobjects") return this.#collection(body, transaction);
    if (method === "GET" && path.startsWith("/query")) return this.#query(path);
    const [, object, id] = /^\/sobjects\/(\w+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (object === undefined) return failed(404, "NOT_FOUND", `no resource ${path}`);
    if (method === "POST" && id === undefined) return this.#create(object, body, transaction);
    const record = this.#records.get(id);
    if (record?.object !== object) return failed(404, "NOT_FOUND", "The requested resource does not exist");
    if (method === "GET") return { status: 200, body: { attributes: { type: object }, Id: id, ...record.fields } };
    if (method === "PATCH") {
      Object.assign(record.fields, body);
      this.#changed("UPDATE", object, id, body, transaction);
    } else if (method === "DELETE") {
      this.#records.delete(id);
      this.#changed("DELETE", object, id, {}, transaction);
    } else return failed(405, "METHOD_NOT_ALLOWED", `HTTP Method '${method}' not allowed`);
    return { status: 204, body: "" };
  }

  /** Answer any query with all records, one in each part. */
  #query(path) {
    const at = Number(/^\/query\/01g-(\d+)$/.exec(path)?.[1] ?? 0);
    const all = [...this.#records].map(([Id, { object }]) => ({ attributes: { type: object }, Id }));
    const done = at + 1 >= all.length;
    const next = done ? {} : { nextRecordsUrl: `/services/data/v60.0/query/01g-${at + 1}` };
    return { status: 200, body: { totalSize: all.length, done, ...next, records: all.slice(at, at + 1) } };
  }

  #create(object, given, transaction) {
    const { attributes: _, ...fields } = given;
    if (object.endsWith("__e")) return this.#publish(object, fields, transaction);
    const id = this.#nextId(PREFIXES[object] ?? "a00");
    this.#records.set(id, { object, fields: { ...fields } });
    this.#changed("CREATE", object, id, fields, transaction);
    // The trigger of this org: a partner gets a contact, in the same transaction.
    if (object === "Account" && fields.Type === "Partner") {
      this.#create("Contact", { LastName: fields.Name, AccountId: id }, transaction);
    }
    return { status: 201, body: { id, success: true, errors: [] } };
  }

  #publish(object, fields, transaction) {
    const uuid = randomUUID();
    const payload = { CreatedDate: new Date().toISOString(), CreatedById: USER, ...fields };
    this.#emit(transaction, `/event/${object}`, { schema: object, payload, event: { EventUuid: uuid } });
    const accepted = { statusCode: "OPERATION_ENQUEUED", message: uuid, fields: [] };
    return { status: 201, body: { id: this.#nextId("e00"), success: true, errors: [accepted] } };
  }

  #composite({ compositeRequest }, transaction) {
    const bodies = {};
    const resolved = (value) =>
      JSON.parse(JSON.stringify(value ?? {}).replace(/@\{(\w+)\.(\w+)\}/g, (_, name, field) => bodies[name][field]));
    const responses = compositeRequest.map(({ method, url, referenceId, body }) => {
      const path = resolved({ url }).url.replace(DATA, "");
      const answer = this.#perform(method, path, resolved(body), transaction);
      bodies[referenceId] = answer.body;
      return { body: answer.body || null, httpHeaders: {}, httpStatusCode: answer.status, referenceId };
    });
    return { status: 200, body: { compositeResponse: responses } };
  }

  #collection({ records }, transaction) {
    return { status: 200, body: records.map((one) => this.#create(one.attributes.type, one, transaction).body) };
  }

  #changed(changeType, object, id, fields, transaction) {
    const header = {
      entityName: object,
      recordIds: [id],
      changeType,
      changeOrigin: "com/salesforce/api/rest/60.0",
      transactionKey: transaction.key,
      sequenceNumber: transaction.events.length + 1,
      commitTimestamp: Date.now(),
      commitNumber: transaction.commit,
      commitUser: USER,
    };
    const payload = { ChangeEventHeader: header, ...fields };
    this.#emit(transaction, `/data/${object}ChangeEvent`, { schema: `${object}ChangeEvent`, payload, event: {} });
    const topic = PUSH_TOPICS[object];
    if (topic === undefined) return;
    const sobject = { Id: id };
    for (const name of topic.fields) if (fields[name] !== undefined) sobject[name] = fields[name];
    const event = { createdDate: new Date().toISOString(), type: `${changeType.toLowerCase()}d` };
    this.#emit(transaction, topic.channel, { event, sobject });
  }

  #emit(transaction, channel, data) {
    data.event.replayId = ++this.#replayIds;
    transaction.events.push({ channel, data });
    this.#retained.set(channel, [...(this.#retained.get(channel) ?? []), data]);
  }

  #nextId(prefix) {
    return `${prefix}5i00${(++this.#ids).toString(36).toUpperCase().padStart(8, "0")}AAA`;
  }
}

function failed(status, errorCode, message) {
  return { status, body: [{ message, errorCode }] };
}
