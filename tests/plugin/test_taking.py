"""Recording modes with a real recorder before the lab, and what is added to a cassette."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.dialect.definition import load
from recorder.errors import DialectError, UpstreamError, UsageError
from recorder.library.recording import load_recording
from recorder.plugin.playing import Playing
from recorder.plugin.settings import Settings
from recorder.plugin.taking import Taking, add_new, taking
from tests.integration.captures import events_of
from tests.lab.lab import Lab
from tests.plugin.conftest import Suite
from tests.plugin.desktop import CASSETTES
from tests.wire import HEADER, Wire, chained, complete, done, preview, record_event


def write(path: Path, wire: Wire, **header: object) -> Path:
    own = replace(HEADER, profile="journal", **header)  # type: ignore[arg-type]
    path.write_bytes(encode_header(own) + b"".join(map(encode, wire.records)))
    return path


def session(*handles: int, completed: bool = False) -> Wire:
    wire = Wire()
    desk = wire.desk(headers=(("Cookie", "JSESSIONID=a"),))
    for handle in handles:
        desk.asks(chained(handle, f"r{handle}"), record_event("ChainedRecord", handle, f"r{handle}"))
    if completed:
        desk.asks(complete(handles[0], "c"), record_event("RecordProcessedAcknowledge", handles[0], "c"))
    return wire


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write(tmp_path / "old.cassette", session(7, 8))


# What is new


def test_what_is_new_is_appended_and_what_is_there_stays_byte_for_byte(old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    taken = write(tmp_path / "taken.cassette", session(7, 9, completed=True), started=60_000_000)

    added = add_new(old, taken)

    recording = load_recording(old)
    assert added == 2
    assert old.read_bytes().startswith(before)
    assert [(t.operation, t.keys["handle"]) for t in recording.triples] == [
        ("GetChainedRecord", "7"), ("GetChainedRecord", "8"), ("GetChainedRecord", "9"), ("CompleteRecord", "7"),
    ]  # fmt: skip
    assert [len(events_of(triple)) for triple in recording.triples] == [1, 1, 1, 1]
    assert recording.unsolicited == ()


def test_what_was_added_is_not_new_any_more(old: Path, tmp_path: Path) -> None:
    taken = write(tmp_path / "taken.cassette", session(9), started=60_000_000)
    add_new(old, taken)
    before = old.read_bytes()

    assert add_new(old, taken) == 0
    assert old.read_bytes() == before


def test_a_request_made_oftener_than_it_was_recorded_is_new(old: Path, tmp_path: Path) -> None:
    assert add_new(old, write(tmp_path / "taken.cassette", session(7, 7), started=60_000_000)) == 1


def test_other_ids_make_no_new_request(old: Path, tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "other"), record_event("ChainedRecord", 7, "other"), done(7, "other"))

    assert add_new(old, write(tmp_path / "taken.cassette", wire)) == 0


def test_a_second_capture_of_an_early_operation_follows_the_first_in_time(old: Path, tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().asks(preview("p"), record_event("PreviewRecord", 5, "p"))

    add_new(old, write(tmp_path / "taken.cassette", wire))  # a header with the same time, as of clocks set back

    times = [record.t for record in read(old).records]
    assert times == sorted(times)


def test_a_cassette_of_another_policy_is_not_added_to(old: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="redacted by 'none'"):
        add_new(old, write(tmp_path / "taken.cassette", session(9), redaction="gws"))


def test_a_sealed_cassette_is_not_added_to_if_there_is_anything_new(old: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed.cassette"
    subprocess.run([sys.executable, "-m", "recorder", "seal", str(old), "-o", str(sealed)], check=True)
    before = sealed.read_bytes()

    assert add_new(sealed, write(tmp_path / "same.cassette", session(7))) == 0
    with pytest.raises(UsageError, match="sealed"):
        add_new(sealed, write(tmp_path / "taken.cassette", session(9)))
    assert sealed.read_bytes() == before


def test_a_guess_about_new_traffic_does_not_decide_what_is_new(old: Path, tmp_path: Path) -> None:
    taken = write(tmp_path / "taken.cassette", session(7, 9), dialect="salesforce-changes")

    assert add_new(old, taken) == 1


def test_what_is_new_is_decided_by_the_dialect_of_the_test(old: Path, tmp_path: Path) -> None:
    taken = write(tmp_path / "taken.cassette", session(9))

    assert add_new(old, taken, dialect=load("salesforce-changes")) == 0


# The fixture meanwhile


def test_it_has_all_that_the_fixture_has_while_a_test_is_played(tmp_path: Path) -> None:
    of_playing = {name for name in dir(Playing) if not name.startswith("_")}
    recorded = Taking("http://localhost:1", tmp_path / "s.cassette", old_taken(tmp_path))

    recorded.advance(0)

    assert of_playing - set(dir(Taking)) == {"address", "page", "policy"}
    assert (recorded.misses, recorded.unplayed, recorded.report()["misses"]) == ([], (), [])
    with pytest.raises(UsageError, match="a recording has no live sessions"):
        recorded.session("p1")
    with pytest.raises(UsageError, match="cannot begin anew"):
        recorded.begin_anew()


def test_a_real_server_is_idle_when_nothing_is_recorded_for_a_while(tmp_path: Path) -> None:
    recorded = Taking("http://localhost:1", tmp_path / "s.cassette", old_taken(tmp_path))

    recorded.wait_idle()

    with pytest.raises(TimeoutError, match=r"not idle within 0\.01 s: the cassette still grows"):
        recorded.wait_idle(0.01)


def old_taken(tmp_path: Path) -> Path:
    return write(tmp_path / "taken.cassette", session(7))


# What goes wrong before anything is recorded


def test_without_an_upstream_nothing_can_be_recorded(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="name the server to record: --cassette-upstream"),
        taking(Settings((tmp_path / "s.cassette",)), add=False),
    ):
        pass


def test_without_its_dialect_nothing_is_recorded(tmp_path: Path) -> None:
    with (
        pytest.raises(DialectError, match="cannot be read"),
        taking(
            Settings((tmp_path / "s.cassette",), upstream="http://gws.example", dialect=str(tmp_path / "no.toml")),
            add=False,
        ),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
def test_a_recorder_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(UpstreamError, match="must begin with http"),
        taking(Settings((tmp_path / "s.cassette",), upstream="gws.example"), add=False),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


# With a real server

TESTS = """
STEPS = {steps}
@pytest.mark.cassette("recorded", unplayed="ignore")
def test_works(standin):
    assert len(works(standin.url, "mine-", STEPS)) >= len(STEPS)
    standin.wait_idle()
    assert standin.misses == []
    {then}
