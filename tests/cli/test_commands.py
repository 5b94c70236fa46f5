"""What a user of the command line sees: help, good output, and one clear line when something is wrong."""

from __future__ import annotations

import gc
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.cli.group import NEW_OBJECTS
from recorder.cli.guide.commands import NAMES
from tests.lab.processes import RECORDER, recorder

CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RECORDER, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def assert_one_clear_line(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert all(word in last for word in words), result.stderr


def assert_refused(arguments: list[str | Path], word: str) -> None:
    """A command run in this process ends with exit code 2 and one line."""
    result = CliRunner().invoke(main, list(map(str, arguments)))

    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    assert re.fullmatch(rf"recorder: .*{re.escape(word)}.*\n", result.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_is_called_wrongly_says_so_in_one_line(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--no-such-option"])

    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(rf"recorder: .*--no-such-option.* \(see .* {name} --help\)\n", result.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_help_with_an_example(name: str) -> None:
    result = run(name, "--help")

    assert result.returncode == 0
    assert "\n  Example:  recorder " in result.stdout


def test_the_help_lists_every_command_and_the_exit_codes() -> None:
    result = run("-h")

    assert all(f"\n  {name} " in result.stdout for name in NAMES)
    assert "Exit codes:" in result.stdout


def test_ls_lists_a_triple_a_line() -> None:
    lines = run("ls", PREVIEW).stdout.splitlines()

    assert lines[0].split()[:4] == ["n", "operation", "handle", "referenceId"]
    assert [line.split()[1] for line in lines[1:]] == [
        "StartPreviewSession", "GetPreviewRecord", "GetChainedRecord", "UpdateRecord", "CompleteRecord",
        "EndPreviewSession",
    ]  # fmt: skip


def test_ls_json_is_a_list_of_triples() -> None:
    triples = json.loads(run("ls", PREVIEW, "--json").stdout)

    chained = triples[2]
    assert [t["n"] for t in triples] == [1, 2, 3, 4, 5, 6]
    assert (chained["operation"], chained["handle"], chained["referenceId"]) == ("GetChainedRecord", "1001", "desk-3")
    assert chained["request"]["body"]["applicationId"] == 134
    assert (chained["ack"]["status"], chained["ack"]["body"]) == (200, {"statusCode": 0})
    assert len(chained["events"]) == 6
    assert {"channel", "offset_ms", "rule", "confidence", "data"} <= chained["events"][0].keys()


def test_ls_all_shows_other_exchanges_and_unsolicited_events() -> None:
    shown = json.loads(run("ls", PREVIEW, "--all", "--json").stdout)

    assert [row["request"]["path"] for row in shown["plain"]] == ["/api/v2/me"]
    assert shown["unsolicited"] == []


def test_show_tells_why_each_event_was_linked() -> None:
    result = run("show", PREVIEW, "3")

    assert "GetChainedRecord" in result.stdout
    assert "linked by reference, confidence 1.0" in result.stdout
    assert "linked by twin" in result.stdout


def test_show_json_is_the_triple_of_ls() -> None:
    assert json.loads(run("show", PREVIEW, "3", "--json").stdout) == json.loads(run("ls", PREVIEW, "--json").stdout)[2]


def test_a_triple_that_is_not_there() -> None:
    assert_one_clear_line(run("show", PREVIEW, "7"), 5, "no triple 7", "1 to 6")


def test_no_such_cassette(tmp_path: Path) -> None:
    assert_one_clear_line(run("ls", tmp_path / "none.cassette"), 2, "none.cassette", "does not exist")


def test_a_file_that_is_no_cassette(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    assert_one_clear_line(run("ls", tmp_path / "text"), 4, "not a cassette")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert_one_clear_line(run("replay", tmp_path / "empty"), 4, "is empty")


def test_a_damaged_cassette_names_the_byte(tmp_path: Path) -> None:
    content = bytearray(PREVIEW.read_bytes())
    content[5000] ^= 1
    (tmp_path / "damaged").write_bytes(content)
    assert_one_clear_line(run("ls", tmp_path / "damaged"), 4, "byte ", "checksum")


def test_a_torn_cassette_is_shown_up_to_the_tear_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "torn").write_bytes(PREVIEW.read_bytes()[:-30])
    result = run("ls", tmp_path / "torn")

    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 7
    assert "warning" in result.stderr


@pytest.mark.parametrize(
    "option", ["--nonsense", "--rate=fast", "--rate=0", "--rate=nan", "--listen=here", "--listen=1:99999"]
)
def test_an_option_that_makes_no_sense(option: str) -> None:
    assert_one_clear_line(run("replay", PREVIEW, option), 2, option.partition("=")[0])


def test_a_command_that_does_not_exist() -> None:
    assert_one_clear_line(run("rekord"), 2, "rekord")


def test_replay_on_a_port_in_use(taken_port: int) -> None:
    result = run("replay", PREVIEW, "--listen", f"127.0.0.1:{taken_port}")
    assert_one_clear_line(result, 2, f"cannot listen on 127.0.0.1:{taken_port}", "another port")


def test_record_on_a_port_in_use(taken_port: int, tmp_path: Path) -> None:
    with recorder("replay", PREVIEW) as upstream:
        result = run("record", upstream.url, "-o", tmp_path / "new", "--listen", f"127.0.0.1:{taken_port}")

    assert_one_clear_line(result, 2, f"cannot listen on 127.0.0.1:{taken_port}")
    assert not (tmp_path / "new").exists()


def test_record_with_the_upstream_down(closed_port: int, tmp_path: Path) -> None:
    result = run("record", f"http://127.0.0.1:{closed_port}", "-o", tmp_path / "new")

    assert_one_clear_line(result, 6, "cannot be reached", str(closed_port))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("upstream", ["gws.example", "ftp://gws.example", "http://", "http://a:b", "http://a:99999"])
def test_record_with_an_upstream_that_is_no_url(upstream: str, tmp_path: Path) -> None:
    assert_refused(["record", upstream, "-o", tmp_path / "new"], upstream)


def test_record_refuses_to_overwrite() -> None:
    assert_one_clear_line(run("record", "http://127.0.0.1:9", "-o", PREVIEW), 2, "exists already", "--force")


def test_record_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    result = run("record", "http://127.0.0.1:9", "-o", tmp_path / "no" / "new")
    assert_one_clear_line(result, 6, "cannot be reached")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("mode", ["sideways", "transparent", "wireguard", "dns", "Regular"])
def test_record_with_a_mode_that_is_none_of_its_own(mode: str, tmp_path: Path) -> None:
    assert_refused(["record", "--mode", mode, "-o", tmp_path / "new"], mode)


def test_a_dialect_that_is_not_there() -> None:
    assert_one_clear_line(run("ls", PREVIEW, "--dialect", "klingon"), 2, "klingon", "no such dialect")


def test_replay_ends_cleanly_on_ctrl_c_and_says_what_was_not_asked_for() -> None:
    with recorder("replay", PREVIEW) as server:
        pass

    assert server.code == 0
    assert "not asked for: triple 1, 2, 3, 4, 5, 6" in server.stderr


def test_several_cassettes_are_replayed_as_one() -> None:
    with recorder("replay", PREVIEW, CASSETTES / "get-chained-record.cassette") as server:
        pass

    assert "1, 2, 3, 4, 5, 6, 7" in server.stderr


def test_output_into_head_is_quiet() -> None:
    piped = f"{RECORDER} ls {PREVIEW} --all --json | head -n 1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", piped], capture_output=True, text=True, check=False)

    assert (result.stderr, result.stdout) == ("", "{\n")


def test_the_command_line_loads_neither_mitmproxy_nor_aiohttp() -> None:
    program = (
        "import sys, recorder.cli; from recorder.cli.commands import catalogue, demo, ls, record, replay;"
        "print(sorted({'mitmproxy', 'aiohttp', 'distributed', 'fsspec', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, recorder; print(len([m for m in sys.modules if m.startswith(('recorder.', 'click'))]))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "0\n"


def test_without_mitmproxy_record_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['mitmproxy'] = None\n"
        "from recorder.cli import main; main(['record', 'http://127.0.0.1:9', '-o', sys.argv[1]])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "new"], capture_output=True, text=True, check=False
    )

    assert_one_clear_line(result, 2, "pip install 'outbound-recorder[record]'")


@pytest.mark.parametrize("name", ["record", "replay", "contentview"])
def test_the_path_of_a_shipped_script_is_printed(name: str) -> None:
    result = subprocess.run([RECORDER, "addon", name], capture_output=True, text=True, check=True)

    script = Path(result.stdout.removesuffix("\n"))
    assert script.name == f"{name}.py"
    assert "addons = [" in script.read_text()


def test_a_script_that_is_not_shipped_is_told_with_those_that_are() -> None:
    result = subprocess.run([RECORDER, "addon", "recrod"], capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "'record', 'replay', 'contentview'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(("name", "is_rare"), [("ls", True), ("seal", True), ("record", False)])
def test_garbage_is_looked_for_rarely_where_no_proxy_makes_any(
    name: str, is_rare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    monkeypatch.setattr(gc, "set_threshold", found.append)

    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0

    assert found == [NEW_OBJECTS] * is_rare
