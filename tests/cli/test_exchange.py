"""diff, convert and import as a user calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.cli import main
from recorder.library.recording import load_recording
from recorder.library.sealing import seal
from tests.cli.test_json import problems
from tests.diff.edits import CASSETTE, json_of, status_of
from tests.views.pages.opened import text_of

CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"
SMALL = CASSETTES / "get-chained-record.cassette"
FORMATS = ["har", "mermaid", "perfetto", "jsonl", "curl", "pytest"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def fails(code: int, *words: str, by: Result | subprocess.CompletedProcess[str]) -> None:
    """It ended with this code, nothing on stdout and one clear line."""
    assert (by.exit_code if isinstance(by, Result) else by.returncode, by.stdout) == (code, ""), by.stderr
    assert "Traceback" not in by.stderr
    assert all(word in by.stderr.splitlines()[-1] for word in words), by.stderr


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The shipped session with another result of CompleteRecord, and another status of its ack."""
    records = status_of(42, 202)(json_of(39, lambda body: body | {"callResult": "Busy"})(list(CASSETTE.records)))
    path = tmp_path / "changed.cassette"
    path.write_bytes(encode_header(CASSETTE.header) + b"".join(map(encode, records)))
    return path


# diff


def test_diff_of_a_cassette_and_itself_is_silent_and_ends_with_0(tmp_path: Path) -> None:
    seal(PREVIEW, tmp_path / "sealed")

    result = run("diff", PREVIEW, tmp_path / "sealed")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "recorder: no differences\n"


def test_diff_shows_what_changed_and_ends_with_1(changed: Path) -> None:
    result = run("diff", PREVIEW, changed)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"--- {PREVIEW}",
        f"+++ {changed}",
        "@@ triple 5 CompleteRecord handle 1001 campaign Campaign1 @@",
        '-   request.body.callResult: "Answer"',
        '+   request.body.callResult: "Busy"',
        "-   ack.status: 200",
        "+   ack.status: 202",
    ]
    assert result.stderr == "recorder: 1 field changed, 1 status changed\n"


