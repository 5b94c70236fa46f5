"""Files that are none, names that are traps, and what strangers wrote into a cassette: told in a line, and inert."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.sealed import SealedWriter
from recorder.cli import main
from recorder.cli.options import warn_if_exposed
from recorder.model import Request, Row, RowEvent
from tests.lab.processes import RECORDER
from tests.wire import HEADER, Wire, chained

pytestmark = pytest.mark.once

CASSETTE = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
READERS = [
    ["ls"], ["show", "1"], ["explain", "1"], ["doctor"], ["scan"], ["textconv"], ["migrate"], ["recover"], ["seal"],
    ["recorrelate"], ["redact", "--dry-run"], ["slice", "--triples", "1", "-o", "out"], ["merge", "-o", "out"],
    ["replay"], ["drive", "--dry-run"], ["policy", "check"], ["dialect", "check"],
]  # fmt: skip
WRITERS = [["seal"], ["recover"], ["redact"], ["slice", "--triples", "1"], ["merge"]]
writers = pytest.mark.parametrize("command", WRITERS, ids=" ".join)
readers = pytest.mark.parametrize("command", READERS, ids=" ".join)
TRAP = "\x1b[2J\x07\u202e\n\x9b31m\x7f"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        yield tmp_path


def run(command: list[str], *files: str) -> Result:
    group = ["policy", "dialect"]
    words = command[:2] if command[0] in group else command[:1]
    return CliRunner().invoke(main, [*words, *files, *command[len(words) :]])


def told(result: Result) -> str:
    """The line it ended with; fails if it was another end."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert all(line.isprintable() for line in result.output.splitlines()), result.output
    return result.output.strip().splitlines()[-1]


# What is no file


@readers
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "socket", "loop", "dangling", ".", "no\nsuch", "x" * 300, "-"])
def test_what_is_no_regular_file_is_told_in_a_line(folder: Path, command: list[str], name: str) -> None:
    result = run(command, name)

    assert result.exit_code in (1, 2, 4)
    assert told(result)


@pytest.mark.parametrize(
    "words", [["redact", "-o", "out", "--policy"], ["redact", "-o", "out", "--redaction-key-file"], ["ls", "--dialect"]]
)
@pytest.mark.parametrize("name", ["./pipe", "/dev/zero", "./loop", "."])
@pytest.mark.timeout(20)
def test_an_option_that_names_no_regular_file_is_told_in_a_line(folder: Path, words: list[str], name: str) -> None:
    result = CliRunner().invoke(main, [*words, name, str(CASSETTE)])

    assert result.exit_code == 2
    assert told(result)
    assert not Path("out").exists()


@pytest.mark.timeout(20)
@writers
@pytest.mark.parametrize("target", ["pipe", "loop", ".", "", "new/", "-", "/dev/null", "/dev/stdout", "there/folder"])
def test_an_output_that_is_no_regular_file_is_not_written(folder: Path, command: list[str], target: str) -> None:
    Path("there").write_text("precious")

    result = run([*command, "-o", target, "--force"], str(CASSETTE))

    assert result.exit_code in (2, 4)
    assert told(result)


@writers
def test_an_output_that_is_there_needs_force(folder: Path, command: list[str]) -> None:
    Path("there").write_text("precious")
    Path("link").symlink_to("there")

    results = [run([*command, "-o", name], str(CASSETTE)) for name in ("there", "link")]

    assert [result.exit_code for result in results] == [2, 2]
    assert Path("there").read_text() == "precious"


def test_a_link_that_leads_nowhere_is_no_way_to_write_elsewhere(folder: Path) -> None:
    result = run(["recover", "-o", "dangling"], str(CASSETTE))

    assert result.exit_code == 2
    assert not Path("nowhere").exists()


# Names


@pytest.mark.parametrize("name", ["a\nb", "a b", "ü€", TRAP, "-o", "--help", "\udcff"])
@readers
def test_a_name_is_only_a_name(folder: Path, command: list[str], name: str) -> None:
    broken = os.fsencode("./" + name)
    Path(os.fsdecode(broken)).write_bytes(b"no cassette")

    result = run(command, "./" + name)

    assert result.exit_code in (1, 2, 4)
    assert told(result)


