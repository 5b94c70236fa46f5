"""What the tests of the lab share: a bare Bayeux client, and the requests it sends."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any

from tests.lab.lab import Cause, Lab

DEVICE = "/devices/d1"
CHANNELS = ["/v2/me/outbound", "/me/internal", "/v2/me/devices"]
RECORDS = "/api/v2/me/outbound-records"
CAMPAIGN = "/api/v2/me/outbound-campaigns/Pull%20Preview%20Campaign"
BAYEUX = "/api/v2/notifications"


class Desktop:
    """The least of a Bayeux client: it polls when told to, and then only takes what is waiting."""

    def __init__(self, lab: Lab, auth: str | None = None) -> None:
        self._port = lab.port
        self._cookies: list[str] = []
        self._headers = {"Content-Type": "application/json"}
        if auth is not None:
            self._headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
        (reply,) = self._send({"channel": "/meta/handshake", "version": "1.0"})
        self._client_id = reply["clientId"]
        self._send(*({"channel": "/meta/subscribe", "subscription": name} for name in CHANNELS))
        self.poll()  # the first one is never held

    def _send(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        common = {"id": "1", "supportedConnectionTypes": ["long-polling"], "connectionType": "long-polling"}
        own = {"clientId": self._client_id} if hasattr(self, "_client_id") else {}
        _, replies = self.request("POST", BAYEUX, [common | own | message for message in messages])
        assert isinstance(replies, list)
        return replies

    def poll(self) -> list[tuple[str, Any]]:
        replies = self._send({"channel": "/meta/connect", "advice": {"timeout": 0}})
        return [(reply["channel"], reply["data"]) for reply in replies if "data" in reply]

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request(method, path, json.dumps(body), self._headers | {"Cookie": "; ".join(self._cookies)})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        # cometd-nodejs-server knows a session by its cookie, so it has to survive the one of GWS.
        self._cookies += [cookie.partition(";")[0] for cookie in response.headers.get_all("Set-Cookie", [])]
        return response.status, json.loads(text) if text.startswith(("{", "[")) else text


def chained(**own: Any) -> dict[str, Any]:
    body = {"operationName": "GetChainedRecord", "applicationId": 134, "campaignName": "Campaign1"}
    return {"path": f"{RECORDS}/7", "body": body | {"devicePath": DEVICE} | own, "timeout": 5}


def name(data: Any) -> str:
    """The notification, of a record message or of its twin."""
    label: str = data["notificationType"] if "notificationType" in data else data["userData"]["GSW_USER_EVENT"]
    return label


def last(lab: Lab) -> Cause:
    return lab.truth()[-1]
