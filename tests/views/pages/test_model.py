"""The model of the page's script is what Python says of the same recording, whatever stands in it."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.reader import Cassette
from recorder.dialect.definition import load
from recorder.views import data
from recorder.views.document import Document, text_of
from recorder.views.filter import fits, parse
from recorder.views.report import Source, document, part, parts
from tests.views.late import late_session
from tests.views.pages.opened import recordings
from tests.wire import HEADER, Ask, Wire, chained, record_event

pytestmark = [pytest.mark.node, pytest.mark.once]

SCRIPT = Path(__file__).parent / "model.js"
ODD = [
    "__proto__", "constructor", "</script><b>", "a\ud800b", "{{rows}}", "\u2028\u202e\x00", '\\"', "\\\\", "'", "",
    "👩\u200d👩", "1e400", "NaN",
]  # fmt: skip
NUMBERS = [2**53 + 1, -(10**30), 1.0, -0.0, 1e-9, 5e21, 0, -7, 0.25, 123456789012345678, True, None]
EXPRESSIONS = [
    "", "op:Get*", "last:>40 -state:complete", "CampaignName", "desk or r-70", "-r-801", '"r-801" op:*',
    "confidence:<1", "status:500", "Client", "nothing-like-it", "(",
]  # fmt: skip


def told(document: Document, asked: Sequence[str] = ()) -> dict[str, Any]:
    """What the script says of a document, and which triples it finds."""
    blocks = [[gzip.decompress(block).decode() for block in one.all()] for one in document.blocks]
    given = text_of({"rows": document.rows, "blocks": blocks, "asked": asked}).encode("utf-8", "replace")
    done = subprocess.run(["node", SCRIPT], input=given, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def odd_session() -> Wire:
    """Odd names, texts and numbers in each place a stranger can write to."""
    wire = Wire()
    desk = wire.desk()
    for text in ODD:
        desk.headers = (("X-Text", text),)
        own = {text: {text: [text, NUMBERS]}, "campaignName": text, "operationName": text, "referenceId": text}
        event = record_event(text or "x", text, text) | {"channel": f"/v2/{text}"}
        event["data"][text] = NUMBERS
        desk.asks(Ask(f"/api/v2/me/outbound-records/{text}", {**chained(text, text).content, **own}), event, ms=50)
        wire.respond(desk.post(Ask(f"/{text}", text.encode("utf-8", "replace"))), text.encode("utf-8", "replace"))
        desk.hears({"channel": f"/loose/{text}", "data": {text: NUMBERS}})
    deep: Any = "x"
    for _ in range(49):
        deep = [{"inner": deep}]
    wire.respond(desk.post(Ask("/deep", {"deep": deep})), {"deep": deep})
    return wire


def of(*wires: Wire) -> Document:
    return document([part(f"{n}", Cassette(HEADER, tuple(wire.records)), load()) for n, wire in enumerate(wires)], "t")


def read(value: Any) -> Any:
    """A value as UTF-8 holds it."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


@pytest.mark.parametrize("wires", [(late_session(),), (odd_session(),), (late_session(), late_session()), (Wire(),)])
def test_the_script_tells_of_each_item_what_python_tells(wires: tuple[Wire, ...]) -> None:
    made = of(*wires)
    expected = [read(one) for one in recordings(made)]

    found = told(made)

    for kind, name in (("triples", "triples"), ("plain", "plain"), ("unsolicited", "loose")):
        items = sorted((item for one in expected for item in one[kind]), key=lambda item: item["at"])
        assert [shown(item) for item in found[name]] == [wanted(item) for item in items]
    assert found["polls"] == sorted((poll for one in expected for poll in one["polls"]), key=lambda poll: poll[1])
    assert (found["known"], found["unknown"]) == (True, [])
    kinds = ["error", "warning", "info"]
    assert found["problems"] == sorted(found["problems"], key=lambda one: (kinds.index(one[0]), one[1]))
    assert len(found["problems"]) == sum(len(one["problems"]) for one in expected)


def shown(item: dict[str, Any]) -> dict[str, Any]:
    """Of what the script says, what the rows and blocks hold too."""
    detail = item["detail"]
    if "events" not in item:
        return {name: item[name] for name in ("name", "channel", "at")} | detail
    events = [
        {name: event[name] for name in ("name", "channel", "at", "rule", "confidence")} | more
        for event, more in zip(item["events"], detail["events"], strict=True)
    ]
    names = ("n", "record", "operation", "session", "state", "at", "method", "target", "keys")
    return {**{name: item[name] for name in names}, **detail, "events": events}


def wanted(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "session" or "n" in item}


def test_a_triple_has_the_problems_of_its_own_and_of_its_events() -> None:
    found = told(of(late_session()))

    assert {item["n"]: [code for code, *_ in item["problems"]] for item in found["triples"] if item["problems"]} == {
        4: ["failed"],
        5: ["lost"],
    }
    assert [code for item in found["loose"] for code, *_ in item["problems"]] == []


@pytest.mark.parametrize("wire", [late_session(), odd_session()], ids=["late", "odd"])
def test_a_filter_finds_what_that_of_the_command_line_finds(wire: Wire) -> None:
    asked = [*EXPRESSIONS, *(json.dumps(text, ensure_ascii=False) for text in ODD if text.isprintable() and text)]
    asked = [text.encode("utf-8", "replace").decode() for text in asked]
    triples = [data.triple(item) | {"keys": item.keys} for item in wire.recording().triples]

    answers = told(of(wire), asked)["matching"]

    for expression, (ids, error, _) in zip(asked, answers, strict=True):
        if expression == "(":
            assert (len(ids), bool(error)) == (len(triples), True)
            continue
        parsed = parse(expression, load().key_names())
        assert (expression, ids) == (expression, [str(one["n"]) for one in triples if fits(parsed, one)])


def test_only_words_need_the_blocks() -> None:
    answers = told(of(late_session()), ["op:Get* last:>1", "state:failed or -method:GET", "word"])["matching"]

    assert [read for _, _, read in answers] == [0, 0, 1]


def test_a_choice_names_hidden_triples_by_their_numbers() -> None:
    wire = Wire()
    desk = wire.desk()
    for n in range(6):
        wire.ack(desk.post(chained(n, f"r{n}")))
    desk.hears(record_event("ChainedRecord", 99, "other"))
    chosen = parts([Source("a", HEADER, wire.records, load())], most=3)

    made = document(chosen, "t")
    [recording] = recordings(made)
    [pushed] = told(made)["loose"] or [None]

    assert not chosen[0].shows_all
    assert 1 <= len(recording["triples"]) <= 3
    if pushed is not None:
        assert [number for number, _ in pushed["detail"]["others"]] == [3, 4, 5, 6]