"""
FIRST, MORE = ["StartPreviewSession", "GetPreviewRecord"], ["StartPreviewSession", "GetPreviewRecord", "UpdateRecord"]


def suite_of(*steps: str, then: str = "") -> str:
    return TESTS.format(steps=list(steps), then=then)


@pytest.mark.node
@pytest.mark.once
def test_the_modes_one_after_the_other(suite: Suite, pytester: pytest.Pytester) -> None:
    cassette = pytester.path / "cassettes" / "recorded.cassette"

    def operations() -> list[str | None]:
        return [triple.operation for triple in load_recording(cassette).triples]

    with Lab("cometd", pytester.path / "truth.jsonl") as lab:
        upstream = ("--cassette-upstream", lab.url)
        suite(suite_of(*FIRST), "--cassette-mode", "once").assert_outcomes(errors=1)  # nobody says from where

        red = suite(suite_of(*FIRST, then="raise ValueError"), "--cassette-mode", "once", *upstream)
        red.assert_outcomes(failed=1)
        assert not cassette.exists()  # no half of a cassette
        told = next(line for line in red.stdout.lines if "it is kept in " in line)
        kept = load_recording(Path(told.partition("it is kept in ")[2]))
        assert [triple.operation for triple in kept.triples] == FIRST

        suite(suite_of(*FIRST), "--cassette-mode", "once", *upstream).assert_outcomes(passed=1)
        first = cassette.read_bytes()
        assert operations() == FIRST

        asked = len(lab.truth())
        suite(suite_of(*FIRST), "--cassette-mode", "once", *upstream).assert_outcomes(passed=1)
        assert (len(lab.truth()), cassette.read_bytes()) == (asked, first)  # it was played

        suite(suite_of(*FIRST), "--cassette-mode", "new_episodes", *upstream).assert_outcomes(passed=1)
        assert cassette.read_bytes() == first  # nothing was new

        suite(suite_of(*MORE), "--cassette-mode", "new_episodes", *upstream).assert_outcomes(passed=1)
        assert cassette.read_bytes().startswith(first)
        assert operations() == MORE
        more = cassette.read_bytes()

        failing = suite_of(*FIRST, then="raise ValueError")
        red = suite(failing, "--cassette-mode", "all", *upstream)
        red.assert_outcomes(failed=1)
        red.stdout.fnmatch_lines([f"*it is kept in *.cassette; {cassette} stays as it was"])
        assert cassette.read_bytes() == more  # the old one is better than half of a new one

    suite(suite_of(*MORE)).assert_outcomes(passed=1)  # without any server: both captures, in one session
    assert not any(path.name.startswith(".") for path in cassette.parent.iterdir())


@pytest.mark.node
@pytest.mark.once
def test_the_tests_of_a_run_that_share_a_cassette_are_all_recorded_into_it(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    shared = suite_of(*FIRST) + suite_of("UpdateRecord").replace("test_works", "test_works_on").replace(
        "STEPS", "OTHER"
    )
    cassette = pytester.path / "cassettes" / "recorded.cassette"
    cassette.write_bytes((CASSETTES / "get-chained-record.cassette").read_bytes())

    with Lab("cometd", pytester.path / "truth.jsonl") as lab:
        result = suite(shared, "--cassette-mode", "all", "--cassette-upstream", lab.url)

    result.assert_outcomes(passed=2)
    assert [triple.operation for triple in load_recording(cassette).triples] == MORE
    suite(shared).assert_outcomes(passed=2)


@pytest.mark.node
@pytest.mark.once
def test_a_none_on_the_command_line_stands_above_all_markers(suite: Suite, pytester: pytest.Pytester) -> None:
    with Lab("cometd", pytester.path / "truth.jsonl") as lab:
        marker = f'"preview-session", mode="all", upstream="{lab.url}", unplayed="ignore"'
        result = suite(suite_of(*FIRST).replace('"recorded", unplayed="ignore"', marker), "--cassette-mode", "none")
        asked = lab.truth()

    result.assert_outcomes(passed=1)
    assert asked == []
