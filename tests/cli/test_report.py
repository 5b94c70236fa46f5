"""`recorder report`: writes one file, overwrites nothing unasked, and says what is wrong in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import synthetic
from recorder.cassette.codec import encode, encode_header
from recorder.cli import main
from recorder.model import Request
from tests.cli.test_commands import PREVIEW, assert_one_clear_line, run
from tests.views.pages.opened import text_of

HEADER = replace(synthetic.HEADER, redaction="none")


def test_it_writes_a_file_and_prints_where(tmp_path: Path) -> None:
    target = tmp_path / "session.html"

    result = run("report", PREVIEW, "-o", target)

    assert (result.returncode, result.stdout, result.stderr) == (0, f"{target}\n", "")
    assert target.read_text("utf-8").startswith("<!doctype html>")


def test_a_name_of_any_bytes_is_printed_escaped(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["report", str(PREVIEW), "-o", str(tmp_path / "a\udcff.html")])

    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/a\\udcff.html\n")


def test_it_holds_no_path_of_this_machine(tmp_path: Path) -> None:
    target = tmp_path / "session.html"

    run("report", PREVIEW, "-o", target)

    text = text_of(target.read_text("utf-8"))
    assert "<title>preview-session.cassette</title>" in text
    assert str(PREVIEW.parent) not in text
    assert str(tmp_path) not in text


def test_a_title_can_be_given(tmp_path: Path) -> None:
    target = tmp_path / "session.html"

    run("report", PREVIEW, "-o", target, "--title", "Late records & more")

    assert "<title>Late records &amp; more</title>" in target.read_text("utf-8")


def test_it_overwrites_nothing_unasked(tmp_path: Path) -> None:
    target = tmp_path / "session.html"
    target.write_text("mine")

    refused = run("report", PREVIEW, "-o", target)
    kept = target.read_text()
    forced = run("report", PREVIEW, "-o", target, "--force")

    assert_one_clear_line(refused, 2, "exists already", "--force")
    assert kept == "mine"
    assert forced.returncode == 0
    assert target.read_text("utf-8") != "mine"


def test_a_filter_leaves_out_the_rest(tmp_path: Path) -> None:
    target = tmp_path / "session.html"

    result = run("report", PREVIEW, "-o", target, "--filter", "op:CompleteRecord")

    text = text_of(target.read_text("utf-8"))
    assert result.returncode == 0
    assert '"CompleteRecord"' in text
    assert '"GetPreviewRecord"' not in text


@pytest.mark.parametrize(
    ("expression", "code", "words"),
    [("op:Nothing", 5, ["nothing fits", "op:Nothing"]), ("(op:x", 2, ["column 1", "not closed"])],
)
def test_a_filter_that_fits_nothing_or_is_wrong_writes_nothing(
    tmp_path: Path, expression: str, code: int, words: list[str]
) -> None:
    target = tmp_path / "session.html"

    result = run("report", PREVIEW, "-o", target, "--filter", expression)

    assert_one_clear_line(result, code, *words)
    assert not target.exists()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")

    result = run("report", PREVIEW, "-o", tmp_path / "file" / "session.html")

    assert_one_clear_line(result, 4, "is not a folder")


def test_a_file_that_is_no_cassette_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.cassette"
    broken.write_bytes(b"hello")

    result = run("report", broken, "-o", tmp_path / "a.html")

    assert_one_clear_line(result, 4, "not a cassette")


def test_the_same_cassette_gives_the_same_file(tmp_path: Path) -> None:
    results = [run("report", PREVIEW, "-o", tmp_path / name) for name in ("a.html", "b.html")]

    assert [result.returncode for result in results] == [0, 0]
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_it_loads_neither_mitmproxy_nor_aiohttp(tmp_path: Path) -> None:
    script = (
        "import sys; from recorder.cli import main; "
        f"main(['report', {str(PREVIEW)!r}, '-o', {str(tmp_path / 'a.html')!r}], standalone_mode=False); "
        "sys.exit(bool({'mitmproxy', 'aiohttp'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cassette of 40 triples, which is more than the page of these tests may show."""
    path = tmp_path_factory.mktemp("large") / "large.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, synthetic.records(40))))
    return path


@pytest.fixture
def small_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.views.selection.MOST", 20)


def shown(page: Path) -> list[str]:
    """The notes of a page."""
    return re.findall('<p id="note" class="facts">(.*?)</p>', page.read_text("utf-8"))


@pytest.mark.usefixtures("small_page")
def test_of_a_large_cassette_a_choice_is_shown_and_told(large: Path, tmp_path: Path) -> None:
    target = tmp_path / "large.html"

    result = CliRunner().invoke(main, ["report", str(large), "-o", str(target)])

    told = re.search(r"large.html: shows (\d+) of 40 triples: those that failed, .*; --all shows all\n", result.stderr)
    assert result.exit_code == 0
    assert told
    assert 10 <= int(told[1]) <= 20
    [note] = shown(target)
    assert note.startswith(f"This page shows {told[1]} of 40 triples: ")
    assert note.endswith("recorder report --all shows all.")


@pytest.mark.usefixtures("small_page")
def test_all_of_a_large_cassette_is_shown_if_asked_for(large: Path, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("all.html", "some.html")]
    results = [
        CliRunner().invoke(main, ["report", str(large), "-o", str(page), "--title", "x", *options])
        for page, options in zip(pages, (["--all"], []), strict=True)
    ]

    assert [result.exit_code for result in results] == [0, 0]
    assert results[0].stderr == ""
    assert shown(pages[0]) == []
    assert pages[0].stat().st_size > pages[1].stat().st_size


@pytest.mark.usefixtures("small_page")
def test_with_a_filter_the_choice_is_among_what_fits(large: Path, tmp_path: Path) -> None:
    target = tmp_path / "large.html"

    few = CliRunner().invoke(main, ["report", str(large), "-o", str(target), "--filter", "n:<=15"])
    more = CliRunner().invoke(main, ["report", str(large), "-o", str(target), "--filter", "n:<=30", "--force"])

    assert (few.exit_code, few.stderr) == (0, "")
    assert " of 30 triples: " in more.stderr


@pytest.mark.usefixtures("small_page")
def test_the_page_of_a_comparison_has_what_differs_and_a_choice(large: Path, tmp_path: Path) -> None:
    other, target = tmp_path / "other.cassette", tmp_path / "both.html"
    records = [
        replace(record, body=record.body.replace(b'"applicationId":134', b'"applicationId":135'))
        if isinstance(record, Request)
        else record
        for record in synthetic.records(40)
    ]
    other.write_bytes(encode_header(HEADER) + b"".join(map(encode, records)))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("recorder.cli.commands.diff.MOST_ROWS", 5)
        result = CliRunner().invoke(main, ["diff", str(large), str(other), "--html", str(target)])

    assert result.exit_code == 1
    assert "both.html: shows the first 5 of 40 differences\n" in result.stderr
    assert re.search(r"both.html: shows \d+ of 80 triples: those that differ, those that failed, ", result.stderr)
    assert result.stderr.endswith("recorder: 40 field changed\n")
    [note] = shown(target)
    assert note.startswith("This page shows the first 5 of 40 differences; it shows ")
    assert result.stdout.count("request.body.applicationId: 135") == 40
