"""What a user gave, and what a policy of a team hides, is in no output of a drive, whatever the server says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recorder import Drive
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.model import Header
from recorder.redaction.carried import carrying, described
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from tests.integration.drive.stage import command
from tests.lab.trap import Told, Trap
from tests.views.pages.opened import text_of
from tests.wire import HEADER, Ask, Wire

PRIVATE = {"nickcode": "ZQ-4711-ann", "note": "badge ZQ-4711-ann", "password": "hunter2-Pa55word"}
TOKEN = "tok-4f1c77aa9e0b"
POLICY = """
name = "team"
extends = "gws"
[fields]
secret = ["nickcode"]
"""


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """A cassette that a policy of a team redacted, which is shipped with nothing but the cassette."""
    policy = load_policy(str(_written(tmp_path / "team.toml", POLICY)))
    wire = Wire()
    login = (("Authorization", "Bearer recorded-77aa11bb"),)
    recorded = {"nickcode": "XX-0815-bob", "note": "badge XX-0815-bob", "password": "other-pass-1"}
    wire.ack(wire.request("PUT", "/badge?nickcode=XX-0815-bob", Ask("/badge", recorded).body, login))
    redactor = Redactor(policy, b"k" * 32)
    header: Header = carrying(replace(HEADER, redaction="team", policy_text=described(policy)))
    path = tmp_path / "team.cassette"
    path.write_bytes(encode_header(header) + b"".join(encode(redactor.redact(record)) for record in wire.records))
    return path


def _written(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text)
    return path


def _values(cassette: Path, folder: Path) -> Path:
    """Real values for all that is missing."""
    real = {"nickcode": PRIVATE["nickcode"], "password": PRIVATE["password"], "authorization": f"Bearer {TOKEN}"}
    tables: dict[str, list[str]] = {}
    for one in Drive(cassette, "", environ={}).missing:
        table, _, pair = one.line.partition("\n")
        value = next(value for name, value in real.items() if name in one.where)
        tables.setdefault(table, []).append(f"{pair.partition(' = ')[0]} = {json.dumps(value)}")
    assert {table: len(lines) for table, lines in tables.items()} == {"[headers]": 1, "[pseudonyms]": 2}
    return _written(folder / "v.toml", "\n".join(line for table, lines in tables.items() for line in (table, *lines)))


@pytest.mark.parametrize("verb", ["drive", "verify"])
def test_no_output_shows_what_the_user_gave(verb: str, cassette: Path, tmp_path: Path) -> None:
    values, live = _values(cassette, tmp_path), tmp_path / "live.cassette"
    more = ["--junit", tmp_path / "j.xml", "--html", tmp_path / "h.html"] if verb == "verify" else []
    echoed = {"error": f"no {PRIVATE['nickcode']} with {TOKEN}", "nickcode": PRIVATE["nickcode"]}
    with Trap(Told(403, {"X-Echo": TOKEN}, echoed)) as trap:
        done = command(
            verb, cassette, "--to", trap.url, "--values", values, "--allow-all", "-o", live, "--patience", "0.3", *more
        )

        assert done.returncode in {1, 3}, done.stderr
        sent = trap.requests[0]
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(sent.body)["nickcode"] == PRIVATE["nickcode"]
    assert sent.path.endswith(PRIVATE["nickcode"])
    outputs = done.stdout + done.stderr
    kept = repr(list(read(live).records))
    kept += "".join(text_of(path.read_text()) for path in (tmp_path / "j.xml", tmp_path / "h.html") if path.exists())
    raw = live.read_bytes().decode("latin-1")
    for value in (PRIVATE["nickcode"], PRIVATE["password"], TOKEN):
        assert [value in text for text in (outputs, kept, raw)] == [False] * 3, value
    assert command("scan", live).returncode == 0
    assert live.stat().st_mode & 0o002 == 0
