"""A cassette made under a dialect file that is gone since: every command reads it, and writes the dialect on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.api.cassette import Cassette
from recorder.api.standin import StandIn
from recorder.api.threads import LoopThread
from recorder.cassette.codec import encode, encode_header, encode_rules
from recorder.cassette.reader import open_cassette, read
from recorder.cli import main
from recorder.cli.loading import load
from recorder.dialect.definition import source
from recorder.plugin.playing import Playing
from recorder.plugin.settings import Settings
from recorder.redaction.carried import described
from recorder.redaction.policy import parse as parse_policy
from tests.plugin.desktop import CASSETTES, works

PREVIEW = CASSETTES / "preview-session.cassette"
# another name, and another key: no shipped dialect gives these triples
TEXT = source("gws-outbound").replace('name = "gws-outbound"', 'name = "mine"').replace("handle", "item")
FORMS = ("journal", "sealed", "archive")
READING = {  # command and exit code
    "ls FILE --json": 0,
    "ls FILE --all --json": 0,
    "ls FILE --filter item:* --json": 0,
    "show FILE 3 --json": 0,
    "show FILE --filter item:* --json": 0,
    "grep item:* FILE --json": 0,
    "stats FILE --filter item:* --json": 0,
    "timeline FILE --filter item:* --json": 0,
    "explain FILE 3 --json": 0,
    "explain FILE --filter item:* --json": 0,
    "doctor FILE --json": 0,
    "scan FILE --json": 0,
    "redact FILE --dry-run --json": 0,
    "diff FILE FILE --json": 0,
    "textconv FILE": 0,
    "dialect show FILE": 0,
    "policy show FILE": 0,
}
TO_CASSETTES = (
    "seal FILE -o OUT", "seal FILE --archive -o OUT", "slice FILE --filter item:* -o OUT", "merge FILE FILE -o OUT",
    "redact FILE -o OUT", "recover FILE -o OUT", "migrate FILE -o OUT",
)  # fmt: skip
TO_OTHERS = (
    "report FILE --filter item:* -o OUT",
    *(f"convert FILE --to {form} -o OUT" for form in ("har", "mermaid", "perfetto", "jsonl", "curl", "pytest")),
)


def run(command: str, path: Path, out: Path = Path("unused")) -> Result:
    words = [{"FILE": str(path), "OUT": str(out)}.get(word, word) for word in command.split()]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One cassette in each form; their dialect file is deleted."""
    folder = tmp_path_factory.mktemp("made")
    mine = folder / "mine.toml"
    mine.write_text(TEXT)
    paths = {form: folder / f"{form}.cassette" for form in FORMS}
    assert run(f"recorrelate FILE --rules {mine} -o OUT", PREVIEW, paths["sealed"]).exit_code == 0
    assert run(f"slice FILE --triples 1-99 --dialect {mine} -o OUT", PREVIEW, paths["journal"]).exit_code == 0
    assert run("seal FILE --archive -o OUT", paths["sealed"], paths["archive"]).exit_code == 0
    mine.unlink()
    return paths


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_needs_no_dialect(command: str, form: str, made: dict[str, Path]) -> None:
    result = run(command, made[form])

    assert (result.exit_code, result.stderr.count("dialect")) == (READING[command], 0), result.stderr
    assert result.stdout


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", TO_CASSETTES)
def test_a_command_that_writes_a_cassette_hands_the_dialect_on(
    command: str, form: str, made: dict[str, Path], tmp_path: Path
) -> None:
    result = run(command, made[form], tmp_path / "out")
    if not (tmp_path / "out").exists():  # migrate has nothing to do
        (tmp_path / "out").write_bytes(made[form].read_bytes())

    header = read(tmp_path / "out").header
    assert result.exit_code == 0, result.stderr
    assert (header.dialect, header.dialect_text, header.format) == ("mine", TEXT, 2)
    assert run("ls FILE --filter item:*", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", TO_OTHERS)
def test_a_command_that_exports_needs_no_dialect(
    command: str, form: str, made: dict[str, Path], tmp_path: Path
) -> None:
    result = run(command, made[form], tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out").stat().st_size > 0


def test_a_journal_is_followed_by_its_own_dialect(made: dict[str, Path]) -> None:
    with open_cassette(made["journal"]) as cassette:
        count = len(load([made["journal"]], None).triples)
        assert cassette.header.dialect == "mine"

    told = [json.loads(line) for line in run("tail FILE --jsonl", made["journal"]).stdout.splitlines()]

    assert len([line for line in told if line.get("operation")]) == count


def test_a_dialect_that_a_journal_says_later_is_taken_by_all(tmp_path: Path) -> None:
    old = read(PREVIEW)
    records = [encode(record) for record in old.records]
    other = replace(old.header, profile="journal", format=2, dialect="salesforce-changes")  # nothing is an operation
    head, path = encode_header(other, rules_follow=True), tmp_path / "s.cassette"
    path.write_bytes(head + b"".join(records[:9]) + encode_rules("mine", TEXT) + b"".join(records[9:]))

    told = [json.loads(line) for line in run("tail FILE --jsonl", path).stdout.splitlines()]
    sealed = run("seal FILE -o OUT", path, tmp_path / "out")

    assert run("ls FILE --filter item:*", path).exit_code == 0
    assert len([line for line in told if line.get("operation")]) == 6
    assert (sealed.exit_code, read(tmp_path / "out").header.dialect_text) == (0, TEXT)


@pytest.mark.parametrize("form", FORMS)
def test_python_reads_it_without_a_dialect(form: str, made: dict[str, Path]) -> None:
    with Cassette(made[form]) as cassette:
        assert "item" in {key for triple in cassette.triples() for key in triple.keys}
        assert len(cassette.recording().triples) == len(cassette)


def test_the_plugin_and_the_stand_in_play_it_without_a_dialect(made: dict[str, Path]) -> None:
    thread = LoopThread()
    with Playing(Settings((made["sealed"],)), thread) as played:
        works(played.url, "mine-")
        assert (played.unplayed, played.misses) == ((), [])
    thread.stop()
    recording = load([made["journal"]], None)  # as addons/replay.py does
    with StandIn(recording, clock="virtual") as standin:
        works(standin.url, "mine-")
        assert standin.misses == []


@pytest.mark.parametrize(("command", "field"), [("dialect", "dialect_text"), ("policy", "policy_text")])
def test_a_text_that_came_with_a_cassette_does_not_steer_a_terminal(command: str, field: str, tmp_path: Path) -> None:
    old = read(PREVIEW)
    text = "# \x1b]0;x\x07 \x9b31m \u202e\r ü \ud800 日 \U000e0041\n\tname = 'mine'\n"
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(replace(old.header, profile="journal", format=2, **{field: text})))

    shown = run(f"{command} show FILE", path).stdout

    assert shown == "# \\u001b]0;x\\u0007 \\u009b31m \\u202e\\u000d ü \\ud800 日 \\U000e0041\n\tname = 'mine'\n"


def test_the_dialect_and_the_policy_of_a_cassette_are_shown(made: dict[str, Path], tmp_path: Path) -> None:
    policy = parse_policy('name = "own"\nextends = "gws"\n[values]\nsecret = ["hunter2"]\n', path="own.toml")
    old = read(made["journal"])
    header = replace(old.header, redaction="own", policy_text=described(policy))
    (tmp_path / "own.cassette").write_bytes(encode_header(header) + b"".join(map(encode, old.records)))

    assert run("dialect show FILE", made["sealed"]).stdout == TEXT
    assert run("dialect show FILE", PREVIEW).stdout == source("gws-outbound")
    assert "hunter2" not in run("policy show FILE", tmp_path / "own.cassette").stdout
    assert "# 1 of 1 patterns are left out" in run("policy show FILE", tmp_path / "own.cassette").stdout
    assert run("diff FILE FILE", tmp_path / "own.cassette").exit_code == 0  # by the policy that it holds


# Two of one name


def test_a_file_of_the_same_name_that_differs_is_said_and_used(made: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(TEXT.replace("open_for = 60.0", "open_for = 0.001").replace("grace = 2.0", "grace = 0.001"))

    result = run(f"ls FILE FILE --dialect {other}", made["journal"])

    said = [line for line in result.stderr.splitlines() if "differs" in line]
    assert said == [f"recorder: {other}: differs from the dialect 'mine' in {made['journal']}; {other} is used"]


def test_a_file_that_differs_in_comments_is_not_said(made: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "same.toml").write_text(f"# mine\n{TEXT}")

    assert run(f"ls FILE --dialect {tmp_path / 'same.toml'}", made["journal"]).stderr == ""


@pytest.mark.parametrize(
    "command", ["ls FILE FILE", "stats FILE", "report FILE -o OUT", "seal FILE -o OUT", "diff FILE FILE"]
)
def test_a_shipped_dialect_that_differs_is_said_once_and_not_used(command: str, tmp_path: Path) -> None:
    old = read(PREVIEW)
    text = source("gws-outbound").replace("handle", "item")
    header = replace(old.header, profile="journal", format=2, dialect_text=text)
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(header) + b"".join(map(encode, old.records)))

    result = run(command, path, tmp_path / "out")

    said = [line for line in result.stderr.splitlines() if "differs" in line]
    own = "it is read by its own, --dialect gws-outbound takes the one of this version"
    assert said == [f"recorder: {path}: its dialect 'gws-outbound' differs from the one of this version; {own}"]
    assert run("ls FILE --filter item:*", path).exit_code == 0


def test_cassettes_of_two_dialects_of_one_name_are_not_merged(made: dict[str, Path], tmp_path: Path) -> None:
    old = read(made["journal"])
    other = tmp_path / "other.cassette"
    text = TEXT.replace("open_for = 60.0", "open_for = 2.0")
    other.write_bytes(encode_header(replace(old.header, dialect_text=text)) + b"".join(map(encode, old.records)))

    merged = run(f"merge FILE {other} -o OUT", made["journal"], tmp_path / "out")
    compared = run(f"diff FILE {other}", made["journal"])
    chosen = run(f"diff FILE {other} --dialect gws-outbound", made["journal"])

    assert (merged.exit_code, "different dialects" in merged.stderr) == (2, True)
    assert (compared.exit_code, "two that are called mine" in compared.stderr) == (2, True)
    assert chosen.exit_code == 0


# What cannot be used


@pytest.mark.parametrize(
    "command", ["ls FILE", "stats FILE", "textconv FILE", "seal FILE -o OUT", "replay FILE", "tail FILE"]
)
def test_a_dialect_that_cannot_be_used_is_one_line_with_the_way_out(command: str, tmp_path: Path) -> None:
    old = read(PREVIEW)
    header = replace(old.header, profile="journal", format=2, dialect="mine", dialect_text=f"{TEXT}\n[later]\n")
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(header) + b"".join(map(encode, old.records)))

    result = run(command, path, tmp_path / "out")
    instead = run("ls FILE --dialect gws-outbound --json", path)

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"recorder: {path}: the dialect 'mine' in it cannot be used: dialect:")
    assert "--dialect NAME|FILE" in result.stderr
    assert (instead.exit_code, len(json.loads(instead.stdout))) == (0, 6)


