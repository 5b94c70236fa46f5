// Desks on CometD's library and on Faye's client that work a preview record from start to end.

import { at, check, phones } from "./bayeux.js";
import { FayeDesk } from "./faye.js";
import { LibraryDesk } from "./library.js";

const CAMPAIGN = "/api/v2/me/outbound-campaigns/Campaign1";
const COMMON = { campaignName: "Campaign1", devicePath: "/devices/c259da54-7c22-4a43-9440-77a92facc86b", applicationId: 134 };
const CHANNELS = ["/v2/me/outbound", "/me/internal"];

async function work(url, desk) {
  await at(desk, async () => {
    check((await fetch(`${url}/api/v2/me`)).ok, "not logged in");
    const operate = (path, operationName, last, own = {}) => desk.operate([path, { operationName, ...COMMON, ...own }], last);
    await operate(CAMPAIGN, "StartPreviewSession", "PreviewSessionStarted");
    const [{ record }] = await operate(CAMPAIGN, "GetPreviewRecord", "PreviewRecord");
    const path = `/api/v2/me/outbound-records/${record.recordHandle}`;
    const found = phones(await operate(path, "GetChainedRecord", "ChainedRecordsDataEnd"));
    check(found.length === 2, `a chain of 2 records has ${found.length}`);
    const own = { callingList: record.callingList, phoneNumber: found[0] };
    await operate(path, "UpdateRecord", "UpdateCallCompletionStatsAcknowledge", { ...own, timeZone: "EST" });
    await operate(path, "CompleteRecord", "RecordProcessedAcknowledge", { ...own, callResult: "Answer" });
    await operate(CAMPAIGN, "EndPreviewSession", "PreviewSessionEnded");
  });
}

export const cometd = (url) => work(url, new LibraryDesk(url, { channels: CHANNELS }));
export const faye = (url) => work(url, new FayeDesk(url, { channels: CHANNELS }));
