"""One mistake has one exit code in all commands: the matrix of docs/commands.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.cli.guide.commands import NAMES

ROOT = Path(__file__).parents[3]
CASSETTE = ROOT / "cassettes/get-chained-record.cassette"
READ = (
    "ls F", "show F 1", "show F r1", "timeline F", "explain F 1", "grep op:* F", "stats F", "report F -o N",
    "diff F ok.cassette", "diff ok.cassette F", "doctor F", "tail F", "textconv F", "scan F", "seal F -o N",
    "slice F --triples 1 -o N", "merge F -o N", "migrate F -o N", "recorrelate F --dialect gws-outbound -o N",
    "redact F -o N", "convert F --to mermaid", "convert F --to har -o N", "drive F --dry-run", "verify F --dry-run",
    "edit F --to -", "edit F --to N", "dialect suggest F", "replay F",
)  # fmt: skip
WRITE = (
    "report F -o N", "seal F -o N", "slice F --triples 1 -o N", "merge F -o N", "recover F -o N", "migrate F -o N",
    "recorrelate F --dialect gws-outbound -o N", "redact F -o N", "convert F --to mermaid -o N", "edit F --to N",
    "edit --from ok.toml -o N", "diff F F --html N", "dialect suggest F -o N", "import ok.har -o N",
)  # fmt: skip
DIALECT = [command for command in READ if not command.startswith(("edit", "migrate", "recorrelate", "dialect"))]
FILTER = ("ls F", "show F", "timeline F", "explain F", "stats F", "report F -o N", "slice F -o N", "diff F F")
NUMBER = (
    "show F 9", "show F r99", "show F p9", "show F u9", "timeline F 9", "explain F 9", "explain F 1.9", "explain F u9",
    "slice F --triples 9 -o N", "show F --handle x", "show F --reference x",
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with files of all kinds."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(CASSETTE, "ok.cassette")
    Path("empty").touch()
    Path("text").write_text("hello\n")
    damaged = bytearray(CASSETTE.read_bytes())
    damaged[3000] ^= 1
    Path("damaged").write_bytes(damaged)
    Path("folder").mkdir()
    Path("there").write_text("it is here\n")
    return tmp_path


@pytest.fixture
def _texts() -> None:
    """The texts that some commands read."""
    assert code("edit F --to ok.toml") == 0
    assert code("convert F --to har -o ok.har") == 0


def code(command: str, file: str = "ok.cassette", new: str = "new/output", *more: str) -> int:
    """Run a command with its file and its output; return its exit code. It must end with one line, and no traceback."""
    words = [{"F": file, "N": new}.get(word, word) for word in command.split()]
    result = CliRunner().invoke(main, [*words, *more], prog_name="recorder")

    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == 0 or re.search(r"^[^ ]+: .", result.output, re.MULTILINE)
    return result.exit_code


def codes(
    commands: tuple[str, ...] | list[str], *words: str, file: str = "ok.cassette", new: str = "new/output"
) -> set[int]:
    """Return the exit codes of commands, which make no file."""
    found = {code(command, file, new, *words) for command in commands}

    assert not Path("new").exists()
    return found


def test_a_file_that_is_missing_or_no_file() -> None:
    assert codes(READ, file="missing") == codes(READ, file="folder") == {2}


@pytest.mark.parametrize("file", ["empty", "text", "damaged"])
def test_a_file_that_is_no_cassette_or_damaged(file: str) -> None:
    assert codes(READ, file=file) == {4}


def test_a_triple_record_or_event_that_is_not_there() -> None:
    assert codes(NUMBER) == {5}


def test_a_filter_that_nothing_fits() -> None:
    assert codes(FILTER, "-f", "no-such-word") == {5}
    assert code("grep no-such-word F") == 5


def test_a_filter_with_a_mistake() -> None:
    assert codes(FILTER, "-f", "n:many") == codes(FILTER, "-f", "nn:1") == {2}
    assert code("grep n:many F") == 2


def test_a_dialect_that_is_not_there() -> None:
    assert codes(DIALECT, "--dialect", "klingon") == {2}
    assert codes(["redact F -o N", "scan F"], "--policy", "klingon") == {2}


def test_an_option_or_argument_that_makes_no_sense() -> None:
    assert {CliRunner().invoke(main, [name, "--no-such-option"]).exit_code for name in NAMES} == {2}
    assert codes(READ, "--no-such-option") == {2}


@pytest.mark.usefixtures("_texts")
def test_an_output_that_exists_or_is_a_folder() -> None:
    assert codes(WRITE, new="there") == codes(WRITE, new="folder") == {2}
    assert Path("there").read_text() == "it is here\n"


@pytest.mark.usefixtures("_texts")
def test_an_output_that_cannot_be_written() -> None:
    assert codes(WRITE, new="there/new") == {4}


@pytest.mark.usefixtures("_texts")
@pytest.mark.parametrize("command", WRITE)
def test_an_output_makes_its_folder(command: str) -> None:
    assert code(command, new="new/a/output") == 0
    assert [path.name for path in Path("new").rglob("*")] == ["a", "output"]


def test_a_log_makes_its_folder() -> None:
    assert code("replay F --listen 999.1.1.1:0 --log new/a/log") == 2
    assert Path("new/a/log").is_file()


def test_a_settings_file_with_mistakes() -> None:
    Path("bad.toml").write_text("name = 1\n")

    assert {code("dialect check bad.toml"), code("policy check bad.toml")} == {1}
    assert codes(DIALECT, "--dialect", "bad.toml") == {2}


def test_a_reader_that_hangs_up_is_no_mistake() -> None:
    piped = f"{sys.executable} -m recorder ls ok.cassette --all --json | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")


def test_a_closed_stdin_is_no_mistake() -> None:
    closed = f"{sys.executable} -m recorder ls ok.cassette <&-"
    result = subprocess.run(["bash", "-c", closed], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.usefixtures("_texts")
def test_ctrl_c_ends_a_command_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("recorder.editing.reading.from_text", interrupted)

    assert codes(["edit --from ok.toml -o N"]) == {130}


def test_the_matrix_is_in_the_documents() -> None:
    text = (ROOT / "docs/commands.md").read_text()

    assert re.findall(r"^\| ([0-9]+) \|", text, re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "6", "7", "130"]
    assert all(f"`{name}`" in text for name in NAMES)