def test_diff_json_is_a_list_of_differences(changed: Path) -> None:
    result = run("diff", PREVIEW, changed, "--json")

    assert result.exit_code == 1
    assert [(row["what"], row["where"], row["n"]["old"]) for row in json.loads(result.stdout)] == [
        ("field changed", "request.body.callResult", 5),
        ("status changed", "ack.status", 5),
    ]
    assert json.loads(run("diff", PREVIEW, PREVIEW, "--json").stdout) == []
    lines = run("diff", PREVIEW, changed, "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(result.stdout)


def test_diff_json_is_what_it_was() -> None:
    golden = Path(__file__).parent / "golden" / "diff.json"

    assert run("diff", SMALL, PREVIEW, "--json").stdout == golden.read_text(encoding="utf-8")


def test_diff_writes_a_page_of_both(changed: Path, tmp_path: Path) -> None:
    target = tmp_path / "diff.html"

    result = run("diff", PREVIEW, changed, "--html", target)
    again = run("diff", PREVIEW, changed, "--html", target)

    page = text_of(target.read_text("utf-8"))
    assert result.exit_code == 1
    assert f"<title>{PREVIEW.name} \N{RIGHTWARDS ARROW} {changed.name}</title>" in page
    assert '"differences"' in page
    assert '"status changed"' in page
    fails(2, "exists already", by=again)


def test_diff_shows_only_what_fits_a_filter(changed: Path) -> None:
    assert run("diff", PREVIEW, changed, "--filter", "op:GetChained*").exit_code == 0
    assert run("diff", PREVIEW, changed, "--filter", "status:202").exit_code == 1  # in one of the two
    fails(2, "column", by=run("diff", PREVIEW, changed, "--filter", "op:("))


def test_diff_of_what_cannot_be_read_ends_with_4(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    fails(4, "not a cassette", by=run("diff", PREVIEW, tmp_path / "text"))


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--latency", "soon"], "soon"), (["--id", "nonsense"], "nonsense"), (["--dialect", "klingon"], "klingon")],
)
def test_diff_with_an_option_that_makes_no_sense(options: list[str], word: str) -> None:
    fails(2, word, by=run("diff", PREVIEW, PREVIEW, *options))


def test_diff_of_cassettes_in_two_dialects_is_refused(tmp_path: Path) -> None:

    other = tmp_path / "other.cassette"
    other.write_bytes(encode_header(replace(CASSETTE.header, dialect="salesforce-changes")))

    fails(2, "different dialects", "--dialect", by=run("diff", PREVIEW, other))


# convert


@pytest.mark.parametrize("name", FORMATS)
def test_convert_writes_a_file_or_to_stdout_the_same(name: str, tmp_path: Path) -> None:
    to_file = run("convert", PREVIEW, "--to", name, "-o", tmp_path / "out")
    to_stdout = run("convert", PREVIEW, "--to", name)

    assert (to_file.exit_code, to_file.stdout, to_stdout.exit_code) == (0, "", 0)
    assert (tmp_path / "out").read_text() == to_stdout.stdout != ""
    assert "written" in to_file.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_convert_does_not_overwrite(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    fails(2, "exists already", by=run("convert", PREVIEW, "--to", name, "-o", tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "mine"


def test_convert_of_what_is_no_cassette_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    fails(4, "not a cassette", by=run("convert", tmp_path / "text", "--to", "har", "-o", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_convert_to_what_it_does_not_know() -> None:
    fails(2, "'pdf'", by=run("convert", PREVIEW, "--to", "pdf"))


def test_jsonl_is_ls_json_line_by_line() -> None:
    lines = run("convert", PREVIEW, "--to", "jsonl").stdout.splitlines()

    assert [json.loads(line) for line in lines] == json.loads(run("ls", PREVIEW, "--json").stdout)


# import


def test_a_har_of_ours_is_imported_to_the_same_session(tmp_path: Path) -> None:
    run("convert", PREVIEW, "--to", "har", "-o", tmp_path / "s.har")

    result = run("import", tmp_path / "s.har", "-o", tmp_path / "s.cassette", "--no-redaction")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "WARNING: redaction is off" in result.stderr
    assert run("diff", PREVIEW, tmp_path / "s.cassette").stdout == ""
    assert run("doctor", tmp_path / "s.cassette").exit_code == 0


def test_an_import_is_redacted_under_the_key_of_a_file(tmp_path: Path) -> None:
    run("convert", SMALL, "--to", "har", "-o", tmp_path / "s.har")
    options = ["--redaction-key-file", tmp_path / "key", "--force"]

    runs = [run("import", tmp_path / "s.har", "-o", tmp_path / f"{n}.cassette", *options) for n in range(2)]

    assert [result.exit_code for result in runs] == [0, 0]
    one, other = ((tmp_path / f"{n}.cassette").read_bytes() for n in range(2))
    assert one == other
    secret = dict(read(SMALL).records[0].headers)["Authorization"].encode()
    assert (secret in SMALL.read_bytes(), secret in one) == (True, False)
    assert read(tmp_path / "0.cassette").header.redaction == "gws"
    assert len(load_recording(tmp_path / "0.cassette").triples) == 1


@pytest.fixture
def _mitmproxy() -> None:
    """It warns of itself when it is imported, which `importorskip` does not take for an error."""
    pytest.importorskip("mitmproxy.io")


@pytest.mark.usefixtures("_mitmproxy")
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no HTTP exchange"),
        (b"hello", "not a flow file"),
        (b"{}", "not a HAR"),
        (b"{" * 100_000, "not a HAR"),
        (b"\xef\xbb\xbf \n{", "not a HAR"),
        (b"999999999999:x", "a flow of more than"),
        (PREVIEW.read_bytes(), "not a flow file"),
    ],
)
def test_import_of_what_is_neither_is_one_line_and_leaves_no_file(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(content)

    fails(4, problem, by=run("import", tmp_path / "in", "-o", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--policy", "nonsense"], "nonsense"),
        (["--dialect", "klingon"], "klingon"),
        (["--no-redaction", "--policy", "x.toml"], "--no-redaction"),
        (["--origin", "http://nobody.example"], "holds no request to"),
    ],
)
def test_import_with_an_option_that_makes_no_sense(options: list[str], word: str, tmp_path: Path) -> None:
    run("convert", SMALL, "--to", "har", "-o", tmp_path / "s.har")

    result = run("import", tmp_path / "s.har", "-o", tmp_path / "out", *options)

    assert result.exit_code in (2, 4)
    assert word in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_import_tells_programs_what_it_left_out(tmp_path: Path) -> None:
    run("convert", SMALL, "--to", "har", "-o", tmp_path / "s.har")
    har = json.loads((tmp_path / "s.har").read_text())
    har["log"]["entries"] += [None, {"request": None}, {"request": {"method": "GET", "url": "https://cdn.example/x"}}]
    (tmp_path / "s.har").write_text(json.dumps(har))

    result = run("import", tmp_path / "s.har", "-o", tmp_path / "s.cassette", "--no-redaction", "--json")

    told = json.loads(result.stdout)
    assert problems("import", told) == []
    assert told["left_out"] == {"other-server": 1, "no-object": 1, "no-request": 1}
    assert all(f"recorder: {note}" in result.stderr.splitlines() for note in told["notes"])
    found = json.loads(run("doctor", tmp_path / "s.cassette", "--json").stdout)
    assert [row["text"] for row in found if row["kind"] == "left-out"] == told["notes"][1:]


def test_import_does_not_overwrite(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"{}")

    (tmp_path / "there").write_bytes(b"precious")

    fails(2, "exists already", by=run("import", tmp_path / "in", "-o", tmp_path / "there"))


def test_a_file_of_nothing_that_is_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "in").open("wb") as file:
        file.write(b"{")
        file.truncate(1 << 28)

    fails(4, "is not a HAR", by=run("import", tmp_path / "in", "-o", tmp_path / "out"))


def test_without_mitmproxy_flows_say_what_to_install_and_a_har_is_imported(tmp_path: Path) -> None:
    run("convert", SMALL, "--to", "har", "-o", tmp_path / "s.har")
    (tmp_path / "flows").write_bytes(b"x")
    program = (
        "import sys; sys.modules['mitmproxy'] = None\n"
        "from recorder.cli import main; main(['import', sys.argv[1], '-o', sys.argv[2]])"
    )

    without = [
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / name, tmp_path / f"{name}.cassette"],
            capture_output=True, text=True, check=False,
        )
        for name in ("flows", "s.har")
    ]  # fmt: skip

    assert [result.returncode for result in without] == [2, 0]
    assert "pip install 'outbound-recorder[record]'" in without[0].stderr
