"""No command prints `1 triples`, on cassettes that hold one of each thing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cassette.codec import encode, encode_header
from recorder.cli import main
from recorder.model import Header, Note, Request

CASSETTES = Path(__file__).parents[3] / "cassettes"
PLURAL = re.compile(r"(?<![.,:0-9-])\b1 (?!is\b|was\b|has\b|this\b|less\b|as\b)(\w+s)\b")

COMMANDS = (
    "ls one.cassette --all",
    "ls one.cassette other.cassette -f nothing",
    "show one.cassette 1",
    "show one.cassette 2",
    "timeline one.cassette",
    "timeline one.cassette 2",
    "explain one.cassette 1",
    "explain one.cassette 1.9",
    "explain one.cassette u1",
    "grep -c op:* one.cassette",
    "stats one.cassette",
    "stats record.cassette",
    "report one.cassette",
    "diff one.cassette other.cassette",
    "diff one.cassette short.cassette",
    "doctor one.cassette",
    "doctor torn.cassette",
    "doctor record.cassette",
    "drive one.cassette --dry-run",
    "verify one.cassette --dry-run",
    "seal one.cassette -o sealed.cassette",
    "slice one.cassette --triples 1 -o slice.cassette",
    "merge record.cassette -o merged.cassette",
    "recover torn.cassette -o good.cassette",
    "migrate one.cassette",
    "edit record.cassette --to record.toml",
    "edit --from record.toml -o edited.cassette",
    "textconv one.cassette",
    "import har.har -o har.cassette",
    "dialect suggest one.cassette",
    "dialect check one.toml",
    "dialect check bad.toml",
    "policy check policy.toml",
    "recorrelate one.cassette --dialect gws-outbound -o again.cassette",
    "recorrelate one.cassette --dialect salesforce -o again.cassette --force",
    "ls again.cassette",
    "scan one.cassette --policy salesforce",
    "scan record.cassette",
    "redact one.cassette --dry-run",
    "redact record.cassette -o redacted.cassette",
    "convert one.cassette --to mermaid",
    "convert one.cassette --to curl",
    "tail one.cassette",
)
HAR = """{"log": {"entries": [7, {"startedDateTime": "x", "request": {"method": "GET", "url": "http://gws.example/"},
"response": {"status": 200, "content": {"text": "!", "encoding": "base64"}}}]}}"""


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with cassettes of one triple, one record, and a torn one."""
    monkeypatch.chdir(tmp_path)
    for name in ("one.cassette", "other.cassette"):
        shutil.copy(CASSETTES / "get-chained-record.cassette", name)
    header = Header(started=0, upstream="http://gws.example", dialect="gws-outbound", redaction="gws")
    record = encode_header(header) + encode(Note(0, 1, "close", "the capture ended"))
    Path("record.cassette").write_bytes(record)
    Path("short.cassette").write_bytes(encode_header(header) + encode(Request(0, 1, 1, "c", "GET", "/x", (), b"")))
    Path("torn.cassette").write_bytes(record + b"\x03")
    Path("har.har").write_text(HAR)
    shipped = CliRunner().invoke(main, ["dialect", "show"]).stdout
    Path("one.toml").write_text(shipped)
    Path("bad.toml").write_text(shipped.replace("open_for", "open_fro").replace("grace", "grca"))
    Path("policy.toml").write_text(CliRunner().invoke(main, ["policy", "show"]).stdout)


@pytest.mark.usefixtures("_folder")
def test_one_thing_is_told_as_one() -> None:
    found = {}
    for command in COMMANDS:
        result = CliRunner().invoke(main, command.split())
        assert isinstance(result.exception, SystemExit | None), command
        if plural := PLURAL.findall(result.output):
            found[command] = plural

    assert found == {}


@pytest.mark.parametrize("text", ["1 triples", "holds 1 events", "(1 records)"])
def test_a_wrong_plural_is_found(text: str) -> None:
    assert PLURAL.search(text)


@pytest.mark.parametrize("text", ["21 triples", "0.1 events", "1 triple", "1 is new", "of 1,000 times", "1-1 events"])
def test_other_numbers_are_not(text: str) -> None:
    assert not PLURAL.search(text)
