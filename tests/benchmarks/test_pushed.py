"""Rows of push without Bayeux: what is counted, and that those of other tools can be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import pages
from benchmarks.pushed import (
    ANSWER,
    LIVE_TOOL,
    OURS,
    PLAYWRIGHT,
    QUICK,
    TOOLS,
    Row,
    Setting,
    bench,
    main,
    row,
    settings,
)
from tests.clients.crossing import LIVE, OTHER, Lines
from tests.lab.browser import browsing
from tests.lab.push.lab import FLAG, play, script, serving_push

FRESH = Setting(OURS, "sse", 0.3, "fresh", 1, "1")
PEER = Setting(PLAYWRIGHT, "socket", 0.0, "fresh")


def session(prefix: str, client: int = 0) -> Lines:
    def event(step: int, name: str) -> dict[str, Any]:
        data = {"ref": f"{prefix}{step}", "serial": step}
        return {"kind": "event", "step": step, "channel": name, "data": data, "client": client}

    return [event(1, "accepted"), event(1, "sent"), event(2, "changed")]


RECORDED = session(LIVE)
ALL = session(f"{OTHER}0-")


def counts(lines: Lines, setting: Setting = FRESH) -> tuple[int, int, int, int]:
    found = row(setting, RECORDED, lines)
    return found.early, found.wrong, found.lost, found.doubled


def at(step: int, line: Mapping[str, Any]) -> dict[str, Any]:
    return {**line, "step": step}


def test_what_came_as_it_was_recorded_under_other_ids_is_clean() -> None:
    assert row(FRESH, RECORDED, ALL).clean


def test_each_of_several_clients_is_to_hear_all_of_its_own() -> None:
    two = Setting(OURS, "sse", 0.3, "fresh", 2, "1")

    found = row(two, RECORDED, [*ALL, *session(f"{OTHER}1-", 1)])
    crossed = row(two, RECORDED, [*ALL, *session(f"{OTHER}0-", 1)])

    assert (found.heard, found.of, found.clean) == (6, 6, True)
    assert crossed.wrong == 3


def test_event_before_its_step_is_early() -> None:
    assert counts([*ALL[:2], at(1, ALL[2])]) == (1, 0, 0, 0)


def test_recorded_id_in_place_of_the_live_one_is_wrong() -> None:
    assert counts([*ALL[:2], RECORDED[2]]) == (0, 1, 0, 0)
    assert counts(RECORDED, Setting(OURS, "sse", 0.3, "same", 1, "1")) == (0, 0, 0, 0)


def test_event_that_does_not_come_is_lost() -> None:
    assert counts(ALL[:2]) == (0, 0, 1, 0)
    assert not row(FRESH, RECORDED, ALL[:2]).clean


def test_event_that_comes_again_is_doubled() -> None:
    assert counts([*ALL, ALL[2]]) == (0, 0, 0, 1)


def test_event_of_no_step_is_doubled_and_an_answer_to_nobody_is_wrong() -> None:
    closed = {**ALL[2], "channel": "closed", "data": {"code": 1000}}
    answer = {**ALL[2], "channel": ANSWER, "data": {"id": "live-q1"}}

    assert counts([*ALL, closed]) == (0, 0, 0, 1)
    assert counts([*ALL, answer]) == (0, 1, 0, 0)


def test_request_without_an_answer_is_refused() -> None:
    refused = {"kind": "refused", "step": 2, "why": "404", "client": 0}

    assert row(FRESH, RECORDED, [*ALL, refused]).refused == 1
    assert not row(FRESH, RECORDED, [*ALL, refused]).clean


def test_row_of_a_server_that_failed_is_not_clean() -> None:
    assert not row(FRESH, RECORDED, ALL, "exit code 1").clean


def test_each_tool_is_tried_with_each_push_and_with_other_ids() -> None:
    tried = {(one.tool, one.push, one.ids) for one in settings(TOOLS, quick=False)}

    assert {one for one in tried if one[2] == "fresh"} == {
        (tool, push, "fresh") for tool in TOOLS for push in ("sse", "socket", "rpc")
    }


def test_help_explains_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out

    assert [field.name for field in fields(Row) if f"\n  {field.name} " not in text] == ["of", "note"]


@pytest.mark.node
@pytest.mark.once
def test_stand_in_is_clean_by_sse_and_on_a_socket_and_mitmproxy_has_its_row(tmp_path: Path) -> None:
    rows = asyncio.run(bench(tmp_path, quick=True, tools=QUICK))

    live, ours = ([one for one in rows if one.tool == tool] for tool in (LIVE_TOOL, OURS))
    assert [one.push for one in ours if one.clean] == ["SSE", "WebSocket"], rows
    assert [one.push for one in live if one.clean] == ["SSE", "WebSocket"], rows
    assert [(one.push, one.of) for one in rows if one.tool == "mitm"] == [("SSE", ours[0].of)]


@pytest.mark.node
def test_desk_with_patience_goes_on_without_answers_and_events(tmp_path: Path) -> None:
    given = script("sse", OTHER)
    (desk,) = given["desks"]
    desk |= {"patience": 0.3, "steps": [step for step in desk["steps"] if step["do"] in {"open", "change"}]}

    with serving_push("socket", tmp_path / "truth.jsonl") as served:  # it has no /events
        for library in ("httpx-sse", "eventsource"):
            lines = play(library, served.url, given)

            assert [line["step"] for line in lines if line["kind"] == "refused"] == [1], library  # nobody has logged in
            assert lines[-1]["kind"] == "done"


@pytest.mark.node
@pytest.mark.browser
def test_row_of_playwright_can_be_had(tmp_path: Path) -> None:
    given = script("socket", f"{OTHER}0-")
    given["desks"][0]["patience"] = 0.3
    with browsing(FLAG) as browser:
        with serving_push("socket", tmp_path / "truth.jsonl") as served:
            taken = pages.record(browser, tmp_path / "page.har", served.url, script("socket", LIVE))
        lines = pages.replay(browser, taken, given)

    found = row(PEER, taken.lines, lines)

    assert [len(said) > 3 and closed is not None for said, closed in taken.sockets] == [True, False]
    assert json.loads(taken.har.read_text())["log"]["entries"]
    assert found.of == sum(line["kind"] == "event" for line in taken.lines)
    assert found.heard > 0
    assert found.early > 0