def test_an_import_takes_a_file_and_holds_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(f"# by zoe@example.org\n{TEXT}")
    assert run("convert FILE --to har -o OUT", PREVIEW, tmp_path / "s.har").exit_code == 0

    result = run(f"import FILE --dialect {tmp_path / 'mine.toml'} -o OUT", tmp_path / "s.har", tmp_path / "out")

    header = read(tmp_path / "out").header
    assert result.exit_code == 0, result.stderr
    assert (header.dialect, header.dialect_text) == ("mine", f"# by \n{TEXT}")
    assert header.policy_text.startswith('"name" = "gws"\n')


def test_scan_finds_secrets_in_the_dialect_and_redact_takes_them_out(tmp_path: Path) -> None:
    text = "# token = ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"
    old = read(PREVIEW)
    header = replace(old.header, profile="journal", format=2, dialect_text=f"{text}\n{source('gws-outbound')}")
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(header) + b"".join(map(encode, old.records)))

    before = run("scan FILE --json", path)
    run("redact FILE -o OUT", path, tmp_path / "out")
    after = run("scan FILE --json", tmp_path / "out")

    assert [(row["record"], row["where"]) for row in json.loads(before.stdout)] == [(None, "dialect")]
    assert (before.exit_code, after.exit_code) == (7, 0)
