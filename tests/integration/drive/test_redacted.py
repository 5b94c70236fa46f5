"""A redacted cassette and a file of values: the lab gets the real ones, and the new cassette keeps none of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recorder import Cassette
from tests.integration.drive.stage import LABS, assert_played_once, command, driven, recorded, told
from tests.lab.lab import Lab
from tests.lab.sessions import CUSTOMER, DRIVEN

pytestmark = [pytest.mark.node, pytest.mark.once]

REDACTED = LABS / "desk-redacted.cassette"
_TOKEN = "YWRhOmh1bnRlcjItUGE1NXdvcmQ="  # ada:hunter2-Pa55word
PLANTED = (_TOKEN, "hunter2-Pa55word", *CUSTOMER.values(), "4555017", "ada.lovelace")


def values(folder: Path) -> Path:
    """The file of values: what the redacted cassette has pseudonyms for."""
    with Cassette(REDACTED) as opened:
        sent = next(json.loads(one.request.body) for one in opened.triples() if one.operation == "UpdateRecord")
    lines = [f"{json.dumps(sent[name])} = {json.dumps(real)}" for name, real in CUSTOMER.items()]
    path = folder / "values.toml"
    path.touch(0o600)
    path.write_text(
        "\n".join(["[pseudonyms]", *lines, "[headers]", 'Authorization = { env = "LAB_AUTHORIZATION" }', ""])
    )
    return path


def test_the_lab_gets_the_real_values_and_the_new_cassette_has_none(tmp_path: Path) -> None:
    live = tmp_path / "live.cassette"
    own = {"LAB_AUTHORIZATION": f"Basic {_TOKEN}"}
    with Lab("cometd", tmp_path / "log") as lab:
        lab.options(**DRIVEN, firstHandle=4711, strictHandles=True)

        report = driven(REDACTED, lab.url, live, values=values(tmp_path), environ=own, send_recorded_credentials=False)

        lab.reset()
        sent = [line for line in lab.lines() if line["kind"] == "request"]
        assert told(report) == []
        assert {line["agent"] for line in sent} == {"ada"}
        typed = [line["body"] for line in sent if "lastName" in (line["body"] or {})]
        assert [{name: body[name] for name in CUSTOMER} for body in typed] == [CUSTOMER] * 3
        assert_played_once(lab, 0, recorded(REDACTED))

    with Cassette(live) as opened:
        kept = live.read_bytes() + repr(list(opened.records())).encode()
    assert [value for value in PLANTED if value.encode() in kept] == []
    assert not any(value in str(report) for value in PLANTED[:2])
    assert command("scan", live).returncode == 0
