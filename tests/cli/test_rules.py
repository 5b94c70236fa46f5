"""The commands about links and the rules behind them: explain, recorrelate, dialect."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.library.sealing import seal
from tests.cli.test_cassettes import PREVIEW, fails, run
from tests.wire import HEADER, Wire, chained, done, preview, record_event, state_event, twin

SHIPPED = files("recorder.dialect").joinpath("gws-outbound.toml").read_text(encoding="utf-8")


def written(wire: Wire, path: Path) -> Path:
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    return path


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    """Two requests on one handle without ids, one on another, events that fit both, and one that nobody asked for."""
    wire = Wire()
    desk = wire.desk()
    for handle in (7, 7, 8):
        wire.ack(desk.post(chained(handle)))
    desk.hears(record_event("ChainedRecord", 7), twin("ChainedRecord"))
    desk.loses_poll()
    desk.polls()
    desk.loses_poll()
    desk.hears(done(7), state_event())
    return written(wire, tmp_path / "doubtful.cassette")


# explain


def test_an_event_is_explained_with_its_rule_its_rival_and_why_it_was_no_other(doubtful: Path) -> None:
    told = run("explain", doubtful, "1.1")

    assert told.exit_code == 0
    assert "rule tuple, confidence 0.5: agrees with request" in told.stdout
    assert "rival: triple 2 (record 8) would fit as well" in told.stdout
    assert "not triple 3 (record 10), GetChainedRecord handle 8: its handle is '8', the event's '7'" in told.stdout


def test_an_event_nobody_asked_for_is_explained(doubtful: Path) -> None:
    told = run("explain", doubtful, "u1").stdout

    assert "unsolicited: no rule found a request that caused this event" in told
    assert "GetChainedRecord never causes /v2/me/devices" in told


def test_an_event_nobody_asked_for_is_explained_with_its_anchor(doubtful: Path) -> None:
    told = run("explain", doubtful, "u1").stdout
    (shown,) = json.loads(run("explain", doubtful, "u1", "--json").stdout)

    assert "  anchor: triple 3 (GetChainedRecord), 0 ms before\n" in told
    assert shown["anchor"] == {
        "kind": "operation", "text": "triple 3 (GetChainedRecord)", "record": 10, "ms": 0.0, "echo": False
    }  # fmt: skip


def test_a_request_is_explained_with_the_polls_that_were_lost_meanwhile(doubtful: Path) -> None:
    told = run("explain", doubtful, "2").stdout

    assert "acked: the ack came, but the terminal event was not seen" in told
    assert (
        "a poll of this session ended without an answer (Client disconnected.); events in that answer are lost" in told
    )


def test_an_event_that_only_the_ack_explained_says_so(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7))
    desk.hears(done(7, 32))
    wire.ack(post, referenceId=32)

    told = run("explain", written(wire, tmp_path / "s.cassette"), "1.1").stdout

    assert "caused by triple 1 (record 6): rule reference, confidence 1.0" in told
    assert "linked when the ack came" in told


def test_a_first_attempt_is_told_of(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    desk.asks(chained(7, "r1"), done(7, "r1"))

    told = run("explain", written(wire, tmp_path / "s.cassette"), "1").stdout

    assert "record 6 was a first attempt that got no answer" in told


def test_an_explanation_for_programs_names_records(doubtful: Path) -> None:
    (event,) = json.loads(run("explain", doubtful, "1.1", "--json").stdout)

    assert (event["request"], event["rule"], event["confidence"], event["rivals"]) == (6, "tuple", 0.5, [8])
    assert event["others"][-1] == {
        "request": 10, "operation": "GetChainedRecord", "objections": ["its handle is '8', the event's '7'"],
    }  # fmt: skip
    assert len(json.loads(run("explain", doubtful, "1", "--json").stdout)) == 3


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("x", 2, "neither a triple (3), nor its event (3.2), nor an unsolicited event (u1)"),
        ("9", 5, "no triple 9; it holds 1 to 3"),
        ("0", 5, "no triple 0"),
        ("1.9", 5, "triple 1 has no event 9; it has 3"),
        ("1.0", 5, "triple 1 has no event 0"),
        ("u0", 5, "no unsolicited event u0; it holds 1"),
    ],
)
def test_what_is_not_there_cannot_be_explained(doubtful: Path, what: str, code: int, words: str) -> None:
    fails(code, words, by=run("explain", doubtful, what))


# recorrelate


@pytest.mark.parametrize("archive", [False, True])
def test_equal_rules_give_equal_bytes(tmp_path: Path, archive: bool) -> None:
    path, again = tmp_path / "s.cassette", tmp_path / "again.cassette"
    seal(PREVIEW, path, archive=archive)

    told = run("recorrelate", path, "--rules", "gws-outbound", "-o", again)

    assert again.read_bytes() == path.read_bytes()
    assert "linked by gws-outbound; none of 6 triples changed" in told.stderr


def test_other_rules_change_the_links_and_not_the_facts(tmp_path: Path, doubtful: Path) -> None:
    rules, path = tmp_path / "mine.toml", tmp_path / "s.cassette"
    text = SHIPPED.replace('"gws-outbound"', '"mine"').replace('channel = "/me/internal"', 'channel = "/other"')
    rules.write_text(text, encoding="utf-8")
    seal(doubtful, path)
    facts = read(path).records

    told = run("recorrelate", path, "--rules", rules)

    assert "linked by mine; 1 of 3 triples is new or changed: 1" in told.stderr
    assert read(path).records == facts
    assert json.loads(run("show", path, "1", "--json").stdout)["events"][1]["rule"] == "tuple"


def test_a_cassette_that_is_replaced_keeps_its_mode_and_the_link_to_it(tmp_path: Path, doubtful: Path) -> None:
    link = tmp_path / "link.cassette"
    link.symlink_to(doubtful)
    doubtful.chmod(0o600)

    assert run("recorrelate", link, "--rules", "gws-outbound").exit_code == 0

    assert link.is_symlink()
    assert (doubtful.stat().st_mode & 0o777, read(doubtful).header.profile) == (0o600, "sealed")


def test_a_journal_becomes_a_sealed_cassette(doubtful: Path) -> None:
    assert "3 of 3 triples are new" in run("recorrelate", doubtful, "--rules", "gws-outbound").stderr
    assert read(doubtful).header.profile == "sealed"


def test_rules_with_a_mistake_leave_the_cassette_alone(tmp_path: Path, doubtful: Path) -> None:
    rules, before = tmp_path / "mine.toml", doubtful.read_bytes()
    rules.write_text(SHIPPED.replace('name = "gws-outbound"', "name = 1"), encoding="utf-8")

    fails(2, f"{rules}:5: name: must be a string", by=run("recorrelate", doubtful, "--rules", rules))
    assert doubtful.read_bytes() == before


def test_an_existing_output_is_kept(tmp_path: Path, doubtful: Path) -> None:
    (tmp_path / "o").write_bytes(b"precious")

    fails(2, "exists already", by=run("recorrelate", doubtful, "--rules", "gws-outbound", "-o", tmp_path / "o"))


# dialect


def test_every_mistake_of_a_dialect_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.replace("grace = 2.0", "graze = 2.0").replace('["0"] #', "0 #"), encoding="utf-8")

    told = run("dialect", "check", path)

    graze, success = (
        next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if line.startswith(start))
        for start in ("graze", "success")
    )
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        f"{path}:{graze}: grace: is missing; rename 'graze' to 'grace'",
        f"{path}:{graze}: graze: is unknown; did you mean 'grace'?",
        f'{path}:{success}: ack.success: must be a list of strings; write success = ["0"]',
    ]


def test_warnings_of_a_dialect_are_no_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.replace("open_for = 60.0", "open_for = 60000"), encoding="utf-8")

    told = run("dialect", "check", path)

    own = 'write one of your own, such as "my-gws-outbound"'
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        f"warning: {path}:5: name: 'gws-outbound' is the name of a shipped dialect with other contents; {own}",
        f"warning: {path}:18: open_for: is more than an hour; if 60000 are milliseconds, write open_for = 60",
        f"{path}: gws-outbound: 12 operations, 10 keys; 2 warnings, no mistakes",
    ]


def test_several_dialects_are_checked_at_once(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.toml", tmp_path / "wrong.toml"
    right.write_text(SHIPPED, encoding="utf-8")
    wrong.write_text("", encoding="utf-8")

    told = run("dialect", "check", wrong, right)

    assert told.exit_code == 1
    assert f"{wrong}:1: name: is missing" in told.stdout
    assert told.stdout.splitlines()[-1] == f"{right}: gws-outbound: 12 operations, 10 keys; no mistakes"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (SHIPPED.encode("utf-16"), "file: cannot be read: it is UTF-16, or no text; save it as UTF-8"),
        (b"# one\n# f\xfcr\n", "2: file: cannot be read: byte 0xfc is not UTF-8; save the file as UTF-8"),
        (b"#" * (1 << 20) + b"\n", "file: has 1048577 bytes, and a dialect some thousand; give the TOML file"),
        (SHIPPED.encode("utf-8-sig"), "1: TOML: begins with a byte order mark; save the file as UTF-8 without it"),
    ],
)
def test_a_file_that_is_no_dialect_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)

    found = run("dialect", "check", path)

    assert (found.exit_code, len(found.stdout.splitlines())) == (1, 1)
    assert found.stdout.startswith(f"{path}: {told}" if told.startswith("file") else f"{path}:{told}")


def test_a_dialect_with_windows_line_ends_has_no_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(SHIPPED.replace("\n", "\r\n").encode())

    assert run("dialect", "check", path).exit_code == 0


@pytest.mark.parametrize("command", ["ls", "show 1", "stats", "timeline", "diff", "report -o x.html", "grep a"])
def test_a_command_tells_the_first_mistake_and_how_to_see_the_others(
    tmp_path: Path, doubtful: Path, command: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.replace("grace = 2.0", "grace = -1").replace("[twin]", "[[twin]]"), encoding="utf-8")
    name, *options = command.split()
    first = [options.pop()] if name == "grep" else []

    told = run(name, *first, doubtful, *[doubtful] * (name == "diff"), *options, "--dialect", path)

    hint = f"(1 more mistake: recorder dialect check {path})"
    fails(2, f"{path}:19: grace: must be 0 or more; write grace = 2.0 {hint}", by=told)


def test_a_file_without_a_suffix_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text(SHIPPED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    told = run("dialect", "check", "mine")

    assert (told.exit_code, told.stdout) == (0, "mine: gws-outbound: 12 operations, 10 keys; no mistakes\n")


@pytest.mark.parametrize("name", ["gws-outbound", "salesforce-changes"])
def test_the_shipped_dialects_are_listed_shown_and_without_mistakes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "copy.toml"
    path.write_text(run("dialect", "show", name).stdout, encoding="utf-8")

    assert name in run("dialect", "ls").stdout.splitlines()
    assert run("dialect", "check", path).exit_code == 0


def test_a_dialect_that_is_not_shipped_cannot_be_shown() -> None:
    fails(2, "no such dialect is shipped", "'gws-outbound', 'mcp'", by=run("dialect", "show", "../secrets"))


def test_a_preview_without_ids_is_explained_by_its_campaign(tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().asks(preview(), record_event("PreviewRecord", 9))

    told = run("explain", written(wire, tmp_path / "s.cassette"), "1.1").stdout

    assert "campaign 'Campaign1', device" in told
