"""Redaction as a user meets it: redact, scan, policy, and the options of record."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.library.sealing import seal
from recorder.model import Header, Record, SocketMessage
from recorder.redaction.bodies.change import Unread
from recorder.redaction.policy import load
from recorder.redaction.scan import Finding, Scan
from tests.cli.test_cassettes import PREVIEW, SMALL, fails, run, run_apart
from tests.lab.processes import recorder
from tests.wire import HEADER, Wire, preview

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
PHONE, MAIL = "+49 351 4555-0", "joe.doe@corp.co"
GWS = load().text


def written(path: Path, header: Header, records: tuple[Record, ...] | list[Record]) -> Path:
    path.write_bytes(encode_header(header) + b"".join(map(encode, records)))
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Recorded without redaction: a telephone number where the policy looks for one, a key where it does not."""
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(preview(phoneNumber=PHONE, remark=f"mail {MAIL}", trace="0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c")))
    return written(tmp_path / "raw.cassette", replace(HEADER, redaction="none"), wire.records)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A stricter policy."""
    path = tmp_path / "mine.toml"
    text = GWS.replace('"gws"', '"mine"', 1).replace("secret = [", 'secret = ["trace", ', 1)
    path.write_text(text, encoding="utf-8")
    return path


# redact


def test_redact_replaces_what_the_policy_names_and_says_by_what(raw: Path, tmp_path: Path) -> None:
    told = run("redact", raw, "-o", tmp_path / "new")

    data = (tmp_path / "new").read_bytes()
    assert (told.exit_code, read(tmp_path / "new").header.redaction) == (0, "gws")
    assert PHONE.encode() not in data
    assert MAIL.encode() not in data
    assert "     1  personal  request         body phoneNumber\n" in told.stdout
    assert "values by policy gws" in told.stderr
    assert PHONE not in told.output
    assert MAIL not in told.output


def test_a_dry_run_tells_the_same_and_writes_nothing(raw: Path, tmp_path: Path) -> None:
    before, files = raw.read_bytes(), sorted(tmp_path.iterdir())

    dry = run("redact", raw, "--dry-run")

    assert (sorted(tmp_path.iterdir()), raw.read_bytes()) == (files, before)
    assert dry.stdout == run("redact", raw, "-o", tmp_path / "new").stdout
    assert "would change" in dry.stderr


def test_a_dry_run_makes_no_key_file(raw: Path, tmp_path: Path) -> None:
    assert run("redact", raw, "--dry-run", "--redaction-key-file", tmp_path / "key").exit_code == 0
    assert not (tmp_path / "key").exists()


def test_the_report_for_programs(raw: Path) -> None:
    told = json.loads(run("redact", raw, "--dry-run", "--json").stdout)

    assert (told["policy"], told["records"]) == ("gws", len(read(raw).records))
    assert {"record": "request", "where": "body phoneNumber", "kind": "personal", "values": 1} in told["changed"]
    assert told["values"] == sum(row["values"] for row in told["changed"])


def test_a_stricter_policy_replaces_more(raw: Path, mine: Path, tmp_path: Path) -> None:
    run("redact", raw, "-o", tmp_path / "new", "--policy", mine)

    assert read(tmp_path / "new").header.redaction == "mine"
    assert b"0f9a8b7c" not in (tmp_path / "new").read_bytes()


@pytest.mark.parametrize("archive", [False, True])
def test_a_sealed_cassette_stays_sealed_and_linked(archive: bool, tmp_path: Path) -> None:
    path, new = tmp_path / "s.cassette", tmp_path / "new"
    seal(PREVIEW, path, archive=archive)

    told = run("redact", path, "-o", new)

    assert (told.exit_code, read(new).header.profile) == (0, "archive" if archive else "sealed")
    assert run("doctor", new).stdout == "sound\n"
    assert run("ls", new).stdout == run("ls", path).stdout


def test_the_same_key_file_gives_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    run("redact", raw, "-o", tmp_path / "one", "--redaction-key-file", tmp_path / "key")
    run("redact", raw, "-o", tmp_path / "two", "--redaction-key-file", tmp_path / "key")
    run("redact", raw, "-o", tmp_path / "other")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_a_key_file_that_others_can_read_is_refused(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "key").chmod(0o644)

    told = run("redact", raw, "-o", tmp_path / "new", "--redaction-key-file", tmp_path / "key")

    fails(2, "other users can read", by=told)
    assert not (tmp_path / "new").exists()


def test_the_file_itself_is_replaced_only_with_force(raw: Path) -> None:
    before = raw.read_bytes()

    fails(2, "--force", by=run("redact", raw))
    fails(2, "reads this file", by=run("redact", raw, "-o", raw, "--force"))
    assert raw.read_bytes() == before
    assert run("redact", raw, "--force").exit_code == 0
    assert read(raw).header.redaction == "gws"


def test_redact_without_an_output(raw: Path) -> None:
    fails(2, "-o", "--dry-run", by=run("redact", raw))


def test_redact_of_a_damaged_cassette_leaves_no_file(raw: Path, tmp_path: Path) -> None:
    data = bytearray(raw.read_bytes())
    data[-200] ^= 1
    raw.write_bytes(data)

    assert run("redact", raw, "-o", tmp_path / "new").exit_code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["raw.cassette"]


def test_redact_of_a_torn_cassette_uses_what_is_before_the_tear(raw: Path, tmp_path: Path) -> None:
    raw.write_bytes(raw.read_bytes()[:-5])

    told = run("redact", raw, "-o", tmp_path / "new")

    assert (told.exit_code, told.stderr.count("warning")) == (0, 1)
    assert len(read(tmp_path / "new").records) == len(read(raw).records)


def test_a_policy_with_a_mistake_is_told_with_its_line(raw: Path, mine: Path, tmp_path: Path) -> None:
    mine.write_text(mine.read_text().replace('name = "mine"', "name = 1"), encoding="utf-8")

    fails(2, f"{mine}:4: name: must be a string", by=run("redact", raw, "-o", tmp_path / "new", "--policy", mine))


# scan


def test_scan_finds_what_is_there_and_shows_no_value(raw: Path) -> None:
    told = run("scan", raw)

    assert told.exit_code == 7
    assert re.search(r"raw\.cassette: record \d+, request: body phoneNumber: telephone number: \+4… ", told.stdout)
    assert re.search(r"raw\.cassette: record \d+, request: body trace: random word: 0f… \(32 characters\)", told.stdout)
    assert told.stderr.splitlines()[-1].startswith("recorder: secrets or personal values in 1 of 1 file;")
    assert all(value not in told.output for value in (PHONE, MAIL, "0f9a8b7c"))


def test_scan_of_what_was_redacted_finds_what_the_policy_missed(raw: Path, mine: Path, tmp_path: Path) -> None:
    run("redact", raw, "-o", tmp_path / "by-gws")
    run("redact", raw, "-o", tmp_path / "by-mine", "--policy", mine)

    missed = json.loads(run("scan", tmp_path / "by-gws", "--json").stdout)

    assert [(row["where"], row["kind"]) for row in missed] == [("body trace", "random word")]
    assert run("scan", tmp_path / "by-mine", "--policy", mine).exit_code == 0


@pytest.mark.parametrize("path", [PREVIEW, SMALL], ids=lambda path: path.stem)
def test_scan_has_no_false_alarm_in_a_shipped_cassette(path: Path, tmp_path: Path) -> None:
    run("redact", path, "-o", tmp_path / "new")

    told = run("scan", tmp_path / "new")

    assert (told.exit_code, told.stdout) == (0, "")
    assert "nothing found" in told.stderr


def test_scan_prints_sarif_and_json_by_its_format(raw: Path) -> None:
    as_json, as_sarif = run("scan", raw, "--format", "json"), run("scan", raw, "--format", "sarif")

    (log,) = json.loads(as_sarif.stdout)["runs"]
    assert (as_json.exit_code, as_sarif.exit_code) == (7, 7)
    assert as_json.stdout == run("scan", raw, "--json").stdout == run("scan", raw, "--json", "--format", "json").stdout
    assert len(log["results"]) == len(json.loads(as_json.stdout)) > 0
    assert all(value not in as_sarif.output + as_json.output for value in (PHONE, MAIL, "0f9a8b7c"))


def test_scan_of_what_is_clean_prints_an_empty_log(raw: Path, mine: Path, tmp_path: Path) -> None:
    run("redact", raw, "-o", tmp_path / "new", "--policy", mine)

    told = run("scan", tmp_path / "new", "--policy", mine, "--format", "sarif")

    assert (told.exit_code, json.loads(told.stdout)["runs"][0]["results"]) == (0, [])


@pytest.mark.parametrize("form", ["text", "sarif"])
def test_two_formats_at_once_are_refused(form: str, raw: Path) -> None:
    fails(2, "--json", f"--format {form}", by=run("scan", raw, "--json", "--format", form))


def test_scan_tells_which_bodies_it_could_not_look_through(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def settled(self: Scan, _: Record) -> list[Finding]:
        self.unlooked["image/png", Unread.KEPT] += 1
        return []

    monkeypatch.setattr(Scan, "settled", settled)

    told = run("scan", raw)

    assert (told.exit_code, told.stdout) == (0, "")
    assert f"{len(read(raw).records)} bodies of type image/png were not searched" in told.stderr


def _messages(tmp_path: Path, *bodies: dict[str, str]) -> Path:
    """Write a cassette that claims to be redacted."""
    records = [SocketMessage(at, at, 0, True, json.dumps(body).encode()) for at, body in enumerate(bodies)]
    return written(tmp_path / "messages.cassette", replace(HEADER, redaction="gws"), records)


def test_scan_reads_no_record_again_whose_findings_are_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(_: Scan, record: Record) -> list[Finding]:
        raise AssertionError(record)

    monkeypatch.setattr(Scan, "again", again)
    path = _messages(tmp_path, {"phone": "+15556782828"}, {"phone": "+15556782829"})

    told = run("scan", path)

    assert (told.exit_code, [line.split(":")[1] for line in told.stdout.splitlines()]) == (
        7,
        [" record 0, socket message", " record 1, socket message"],
    )


def test_scan_reads_again_if_only_the_name_of_a_place_tells_what_a_value_is(tmp_path: Path) -> None:
    """A number without a plus is found in a text when another record names it."""
    path = _messages(tmp_path, {"phone": "+15556782828", "note": "of 4155550123"}, {"phone": "4155550123"})

    rows = json.loads(run("scan", path, "--json").stdout)

    assert [(row["record"], row["where"]) for row in rows] == [(0, "body phone"), (0, "body note"), (1, "body phone")]


def test_scan_of_several_files_tells_which(raw: Path, tmp_path: Path) -> None:
    run("redact", PREVIEW, "-o", tmp_path / "good")

    told = run("scan", raw, tmp_path / "good")

    assert (told.exit_code, "in 1 of 2 files" in told.stderr) == (7, True)


@pytest.mark.parametrize("order", [("junk", "raw.cassette"), ("raw.cassette", "junk")])
def test_scan_goes_on_after_a_file_that_is_no_cassette(raw: Path, tmp_path: Path, order: tuple[str, str]) -> None:
    (tmp_path / "junk").write_bytes(b"junk\n")
    alone = run("scan", raw, "--json")

    text, as_json, as_sarif = (
        run("scan", *(tmp_path / name for name in order), "--format", form) for form in ("text", "json", "sarif")
    )

    rows, (log,) = json.loads(as_json.stdout), json.loads(as_sarif.stdout)["runs"]
    failed = [row for row in rows if row["kind"] == "not scanned"]
    assert [told.exit_code for told in (text, as_json, as_sarif)] == [4, 4, 4]
    assert all(f"recorder: {tmp_path / 'junk'}: " in told.stderr for told in (text, as_json, as_sarif))
    assert text.stdout == run("scan", raw).stdout
    assert [row for row in rows if row not in failed] == json.loads(alone.stdout) != []
    assert [(row["file"], row["level"]) for row in failed] == [(str(tmp_path / "junk"), "error")]
    assert len(log["results"]) == len(rows) - 1
    assert [note["level"] for note in log["invocations"][0]["toolExecutionNotifications"]] == ["error"]


def test_scan_of_two_files_that_are_no_cassettes_names_both(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")

    told = run("scan", tmp_path / "a", tmp_path / "b", "--json")

    assert (told.exit_code, len(json.loads(told.stdout)), "nothing found" in told.stderr) == (4, 2, False)


def test_scan_wants_the_policy_that_is_not_shipped(raw: Path, mine: Path, tmp_path: Path) -> None:
    run("redact", raw, "-o", tmp_path / "new", "--policy", mine)

    fails(2, f"{tmp_path / 'new'}: ", "'mine': no such policy is shipped; --policy", by=run("scan", tmp_path / "new"))


def test_scan_of_a_torn_cassette_warns(raw: Path) -> None:
    raw.write_bytes(raw.read_bytes()[:-5])

    told = run("scan", raw)

    assert (told.exit_code, "warning" in told.stderr) == (7, True)


# policy


def test_every_mistake_of_a_policy_is_told_with_its_line(mine: Path, tmp_path: Path) -> None:
    text = mine.read_text().replace("credentials =", "credential =").replace("cookies = [", "cookies = [1, ")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text, encoding="utf-8")

    told = run("policy", "check", wrong, mine)

    line = next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith("credential ="))
    meant = 'write cookies = ["1", "cookie", "set-cookie"]'
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        f"{wrong}:{line - 1}: headers.cookies: must be a list of strings; {meant}",
        f"{wrong}:{line}: headers.credential: is unknown; did you mean 'credentials'?",
        f"{mine}: mine: {len(load().values.patterns)} patterns of values; no mistakes",
    ]


def test_the_shipped_policies_are_listed_shown_and_without_mistakes(tmp_path: Path) -> None:
    (tmp_path / "gws").write_text(run("policy", "show").stdout, encoding="utf-8")
    (tmp_path / "salesforce").write_text(run("policy", "show", "salesforce").stdout, encoding="utf-8")

    assert run("policy", "ls").stdout.split() == ["gws", "salesforce"]
    assert run("policy", "check", tmp_path / "gws", tmp_path / "salesforce").exit_code == 0


def test_the_policy_of_the_documentation_is_one_and_redacts(raw: Path, tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")

    run("redact", raw, "-o", tmp_path / "new", "--policy", tmp_path / "mine.toml")

    assert run("policy", "check", tmp_path / "mine.toml").exit_code == 0
    assert read(tmp_path / "new").header.redaction == "mine"
    assert PHONE.encode() not in (tmp_path / "new").read_bytes()


def test_a_policy_that_extends_none_that_is_shipped_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nextends = "gvs"\n', encoding="utf-8")

    told = run("policy", "check", tmp_path / "mine.toml")

    assert told.exit_code == 1
    assert "mine.toml:2: extends: no policy 'gvs' is shipped; there are 'gws', 'salesforce'" in told.stdout


def test_a_file_can_be_shown(mine: Path) -> None:
    assert run("policy", "show", mine).stdout == mine.read_text(encoding="utf-8")


def test_a_policy_that_is_not_shipped_cannot_be_shown() -> None:
    fails(2, "no such policy is shipped", by=run("policy", "show", "klingon"))


@pytest.mark.parametrize("command", ["check", "show", "ls"])
def test_the_commands_of_policy_have_help_with_an_example(command: str) -> None:
    assert "\n  Example:  recorder policy " in run("policy", command, "--help").stdout


# record


ASK = """
import os, urllib.request as lib
lib.urlopen(lib.Request(os.environ["RECORDER_URL"] + "/api/v2/me", headers={"Authorization": "Basic am9lOmh1bnRlcjI="}))
"""


def test_record_redacts_by_a_policy_under_a_kept_key(mine: Path, tmp_path: Path) -> None:
    options = ["--policy", mine, "--redaction-key-file", tmp_path / "key", "--", sys.executable, "-c", ASK]
    with recorder("replay", PREVIEW) as upstream:
        first = run_apart("record", upstream.url, "-o", tmp_path / "one", *options)
        second = run_apart("record", upstream.url, "-o", tmp_path / "two", *options)

    one, two = (dict(read(tmp_path / name).records[0].headers) for name in ("one", "two"))  # type: ignore[union-attr]
    key = (tmp_path / "key").read_bytes()
    assert (first.returncode, second.returncode, read(tmp_path / "one").header.redaction) == (0, 0, "mine")
    assert one["Authorization"] == two["Authorization"] != "Basic am9lOmh1bnRlcjI="
    assert len(key) == 32
    assert key.hex() not in first.stdout + first.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policy", "klingon"], "no such policy is shipped"),
        (["--no-redaction", "--policy", "other.toml"], "--no-redaction excludes"),
        (["--no-redaction", "--redaction-key-file", "key"], "--no-redaction excludes"),
        (["--redaction-key-file", "/"], "is a directory"),
    ],
)
def test_record_refuses_options_that_make_no_sense(options: list[str], words: str, tmp_path: Path) -> None:
    fails(2, words, by=run_apart("record", "http://127.0.0.1:9", "-o", tmp_path / "new", *options))
    assert not (tmp_path / "new").exists()
