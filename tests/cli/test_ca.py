"""`recorder ca`: where the CA is, and how to trust it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("mitmproxy.certs")  # an extra: the suite runs without it too

from recorder.cli import main

# of what mitmproxy imports
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA."""
    folder = tmp_path_factory.mktemp("ca") / "own"
    assert ", made just now\n" in run(folder)
    return folder


def run(folder: Path, *words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["ca", "--ca-dir", str(folder), *map(str, words)])
    assert result.exit_code == code, result.stderr
    return result.stdout if code == 0 else result.stderr


def test_it_names_the_file_and_how_to_trust_it_everywhere(folder: Path) -> None:
    text = run(folder)

    assert text.startswith(str(folder / "mitmproxy-ca-cert.pem"))
    assert f"keytool -importcert -cacerts -storepass changeit -noprompt -alias recorder -file {folder}" in text
    for where in ("Debian", "Fedora", "macOS", "Windows", "Chromium", "Firefox", "Node", "Java", "Python", "curl"):
        assert where in text


def test_programs_read_the_same(folder: Path) -> None:
    shown = json.loads(run(folder, "--json"))

    assert shown["is_new"] is False
    assert shown["sha256"] in run(folder)
    assert shown["spki"] == run(folder, "--spki").strip()
    assert Path(shown["cer"]).read_text() == Path(shown["pem"]).read_text() == run(folder, "--print")
    assert shown["trust"]["curl"] == f"curl --cacert {shown['pem']}"


def test_it_is_written_into_a_file(folder: Path, tmp_path: Path) -> None:
    run(folder, "-o", tmp_path / "ca.pem")

    assert (tmp_path / "ca.pem").read_text() == run(folder, "--print")
    assert "exists already" in run(folder, "-o", tmp_path / "ca.pem", code=2)
    run(folder, "-o", tmp_path / "ca.pem", "--force")


@pytest.mark.parametrize("words", [("--print", "--json"), ("--spki", "-o", "x"), ("--json", "--spki")])
def test_it_is_asked_for_one_thing(folder: Path, words: tuple[str, ...]) -> None:
    assert "give one of --print, --spki, -o and --json" in run(folder, *words, code=2)


def test_a_folder_that_cannot_be_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert run(tmp_path / "file" / "ca", code=4).count("\n") == 1
