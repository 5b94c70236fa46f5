"""A finding is told in text, in JSON and in SARIF by its place, never by its value."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from recorder.errors import CassetteError, UsageError
from recorder.exporters.findings import Failure, Unread, failure, line, row, sarif, unread
from recorder.redaction.bodies.change import Unread as Why
from recorder.redaction.scan import Finding
from tests.cli.test_json import SCHEMAS, closed

FOLDER = Path("/repo")
MAIL = Finding(12, "request", "body data[3].note", "e-mail", "jo… (17 characters)")
KEPT = Unread("image/png", 3, "3 bodies of type image/png were not searched")
UNLOOKED = Counter({("image/png", Why.KEPT): 1, ("application/x-own", Why.PATTERNS): 3})
BROKEN = Failure(4, "byte 8", "the checksum is wrong", "a: the checksum is wrong")
UPSTREAM = Finding(None, "header", "upstream", "user and password in a URL", "… (3 characters)")


def run_of(*found: Finding | Unread | Failure, path: Path = Path("a.cassette")) -> dict[str, Any]:
    (run,) = sarif([(path, one) for one in found], version="1.2", folder=FOLDER)["runs"]
    return dict(run)


def fingerprints(*found: Finding, path: Path = Path("a.cassette")) -> list[str]:
    return [result["partialFingerprints"]["place/v1"] for result in run_of(*found, path=path)["results"]]


def uri(path: Path) -> str:
    (result,) = run_of(MAIL, path=path)["results"]
    return str(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def test_a_line_names_file_record_place_kind_and_length() -> None:
    assert line(Path("a"), MAIL) == "a: record 12, request: body data[3].note: e-mail: jo… (17 characters)"
    assert line(Path("a"), UPSTREAM) == "a: header: upstream: user and password in a URL: … (3 characters)"


def test_a_row_for_bodies_that_were_not_looked_through_is_a_note() -> None:
    rows = [row(Path("a"), MAIL), row(Path("a"), KEPT)]

    assert [(one["level"], one["where"], one["masked"]) for one in rows] == [
        ("error", "body data[3].note", "jo… (17 characters)"),
        ("note", "image/png", "3 bodies"),
    ]
    assert list(Draft202012Validator(closed(SCHEMAS["scan.schema.json"])).iter_errors(rows)) == []


def test_a_row_for_a_file_that_could_not_be_scanned_is_an_error() -> None:
    rows = [row(Path("a"), BROKEN)]

    assert rows == [
        {
            "file": "a", "level": "error", "record": None, "part": "file", "where": "byte 8", "kind": "not scanned",
            "masked": "the checksum is wrong",
        }
    ]  # fmt: skip
    assert list(Draft202012Validator(closed(SCHEMAS["scan.schema.json"])).iter_errors(rows)) == []


def test_a_failure_tells_place_and_reason_of_an_error() -> None:
    torn = CassetteError("a\x1b", "ends\x1b early", offset=8)

    assert failure(torn) == Failure(4, "byte 8", "ends\\x1b early", str(torn))
    assert failure(CassetteError("a", "is no cassette")) == Failure(4, "", "is no cassette", "a: is no cassette")
    assert failure(UsageError("no such policy")) == Failure(2, "", "no such policy", "no such policy")


def test_a_file_that_could_not_be_scanned_is_a_notification_beside_the_results() -> None:
    run = run_of(MAIL, BROKEN)

    (invocation,) = run["invocations"]
    (note,) = invocation["toolExecutionNotifications"]
    assert (len(run["results"]), invocation["executionSuccessful"], invocation["exitCode"]) == (1, False, 4)
    assert (note["level"], note["message"]) == ("error", {"text": "a: the checksum is wrong"})


def test_a_sarif_result_has_rule_place_and_file() -> None:
    run = run_of(MAIL, UPSTREAM, MAIL)

    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["e-mail", "user-and-password-in-a-url"]
    assert [(result["ruleId"], result["ruleIndex"]) for result in run["results"]] == [
        ("e-mail", 0), ("user-and-password-in-a-url", 1), ("e-mail", 0),
    ]  # fmt: skip
    assert [result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for result in run["results"]] == [
        "record 12 > request > body data[3].note", "header > upstream", "record 12 > request > body data[3].note",
    ]  # fmt: skip
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 7}]


def test_bodies_that_were_not_looked_through_are_notifications_and_no_results() -> None:
    run = run_of(*unread(UNLOOKED))

    (invocation,) = run["invocations"]
    assert (run["results"], invocation["exitCode"]) == ([], 0)
    assert [note["message"]["text"] for note in invocation["toolExecutionNotifications"]] == [
        "3 bodies of type application/x-own were searched by patterns only",
        "1 body of type image/png was not searched, and is kept unchanged",
    ]


def test_a_sarif_log_is_as_its_schema_says() -> None:
    log = sarif([(Path("a"), MAIL), (Path("b"), KEPT), (Path("c"), BROKEN)], version="1.2", folder=FOLDER)

    assert list(Draft202012Validator(closed(SCHEMAS["scan-sarif.schema.json"])).iter_errors(log)) == []


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (Path("cassettes/a b%.cassette"), "cassettes/a%20b%25.cassette"),
        (FOLDER / "cassettes" / "ä.cassette", "cassettes/%C3%A4.cassette"),
        (Path("../other/a.cassette"), "file:///other/a.cassette"),
        (Path("/tmp/a.cassette"), "file:///tmp/a.cassette"),  # a name only, no file is made
        (Path("\udcff.cassette"), "%FF.cassette"),
    ],
)
def test_a_file_is_named_by_a_uri_relative_to_the_folder(path: Path, wanted: str) -> None:
    assert uri(path) == wanted


def test_a_fingerprint_outlives_another_recording_of_the_session() -> None:
    again = Finding(99, "request", "body data[0].note", "e-mail", "xy… (5 characters)")

    assert fingerprints(MAIL) == fingerprints(again)


def test_a_fingerprint_differs_by_file_place_kind_and_count() -> None:
    other_place = Finding(12, "request", "body data[3].text", "e-mail", MAIL.masked)
    other_kind = Finding(12, "request", MAIL.where, "JWT", MAIL.masked)

    found = [*fingerprints(MAIL, MAIL, other_place, other_kind), *fingerprints(MAIL, path=Path("b.cassette"))]

    assert len(set(found)) == 5


def test_a_sarif_log_shows_no_control_characters() -> None:
    steering = Finding(1, "request", "body \x1b[2Ja", "e-mail", "… (3 characters)")

    assert "\\u001b" not in json.dumps(sarif([(Path("a"), steering)], version="1.2", folder=FOLDER)).lower()
