// A newer release of the application: each drift changes one thing of what it answers, and leaves all else alone.
//
// A drift takes the name of an operation and the answer to it (as in gws.js), and changes the answer in place. README.md
// has what each changes, and which operation shows it.

const RECORD_CHANNEL = "/v2/me/outbound";
const SLOWER_MS = 1_200;

export const DRIFTS = {
  "field-gone": each("campaign", (campaign) => delete campaign.dialingMode),
  renamed: each("campaign", (campaign) => {
    campaign.group = campaign.groupName;
    delete campaign.groupName;
  }),
  "new-field": each("record", (record) => (record.priority = 5)),
  type: each("record", (record) => (record.applicationId = String(record.applicationId))),
  status: on("UpdateRecord", (answer) => (answer.status = 202)),
  "extra-event": on("CompleteRecord", (answer) => {
    const { record, referenceId } = answer.events[0].data;
    const data = { record, notificationType: "RecordAudited", messageType: "OutboundRecordMessage", referenceId };
    answer.events.push({ channel: RECORD_CHANNEL, data });
  }),
  "missing-event": on("CompleteRecord", (answer) => answer.events.shift()),
  "doubled-event": on("CompleteRecord", (answer) => answer.events.push(answer.events[0])),
  order: on("GetChainedRecord", (answer) => {
    const ofRecords = answer.events.filter(({ channel }) => channel === RECORD_CHANNEL);
    const [before, end] = ofRecords.slice(-2).map((event) => answer.events.indexOf(event));
    [answer.events[before], answer.events[end]] = [answer.events[end], answer.events[before]];
  }),
  slower: on("UpdateRecord", (answer) => (answer.delayMs = SLOWER_MS)),
  refused: on("UpdateRecord", (answer) => {
    answer.status = 403;
    answer.body = { statusCode: 20, statusMessage: "Access denied" };
    answer.events = [];
  }),
  channel: on("CompleteRecord", (answer) => {
    answer.events[0] = { ...answer.events[0], channel: "/v2/me/workbins" };
  }),
};

/** Change the member `name` of all events on the channel of records. */
function each(name, change) {
  return (_operation, answer) => {
    for (const { channel, data } of answer.events) {
      if (channel === RECORD_CHANNEL && data[name] !== undefined) change(data[name]);
    }
  };
}

function on(operation, change) {
  return (name, answer) => {
    if (name === operation && answer.events.length > 0) change(answer);
  };
}