@pytest.mark.once
def test_a_name_that_is_no_utf8_is_told_on_any_terminal(folder: Path) -> None:
    name = b"\xff\x1b[2J.cassette"
    shutil.copyfile(CASSETTE, folder / os.fsdecode(name))

    made = subprocess.run([RECORDER, "seal", name], capture_output=True, check=False, cwd=folder, env={"LC_ALL": "C"})

    assert made.returncode == 0
    assert b"\x1b" not in made.stderr


# What stands in a cassette


def trapped() -> list[bytes]:
    wire = Wire()
    desk = wire.desk()
    asked = desk.post(replace(chained(7, "r1"), target=f"/api/v2/me/{TRAP}", method=f"PO{TRAP}"))
    desk.hears({"channel": f"/v2/{TRAP}", "data": {"referenceId": "r1", "notificationType": TRAP, "x": TRAP}})
    wire.respond(asked, {"statusCode": 0, "referenceId": "r1", "x": TRAP}, headers=((TRAP, TRAP),))
    wire.fail(wire.request("GET", f"/{TRAP}", TRAP.encode(), ((TRAP, TRAP),)))
    return [encode(record) for record in wire.records]


SHOWN = [
    ["ls"], ["ls", "--all"], ["ls", "--all", "--json"], ["show", "1"], ["show", "1", "--json"], ["explain", "1"],
    ["explain", "u1"], ["explain", "1.1"], ["explain", "1", "--json"], ["doctor"], ["doctor", "--json"], ["scan"],
    ["scan", "--json"], ["textconv"], ["redact", "--dry-run"], ["redact", "--dry-run", "--json"],
]  # fmt: skip


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_what_strangers_wrote_steers_no_terminal(folder: Path, command: list[str]) -> None:
    Path("c").write_bytes(encode_header(HEADER) + b"".join(trapped()))

    result = run(command, "c")

    assert result.exit_code in (0, 1, 5, 7)
    told(result)


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
@pytest.mark.parametrize("field", ["dialect", "redaction", "upstream"])
def test_neither_does_a_header(folder: Path, command: list[str], field: str) -> None:
    header = replace(HEADER, **{field: f"../../{TRAP}"})
    Path("c").write_bytes(encode_header(header) + b"".join(trapped()))

    told(run(command, "c"))


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_neither_do_triples_that_somebody_else_sealed(folder: Path, command: list[str]) -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, "r1")), {"statusCode": 0})
    asked = next(r for r in wire.records if isinstance(r, Request) and b"GetChainedRecord" in r.body)
    event = RowEvent(0, 0, TRAP, TRAP, TRAP, 1, TRAP, ())
    with Path("c").open("wb") as file:
        writer = SealedWriter(file, replace(HEADER, profile="sealed"))
        for record in wire.records:
            writer.fact(record)
        writer.row(Row(1, TRAP, {"handle": TRAP}, TRAP, "complete", asked.seq, None, None, (event,)))
        writer.finish([], {})
        writer.close()

    told(run(command, "c"))


# Where it listens


def command_of(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["record", "replay"])
def test_it_listens_on_loopback_by_default(name: str) -> None:
    listen = next(option for option in command_of(name).params if option.name == "listen")

    assert listen.default == "127.0.0.1:0"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "desk.example", "127.example.com", "192.0.2.1"])
def test_another_address_is_warned_of(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    warn_if_exposed(host)

    assert capsys.readouterr().err == f"recorder: warning: listening on {host}, other machines can connect\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_not(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    warn_if_exposed(host)

    assert capsys.readouterr().err == ""


def test_the_warning_comes_before_it_listens(folder: Path) -> None:
    result = CliRunner().invoke(main, ["replay", str(CASSETTE), "--listen", "192.0.2.1:0"])  # nobody has this address

    assert result.exit_code == 2
    assert "warning: listening on 192.0.2.1" in result.output


@pytest.mark.parametrize("words", [["http://gws.example:80@8080"], ["--mode", "regular@0.0.0.0:0"]], ids=str)
@pytest.mark.filterwarnings("default::DeprecationWarning")  # of a library of mitmproxy, at its first import
def test_no_mode_and_no_upstream_says_where_to_listen(folder: Path, words: list[str]) -> None:
    pytest.importorskip("mitmproxy")
    result = CliRunner().invoke(main, ["record", *words, "-o", "c"])

    assert result.exit_code == 2
    assert "give the address by --listen" in told(result)
