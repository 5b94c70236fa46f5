"""Each mistake in a dialect is told with its line, its cause and a proposal that ends the mistake."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import names, parse, source
from recorder.errors import DialectError, SettingsError
from tests.answers import ANSWERS

GWS, SALESFORCE = source("gws-outbound"), source("salesforce-changes")
SAME = 'same = ["handle", "application", "campaign", "device", "calling_list", "phone"]'
ENOUGH = 'enough = [["handle"], ["phone"], ["campaign", "device"]]'
VOLATILE = '["body.timestamp", "data.metrics"]'
PREVIEW = '[operations.GetPreviewRecord]\nevents = ["PreviewRecord"]\nterminal = ["PreviewRecord"]'
HIDDEN = '[event]\nchannels = ["/{a}/{b}", "/data/{object}"]\n[event.keys]\norder = ["channel.object"]'
UPDATE = 'request = "PATCH /services/data/{version}/sobjects/{object}/{record}"'
CHANGE = "data.payload.ChangeEventHeader.changeType"
IGNORED = 'notification = ["{data.a}.{data.b}", "data.kind"]\n[event]\nignore = {"data.kind" = "UPDATE"}'
JOIN = '[operations.Join]\nrequest = "MESSAGE join"\nevents = []\nterminal = []\n'
MESSAGES = GWS.replace("methods = [", 'methods = ["MESSAGE", ').replace(PREVIEW, JOIN + PREVIEW)
ANY = '[operations.Any]\nrequest = "POST /services/{a}/{b}/{c}/{d}"\nevents = []\nterminal = []\n'

# The dialect, a text in it and what stands there in its place, the line that begins with this text, the key, the cause
# and the proposal. "=" instead of a line: the first line of what was put there.
MISTAKES = [
    # TOML
    (GWS, 'name = "gws-outbound"', "name = gws-outbound", "=", "TOML", "Invalid value", 'write texts as "text"'),
    (GWS, "open_for = 60.0", "open_for: 60.0", "=", "TOML", "Expected '='", "write KEY = VALUE"),
    (GWS, 'name = "gws-outbound"', "name = “gws”", "=", "TOML", "Invalid value", "in place of typographic ones"),
    (GWS, 'name = "gws-outbound"', 'name = "gws', "=", "TOML", "Illegal character", "with the same quotation mark"),
    (GWS, '"DELETE"]', '"DELETE"', "methods =", "TOML", "has no end", "write ] after its last value"),
    (GWS, '{campaign}",\n]', '{campaign}",\n', "routes =", "TOML", "has no end", "write ] after its last value"),
    (GWS, '"POST", "PUT"', '"POST" "PUT"', "methods =", "TOML", "Unclosed array", "write a comma between"),
    (GWS, 'unasked = ["PreviewRecord"]', "[twin]", "=", "TOML", "twice", "[twin] is in line 72 already"),
    (GWS, "grace = 2.0", "open_for = 2.0", "=", "TOML", "overwrite", "'open_for' is in line 18 already: write it once"),
    (GWS, "[ack]", "[ack", "=", "TOML", "end of a table", "end the name of the table with ]"),
    (GWS, 'name = "gws', r'name = "C:\gws', "=", "TOML", "Unescaped", "for a backslash"),
    # names of keys and tables
    (GWS, "session_keys =", "session_key =", "=", "session_key", "is unknown", "did you mean 'session_keys'?"),
    (GWS, "[replay]", "[reply]", "=", "reply", "is unknown", "did you mean 'replay'?"),
    (GWS, "[event.error]", "[event.errors]", "=", "event.errors", "is unknown", "did you mean 'error'?"),
    (GWS, "[operations.AddRecord]", "[operation.AddRecord]", "=", "operation", "is unknown", "mean 'operations'?"),
    (GWS, "path_keys =", "pathkeys =", "=", "event.pathkeys", "is unknown", "did you mean 'path_keys'?"),
    (GWS, "[replay]\n", "[replay]\nopen_for = 1\n", "open_for = 1", "replay.open_for", "is unknown",
     "before the first"),
    (GWS, PREVIEW, PREVIEW + '\nexact = ["reference"]', "exact =", "operations.GetPreviewRecord.exact", "is unknown",
     "write it before the first table"),
    (GWS, "unasked =", "minted =", "=", "tuple.minted", "is unknown", "did you mean it in [replay]?"),
    (GWS, "where_both =", "colour =", "=", "twin.colour", "is unknown", "known here: channel, of, same, where_both"),
    (GWS, "[twin]", "[session]\ntoken = []\n[twin]", "token =", "session.token", "is unknown", "mean 'tokens'?"),
    (GWS, "[twin]", "[publishing]\nchannels = []\n[twin]", "=", "publishing", "is unknown", "mean 'publish'?"),
    # push without Bayeux
    (GWS, "[twin]", '[push]\ntopic = "data.topicName"\n[twin]', "topic =", "push.topic", "must be a list of strings",
     'write topic = ["data.topicName"]'),
    (GWS, "[twin]", '[push]\ntopic = ["topicName"]\n[twin]', "topic =", "push.topic", "must begin with 'data'",
     "did you mean 'data.topicName'?"),
    (GWS, "[twin]", '[push]\nasks = ["data.type"]\n[twin]', "asks =", "push.asks", "must begin with 'body'",
     "did you mean 'body.type'?"),
    (GWS, "[twin]", "[push]\ntopic = []\n[twin]", "topic =", "push.topic", "is empty", 'or delete "topic"'),
    (GWS, "[twin]", '[push]\ntopics = ["data.x"]\n[twin]', "topics =", "push.topics", "is unknown", "mean 'topic'?"),
    (GWS, "[twin]", '[push]\ntopic = ["{data.x"]\n[twin]', "topic =", "push.topic", "has a brace", '"{data.x}"'),
    (MESSAGES, "MESSAGE join", "MESSAGE {join", "request =", "operations.Join.request", "has a brace",
     'write request = "MESSAGE {join}"'),
    (MESSAGES, "MESSAGE join", "message join", "request =", "operations.Join.request", "letter by letter",
     'write request = "MESSAGE join"'),
    (MESSAGES, 'methods = ["MESSAGE", ', "methods = [", "request =", "operations.Join.request",
     "'MESSAGE' is not in [request] methods", '"DELETE", "MESSAGE"] there'),
    # what is missing
    (GWS, "open_for = 60.0\n", "", 1, "open_for", "is missing", "write open_for = 60.0 before the first table"),
    (GWS, 'error_same = ["device"]\n', "", "[event]", "event.error_same", "is missing", "write error_same = []"),
    (SALESFORCE, "[ack]\nstatus = [] # the HTTP status reports success: 201 or 204\nsuccess = []", "", "[ack.keys]",
     "ack.status", "is missing", "write status = []"),
    (SALESFORCE, 'replay_id = "data.event.replayId"', "", "[push]", "push.replay_id", "is missing",
     'write replay_id = "data.event.replayId"'),
    (GWS, 'terminal = ["PreviewRecord"]', 'terminals = ["PreviewRecord"]', "=", "operations.GetPreviewRecord.terminal",
     "is missing", "rename 'terminals' to 'terminal'"),
    (GWS, GWS[GWS.index("[operations.StartP"):], "", 1, "operations", "is missing", "write a table [operations]"),
    # marks, names and sources that nothing fits
    (GWS, '"data.messageType" = "ErrorMessage"', '"data.messageType" = "Error*"', "=", "event.error.data.messageType",
     "compared letter by letter", "write each text"),
    (GWS, '"data.messageType" = "ErrorMessage"', "data.messageType = 7", "=", "event.error.data",
     "a path is one name", 'write "data.messageType" = ["7"]'),
    (SALESFORCE, 'object = ["path.object"]', 'object.id = ["path.object"]', "=", "request.keys.object",
     "is a table", 'write "object.id" = ["path.object"]'),
    (SALESFORCE, "[operations.CreateRecord]", "[operations.Create.Record]", "=", "operations.Create.Record",
     "is unknown", 'quotation marks: [operations."Create.Record"]'),
    (GWS, 'notification = ["data.notificationType", "data.userData.GSW_USER_EVENT"]',
     'notification = ["${data.notificationType}"]', "=", "event.keys.notification", "has a '$' before a brace",
     'write "{data.notificationType}"'),
    (SALESFORCE, f'notification = ["{CHANGE}"]', f'notification = ["{{{CHANGE}}}/{{data.x}}"]', 'events = ["CREATE"]',
     "operations.CreateRecord.events", "no source of `notification` gives such a name", "or change the sources"),
    (SALESFORCE, f'notification = ["{CHANGE}"]', IGNORED, "ignore = ", "event.ignore.data.kind",
     "an ignored event is never linked", "delete it in one"),
    (SALESFORCE, '"body.id"', '"cookie.Path"', 'record = ["cookie', "ack.keys.record", "is an attribute of a cookie",
     "cookie.sid"),
    (SALESFORCE, '"data.payload.ChangeEventHeader.recordIds.0"', '"data.payload.recordIds*"', 'record = ["data',
     "event.keys.record", "beside other characters", "did you mean 'data.payload.recordIds.*'?"),
    (SALESFORCE, '"data.payload.ChangeEventHeader.recordIds.0"]',
     '"channel.house"]\n[event]\nchannels = ["/a/{room}/{tenant}"]', 'record = ["channel',
     "event.keys.record", "is no part of a channel", "the parts are room, tenant"),
    (GWS, "/api/v2/me/outbound-records/{handle}", "/api/:v/me/outbound-records/:handle", "=", "request.routes",
     "compared letter by letter", 'write "/api/{v}/me/outbound-records/{handle}"'),
    # sources in the acks and requests of one operation
    (SALESFORCE, UPDATE, UPDATE + "\n[operations.UpdateRecord.ack_keys]\nrecord = []", "record = []",
     "operations.UpdateRecord.ack_keys.record", "is empty", "write the paths"),
    (SALESFORCE, UPDATE, UPDATE + '\nack_keys = {record = ["=a", "body.b"]}', "ack_keys = {",
     "operations.UpdateRecord.ack_keys.record", "comes after a constant", 'write ["body.b", "=a"]'),
    (SALESFORCE, UPDATE, UPDATE + '\nack_keys = {record = ["{body.a"]}', "ack_keys = {",
     "operations.UpdateRecord.ack_keys.record", "without its partner", 'write "{body.a}"'),
    (SALESFORCE, 'request = "POST /services/data/{version}/sobjects/{object}"',
     'request = "POST /services/data/{version}/sobjects/{object}"\nkeys = {record = ["path.record"]}', "keys = {",
     "operations.CreateRecord.keys.record", "no part of the request of this operation", "did you mean 'path."),
    (GWS, PREVIEW, PREVIEW + '\nrequest = "POST /preview"\nkeys = {handle = ["path.handle"]}', "keys =",
     "operations.GetPreviewRecord.keys.handle", "no part of the request of this operation", "write {handle} in"),
    (ANSWERS, "[event.keys]", '[event.keys]\nnotification = ["=event"]', "events = ",
     "operations./service/double.events", "no source of `notification` gives such a name", "change the sources"),
    # values of another kind
    (GWS, 'name = "gws-outbound"', "name = 7", "=", "name", "must be a string", 'write name = "7"'),
    (GWS, 'session_keys = ["device"]', 'session_keys = "device"', "=", "session_keys", "must be a list of strings",
     'write session_keys = ["device"]'),
    (GWS, 'success = ["0"]', "success = [0]", "=", "ack.success", "must be a list of strings", 'write success = ["0"]'),
    (GWS, "open_for = 60.0", 'open_for = "60s"', "=", "open_for", "must be a number", "write open_for = 60"),
    (GWS, "grace = 2.0", "grace = -2", "=", "grace", "must be 0 or more", "write grace = 2.0"),
    (GWS, "grace = 2.0", "grace = nan", "=", "grace", "must be 0 or more", "write grace = 2.0"),
    (GWS, "grace = 2.0", "grace = 1e9", "=", "grace", "must be at most", "write grace = 2.0"),
    (GWS, PREVIEW, PREVIEW + '\nonly = "yes"', "only =", "operations.GetPreviewRecord.only", "must be true or false",
     "write only = true"),
    (GWS, ENOUGH, 'enough = ["handle", "phone"]', "=", "tuple.enough", "must be a list of lists",
     'write enough = [["handle"], ["phone"]]'),
    (GWS, "[twin]", "[[twin]]", "=", "twin", "must be a table", "write [twin] and its keys"),
    (GWS, '"data.messageType" = "ErrorMessage"', '"data.messageType" = 7', "=", "event.error.data.messageType",
     "must be a string or a list", 'write "data.messageType" = ["7"]'),
    (GWS, '"data.messageType" = "ErrorMessage"', '"data.failed" = true', "=", "event.error.data.failed",
     "must be a string or a list", 'write "data.failed" = ["true"]'),
    (GWS, 'success = ["0"]', "success = true", "=", "ack.success", "must be a list", 'write success = ["true"]'),
    (GWS, 'success = ["0"]', "success = [true, 0]", "=", "ack.success", "must be a list",
     'write success = ["true", "0"]'),
    # the top of the file
    (GWS, 'name = "gws-outbound"', 'name = ""', "=", "name", "must have 1 to 64", 'write name = "my-api"'),
    (GWS, 'name = "gws-outbound"', 'name = "my api"', "=", "name", "must have 1 to 64", 'write name = "my-api"'),
    (GWS, '"/api/v2/notifications"', '"https://h.example/api/v2/notifications"', "bayeux_prefix", "bayeux_prefix",
     "must begin with a slash", 'write bayeux_prefix = "/api/v2/notifications"'),
    (GWS, '"/api/v2/notifications"', '"/cometd/*"', "bayeux_prefix", "bayeux_prefix", "compared letter by letter",
     'write bayeux_prefix = "/cometd"'),
    (GWS, '"/api/v2/notifications"', '"cometd"', "bayeux_prefix", "bayeux_prefix", "must begin with a slash",
     'write bayeux_prefix = "/cometd"'),
    (GWS, '["JSESSIONID"', '["JSESSIONID=x"', "session_cookies", "session_cookies", "no name of a cookie",
     'write its name alone, "JSESSIONID"'),
    (GWS, '["JSESSIONID"', '["Set-Cookie: JSESSIONID=1; Path=/"', "session_cookies", "session_cookies",
     "no name of a cookie", 'write its name alone, "JSESSIONID"'),
    (GWS, '["JSESSIONID"', '["JSESSIONID", "JSESSIONID"', "session_cookies", "session_cookies", "stands 2 times",
     'write ["JSESSIONID", "BAYEUX_BROWSER", "WORKSPACE_SESSIONID"]'),
    (GWS, '["JSESSIONID"', '["JSESSIONID "', "session_cookies", "session_cookies", "has white space around it",
     'write "JSESSIONID"'),
    (GWS, '["JSESSIONID"', '["", "JSESSIONID"', "session_cookies", "session_cookies", "is no value",
     'write session_cookies = ["JSESSIONID", "BAYEUX_BROWSER", "WORKSPACE_SESSIONID"]'),
    (GWS, "open_for = 60.0", "open_for = 0", "=", "open_for", "no operation ever waits", "write open_for = 60.0"),
    (GWS, "grace = 2.0", "grace = 200.0", "=", "grace", "is longer than open_for, 60", "write grace = 2"),
    # requests
    (GWS, '["POST", "PUT"', '["post", "PUT"', "methods", "request.methods", "letter by letter", 'write "POST"'),
    (GWS, '["POST", "PUT"', '["PSOT", "PUT"', "methods", "request.methods", "no method of HTTP", 'write "POST"'),
    (GWS, '["POST", "PUT", "DELETE"]', "[]", "methods", "request.methods", "is empty", 'write methods = ["POST"]'),
    (GWS, "records/{handle}", "records/:handle", '    "/api/v2/me/outbound-records', "request.routes", "':handle'",
     'write "/api/v2/me/outbound-records/{handle}"'),
    (GWS, "records/{handle}", "records/<handle>", '    "/api/v2/me/outbound-records', "request.routes", "'<handle>'",
     'write "/api/v2/me/outbound-records/{handle}"'),
    (GWS, "records/{handle}", "records/{handle", '    "/api/v2/me/outbound-records', "request.routes",
     "has a brace without its partner", 'write "/api/v2/me/outbound-records/{handle}"'),
    (GWS, "records/{handle}", "records/{handle}?a=1", '    "/api/v2/me/outbound-records', "request.routes",
     "has a query", 'write "/api/v2/me/outbound-records/{handle}"'),
    (GWS, '"/api/v2/me/outbound-rec', '"https://h/api/v2/me/outbound-rec', '    "https', "request.routes",
     "is a whole URL", 'write "/api/v2/me/outbound-records/{handle}"'),
    (GWS, "outbound-campaigns/{campaign}", "outbound-records/{campaign}", '    "/api/v2/me/outbound-records/{camp',
     "request.routes", "{campaign} of '/api/v2/me/outbound-records/{campaign}' is never found", "such as {handle}"),
    (GWS, 'operation = ["body.operationName"]\n', "", "[request]", "request.operation", "nothing is an operation",
     'write operation = ["body.…"]'),
    (SALESFORCE, UPDATE, "", "[operations.UpdateRecord]", "operations.UpdateRecord.request", "nothing asks for this",
     'write request = "POST /a/{id}"'),
    (SALESFORCE, UPDATE, UPDATE.replace("PATCH ", ""), "=", "operations.UpdateRecord.request", "a method and a path",
     'write request = "POST /services/data/{version}/sobjects/{object}/{record}"'),
    (SALESFORCE, UPDATE, UPDATE.replace("PATCH", "patch"), "=", "operations.UpdateRecord.request", "letter by letter",
     f"write {UPDATE}"),
    (SALESFORCE, UPDATE, UPDATE.replace("PATCH", "PUT"), "=", "operations.UpdateRecord.request",
     "'PUT' is not in [request] methods", 'write methods = ["POST", "PATCH", "DELETE", "PUT"] there'),
    (SALESFORCE, UPDATE, UPDATE.replace("PATCH",
     "DELETE"), 'request = "DELETE /services/data/{version}/sobjects/{object}/{record}"\nevents = ["DELETE"]',
     "operations.DeleteRecord.request", "never counts: [operations.UpdateRecord]", "delete one of them"),
    (SALESFORCE, "[operations.CreateRecord]", ANY + "[operations.CreateRecord]",
     'request = "POST /services/data', "operations.CreateRecord.request", "never counts: [operations.Any]",
     "write this operation before [operations.Any]"),
    # keys
    (GWS, '["body.phoneNumber"]', '["$.phoneNumber"]', "phone", "request.keys.phone", "must begin",
     "body.phoneNumber'?"),
    (GWS, '["body.phoneNumber"]', '["/body/phones/0"]', "phone", "request.keys.phone", "must begin",
     "'body.phones.0'?"),
    (GWS, '["body.phoneNumber"]', '["body.phones[0]"]', "phone", "request.keys.phone", "brackets", "'body.phones.0'?"),
    (GWS, '["body.phoneNumber"]', '["body.phones.-1"]', "phone", "request.keys.phone", "the end", "'body.phones.*'?"),
    (GWS, '["body.phoneNumber"]', '["body.phone."]', "phone", "request.keys.phone", "no value", "write 'body.phone'"),
    (GWS, '["body.phoneNumber"]', '["body.**.phone"]', "phone", "request.keys.phone", "'*'", "'body.*.phone'?"),
    (GWS, '["body.phoneNumber"]', '["data.phone"]', "phone", "request.keys.phone", "must begin", "'body.phone'?"),
    (GWS, '["body.phoneNumber"]', '["path.phone"]', "phone", "request.keys.phone", "in no route", "name the part"),
    (GWS, '["body.phoneNumber"]', '["header.Authorization"]', "phone", "request.keys.phone", "redacted", "delete it"),
    (GWS, '["body.phoneNumber"]', "[]", "phone", "request.keys.phone", "is empty", "write the paths"),
    (GWS, '["body.phoneNumber"]', '["="]', "phone", "request.keys.phone", "without text", 'as in "=Order"'),
    (GWS, '["body.phoneNumber"]', '["=1", "body.a"]', "phone", "request.keys.phone", "after a constant",
     'write ["body.a", "=1"]'),
    (GWS, '["body.phoneNumber"]', '["{body.a"]', "phone", "request.keys.phone", "a brace", 'write "{body.a}"'),
    (GWS, '["body.phoneNumber"]', '["{body.a}-{=x}"]', "phone", "request.keys.phone", "constant", 'write "{body.a}-x"'),
    (GWS, 'phone = ["body', 'fone = ["body', SAME, "tuple.same", "only requests 'fone'", "write one name in both"),
    (GWS, 'reference = ["data.ref', 'refrence = ["data.ref', "refrence", "event.keys.refrence", "stands only here",
     "write one name in both"),
    (GWS, 'notification = ["data.n', 'notifcation = ["data.n', "notifcation", "event.keys.notifcation",
     "an event has the name of its channel", "rename 'notifcation' to 'notification'"),
    (GWS, '["data.referenceId"]', '["body.referenceId"]', 'reference = ["body.referenceId"]\ninner_reference = ["data',
     "event.keys.reference", "must begin with 'data'", "'data.referenceId'?"),
    (GWS, '["data.referenceId"]', '["channel.order"]', 'reference = ["channel', "event.keys.reference",
     "a part of a channel", '[event] channels = ["/a/{order}"]'),
    (GWS, PREVIEW, PREVIEW + '\n[operations.GetPreviewRecord.keys]\nphon = ["=1"]', "phon =",
     "operations.GetPreviewRecord.keys.phon", "no event has this key", "did you mean 'phone'?"),
    (GWS, PREVIEW, PREVIEW + '\n[operations.GetPreviewRecord.ack_keys]\nphone = ["{body.p"]', 'phone = ["{body.p',
     "operations.GetPreviewRecord.ack_keys.phone", "a brace without its partner", 'write "{body.p}"'),
    (GWS, PREVIEW, PREVIEW + '\n[operations.GetPreviewRecord.ack_keys]\nphone = ["path.handle"]', 'phone = ["path.h',
     "operations.GetPreviewRecord.ack_keys.phone", "must begin with 'body'", "did you mean 'body.handle'?"),
    (GWS, "grace = 2.0", 'grace = 2.0\nexact = ["refernce"]', "exact", "exact", "no", "did you mean 'reference'?"),
    (GWS, "grace = 2.0", 'grace = 2.0\nexact = ["customer"]', "exact", "exact", "only events have 'customer'",
     "define it in [request.keys]"),
    # acks and events
    (GWS, 'status = ["body.statusCode"]', "status = []", "=", "ack.status", "`success` is never compared",
     "success = []"),
    (GWS, 'success = ["0"]', "success = []", "=", "ack.success", "is a refusal", 'mean success: ["0"]'),
    (GWS, '"data.messageType" = "Err', '"messageType" = "Err', "=", "event.error.messageType", "must begin with 'data'",
     "'data.messageType'?"),
    (GWS, '"data.messageType" = "ErrorMessage"\n', "", "[event.error]", "event.error", "names no mark", "write one"),
    (SALESFORCE, "[event.keys]", "[event]\nerror_after_ack = true\n[event.keys]", "error_after",
     "event.error_after_ack",
     "has no effect", "write its marks"),
    (GWS, "[event.keys]", '[event.ignore]\n"data.messageType" = "ErrorMessage"\n[event.keys]',
     '"data.messageType" = "ErrorMessage"\n[event.keys]', "event.ignore.data.messageType", "marks errors", "delete it"),
    (GWS, "[event.keys]", '[event.ignore]\nchannel = ["/beat/*"]\n[event.keys]', 'channel = ["/beat',
     "event.ignore.channel",
     "letter by letter", 'such as "/beat"'),
    (GWS, "[event.keys]", '[event.ignore]\nchannel = "beat"\n[event.keys]', 'channel = "beat', "event.ignore.channel",
     "is no channel", 'write "/beat"'),
    (SALESFORCE, "[event.keys]", '[event.ignore]\n"data.payload.ChangeEventHeader.changeType" = "CREATE"\n[event.keys]',
     '"data.payload', "event.ignore.data.payload.ChangeEventHeader.changeType", "an event of [operations.CreateRecord]",
     "delete it in one of both"),
    (SALESFORCE, "[event.keys]", '[event]\nchannels = ["/topic/*"]\n[event.keys]', "channels", "event.channels", "'*'",
     'write "/topic/{id}"'),
    # rules
    (GWS, 'channel = "/me/internal"', 'channel = "/v2/me/outbound"', "=", "twin.channel", "its own copy",
     "delete [twin]"),
    (GWS, 'channel = "/me/internal"', 'channel = "/me/*"', "=", "twin.channel", "letter by letter", 'such as "/me"'),
    (GWS, 'of = "/v2/me/outbound"', 'of = "v2/me/outbound"', "=", "twin.of", "is no channel",
     'write "/v2/me/outbound"'),
    (GWS, 'same = ["handle", "application", "campaign", "device", "notification"]', "same = []", "=", "twin.same",
     "names no key", "write keys of [event.keys]"),
    (GWS, SAME, SAME.replace('"phone"', '"phon"'), "=", "tuple.same", "not a possible key", "did you mean 'phone'?"),
    (GWS, SAME, SAME.replace('"phone"', '"customer"'), "=", "tuple.same", "only events have 'customer'", "define it"),
    (GWS, ENOUGH, 'enough = [["handle"], ["customer"]]', "=", "tuple.enough", "not a possible key", "in [tuple] same"),
    (GWS, ENOUGH, "enough = []", "=", "tuple.enough", "has no group", "write keys of `same`"),
    (GWS, ENOUGH, 'enough = [["phone"], ["phone", "handle"]]', "=", "tuple.enough", "never counts", "write it before"),
    (GWS, ENOUGH, 'enough = [[], ["phone"]]', "=", "tuple.enough", "never counts", "write it before"),
    (GWS, 'unasked = ["PreviewRecord"]', 'unasked = ["PreviewRecrd"]', "=", "tuple.unasked", "of no operation",
     "did you mean 'PreviewRecord'?"),
    (GWS, 'unasked = ["PreviewRecord"]', 'unreferenced = ["Ringing"]', "=", "tuple.unreferenced", "of no operation",
     "delete it here"),
    (GWS, "[replay]", '[siblings]\nsame = ["transaction"]\n[replay]', 'same = ["transaction"]', "siblings.same",
     "not a possible key", "define 'transaction' in [event.keys]"),
    # operations
    (GWS, 'terminal = ["PreviewRecord"]', 'terminal = ["PreviewRecrd"]', "=", "operations.GetPreviewRecord.terminal",
     "is not in the list `events`", "did you mean 'PreviewRecord'?"),
    (GWS, 'events = ["ChainedRecord", ', 'events = ["Chained*", ', "=", "operations.GetChainedRecord.events",
     "letter by letter", "write the name of each event"),
    (GWS, "events = []\nterminal = []\n", "events = []\nterminal = []\nonly = true\n", "only",
     "operations.StartContactCenterSession.only", "no effect without events", "delete `only`"),
    (GWS, PREVIEW, PREVIEW + '\nonly = true\nkeys = {phone = ["body.p"]}', "only", "operations.GetPreviewRecord.only",
     "its key 'phone' is one of events too", "delete `only`"),
    (SALESFORCE, SALESFORCE[SALESFORCE.index("[operations.Create"):], "[operations]\n", "=", "operations",
     "names no operation", "[operations.NAME]"),
    (ANSWERS, 'events = ["/result"]', 'events = ["/result", "done"]', "=", "operations./service/double.events",
     "'done' is no channel", 'write "/done"'),
    (ANSWERS, '[operations."', '[operations.X]\nrequest = "PUBLISH /b/{x}"\nevents = []\nterminal = []\n[operations."',
     "request =", "operations.X.request", "none of the channels", 'add "/b/**" to them'),
    (SALESFORCE, UPDATE, UPDATE + '\n[operations.UpdateRecord.keys]\nobject = ["path.objct"]', 'object = ["path.objct',
     "operations.UpdateRecord.keys.object", "no part of the request of this operation", "did you mean 'path.object'?"),
    (SALESFORCE, "[event.keys]", HIDDEN, "channels", "event.channels", "{object} of '/data/{object}' is", "first"),
    (GWS, '["body.phoneNumber"]', '["query.phone=1"]', "phone", "request.keys.phone", "no name of a parameter",
     "'query.phone'?"),
    (GWS, '["body.userData.GSW_REFERENCE_ID"]', '["=1"]', 1, "exact", "'inner_reference' is a constant", "delete it"),
    (GWS, ENOUGH, 'enough = [["phone", "phone"]]', "=", "tuple.enough", "stands 2 times", 'write ["phone"]'),
    (GWS, "[replay]", '[siblings]\nsame = ["notification"]\n[replay]', 'same = ["not', "siblings.same",
     "is the name of an event", "write the key"),
    # replays, sessions, push
    (GWS, '"inner_reference", "device"]', '"inner_reference", "devise"]', "minted", "replay.minted", "not a possible",
     "did you mean 'device'?"),
    (GWS, 'per_operation = ["reference", ', 'per_operation = ["handle", ', "=", "replay.per_operation",
     "not a possible",
     "in [replay] minted"),
    (GWS, VOLATILE, '["body.referenceId"]', "volatile", "replay.volatile", "where the key 'reference' is", "delete it"),
    (GWS, VOLATILE, '["timestamp"]', "volatile", "replay.volatile", "must begin with", "'body.timestamp'?"),
    (GWS, "[replay]", '[replay]\nshift = ["query.ts"]', "shift", "replay.shift", "must begin with", "'body.ts'?"),
    (GWS, "[twin]", '[session]\ntokens = ["cookie.sid"]\n[twin]', "tokens", "session.tokens", "must begin",
     'session_cookies = ["sid"]'),
    (GWS, "[twin]", '[session.minted]\n"/login" = ["body.t"]\n[twin]', '"/login"', "session.minted./login",
     "a method and a path", 'write "POST /login"'),
    (SALESFORCE, '"data.event.replayId"\n', '"event.replayId"\n', "replay_id", "push.replay_id",
     "must begin with 'data.'",
     'write replay_id = "data.event.replayId"'),
    (GWS, "[replay]", '[drive]\nunwaited = ["GetChainedRecrd"]\n[replay]', "unwaited", "drive.unwaited",
     "is no operation", "did you mean 'GetChainedRecord'?"),
    (GWS, "[replay]", '[drive]\nunwaited = ["GET api/v2/me"]\n[replay]', "unwaited", "drive.unwaited",
     "must begin with a slash", 'write "GET /api/v2/me"'),
    (GWS, "[event]", '[event]\nordered = "PreviewRecord"', "ordered", "event.ordered", "must be a list",
     'write ordered = ["PreviewRecord"]'),
    (GWS, "[event]", "[event]\nordered = [[]]", "ordered", "event.ordered", "must be a list", '"/orders/*"'),
    (GWS, "[event]", '[event]\nordered = ["/v2/*/me"]', "ordered", "event.ordered", "no channel and no pattern",
     'write "/a/b"'),
    (ANSWERS, "/service/**", "/service/**/x", "channels", "publish.channels", "is no channel", 'write "/a/b"'),
]  # fmt: skip


def problems(text: str) -> list[SettingsError]:
    with pytest.raises(DialectError) as caught:
        parse(text, path="mine.toml")
    return list(caught.value.problems)


def with_mistake(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1
    return text.replace(old, new, 1)


def line_of(text: str, begin: str) -> int:
    return text[: f"\n{text}".index(f"\n{begin}")].count("\n") + 1


@pytest.mark.parametrize(("text", "old", "new", "line", "key", "cause", "meant"), MISTAKES)
def test_a_mistake_is_told_with_its_line_its_cause_and_a_proposal(  # noqa: PLR0917  # a row of the table
    text: str, old: str, new: str, line: str | int, key: str, cause: str, meant: str
) -> None:
    wrong = with_mistake(text, old, new)
    place = text[: text.index(old)].count("\n") + 1 if line == "=" else line
    place = place if isinstance(place, int) else line_of(wrong, place)

    told = [str(problem) for problem in problems(wrong)]

    (own,) = [one for one in told if one.startswith(f"mine.toml:{place}: {key}: ") and cause in one and meant in one]
    assert own.index(cause) < own.rindex(meant)
    assert all("; " in one or ": " in one.split(": ", 2)[2] for one in told)


def test_the_table_is_long_enough() -> None:
    assert len(MISTAKES) >= 100
    assert len({(key, cause) for *_, key, cause, _ in MISTAKES}) >= 90


def typed(text: str, problem: SettingsError) -> str | None:
    """The text with a proposal typed in, None for a proposal that leaves something to the author."""
    told, lines, at = problem.problem, text.split("\n"), (problem.line or 1) - 1
    name = problem.key.rpartition(".")[2]
    if any(words in told for words in ("…", "such as", "there", "/a/")):
        return None
    if found := re.search(rf"; write ({name} = [^,;]*?(?:\[.*\])?)( before the first table)?$", told):
        kept = lines[at : at + 1] if "is missing" in told else []
        lines[at : at + 1] = [found[1], *kept] if found[2] else [*kept, found[1]]
        return "\n".join(lines)
    if found := re.search(r"rename '(.+)' to '(.+)'$", told):
        lines[at] = lines[at].replace(found[1], found[2], 1)
        return "\n".join(lines)
    wrong = re.match(r"'(.+?)' ", told)
    right = re.search(r"(?:write|write its name alone,|did you mean) ['\"]([^'\"]+)['\"]\??$", told)
    if right and (wrong or "is unknown" in told):
        old = wrong[1] if wrong else name
        lines[at] = lines[at].replace(old, right[1], 1)
        return "\n".join(lines)
    return None


def is_ended(wrong: str) -> bool:
    """Return whether a dialect is taken once its proposals are typed in, one after the other."""
    for _ in range(4):
        told = problems(wrong)
        wrong = typed(wrong, told[0]) or wrong
        try:
            parse(wrong, path="mine.toml")
        except DialectError as exc:
            assert str(exc.problems[0]) != str(told[0])  # noqa: PT017  # another mistake, which the first one hid
        else:
            return True
    return False


def test_a_proposal_that_is_typed_in_ends_the_mistake() -> None:
    mistakes = [with_mistake(text, old, new) for text, old, new, *_ in MISTAKES]
    proposed = [wrong for wrong in mistakes if typed(wrong, problems(wrong)[0]) is not None]

    assert [wrong for wrong in proposed if not is_ended(wrong)] == []
    assert len(proposed) >= 75


def test_all_mistakes_are_told_by_line_and_the_first_says_how_to_see_the_others() -> None:
    wrong = (
        GWS.replace("grace = 2.0", "grace = -1").replace('"body.phoneNumber"', '"phone"').replace("[twin]", "[[twin]]")
    )

    with pytest.raises(DialectError) as caught:
        parse(wrong, path="mine.toml")

    lines = [problem.line for problem in caught.value.problems]
    assert lines == sorted(lines, key=lambda line: line or 0)
    assert len(lines) == 3
    assert str(caught.value) == (
        "mine.toml:19: grace: must be 0 or more; write grace = 2.0 (2 more mistakes: recorder dialect check mine.toml)"
    )


def test_one_mistake_says_nothing_of_others() -> None:
    (told,) = problems(GWS.replace("grace = 2.0", "grace = -1"))

    assert str(told) == "mine.toml:19: grace: must be 0 or more; write grace = 2.0"


def test_lines_are_those_of_a_file_with_crlf() -> None:
    (told,) = problems(GWS.replace("grace = 2.0", "grace = -1").replace("\n", "\r\n"))

    assert told.line == 19


def test_a_line_is_found_behind_values_of_several_lines() -> None:
    text = GWS.replace(ENOUGH, 'enough = [\n    ["handle"],\n    ["x"]\n]').replace(
        "[replay]\n", "[replay]\ncolour = 1\n"
    )

    unlike, unknown = problems(text)

    assert text.split("\n")[(unlike.line or 0) - 1] == '    ["x"]'
    assert text.split("\n")[(unknown.line or 0) - 1] == "colour = 1"


def test_a_byte_order_mark_is_a_mistake() -> None:
    (told,) = problems("\N{ZERO WIDTH NO-BREAK SPACE}" + GWS)

    assert str(told) == ("mine.toml:1: TOML: begins with a byte order mark; save the file as UTF-8 without it (BOM)")


@pytest.mark.parametrize("char", [chr(0xD800), chr(0xDCFF)])
def test_half_a_character_is_a_mistake(char: str) -> None:
    (told,) = problems(f"{GWS}# {char}")

    line = GWS.count("\n") + 1
    assert str(told) == f"mine.toml:{line}: TOML: {char!r} is half a character; write the whole character, or delete it"


@pytest.mark.parametrize("name", names())
def test_a_shipped_dialect_has_no_mistakes(name: str) -> None:
    assert parse(source(name), path=f"{name}.toml").name == name


SHIPPED = [entry.read_text("utf-8") for entry in files("recorder.dialect").iterdir() if entry.name.endswith(".toml")]
CHANGES = st.sampled_from(["delete a character", "delete a line", "double a line", "swap two lines", "swap two values"])


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A shipped dialect with a few small changes, as of a slip of the hand."""
    text = draw(st.sampled_from(SHIPPED))
    for change in draw(st.lists(CHANGES, min_size=1, max_size=3)):
        lines = text.split("\n")
        one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match change:
            case "delete a character":
                at = draw(st.integers(0, len(text) - 1))
                text = text[:at] + text[at + 1 :]
            case "delete a line":
                text = "\n".join(lines[:one] + lines[one + 1 :])
            case "double a line":
                text = "\n".join([*lines[: one + 1], *lines[one:]])
            case "swap two lines":
                lines[one], lines[other] = lines[other], lines[one]
                text = "\n".join(lines)
            case _:
                (first, mine), (second, its) = (line.rpartition(" = ")[::2] for line in (lines[one], lines[other]))
                lines[one], lines[other] = f"{first} = {its}", f"{second} = {mine}"
                text = "\n".join(lines)
    return text


@given(changed())
def test_any_slip_is_a_dialect_or_a_mistake_in_a_line_that_exists(text: str) -> None:
    try:
        parse(text, path="mine.toml")
    except DialectError as exc:
        for problem in exc.problems:  # many slips are no mistakes
            assert problem.line in range(1, text.count("\n") + 2)
            assert "; " in problem.problem
