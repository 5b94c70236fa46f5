"""A cassette of several hosts on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cassette.codec import encode, encode_header
from recorder.cli import main
from recorder.model import Headers, Request, Response
from tests.cassette.records import HEADER
from tests.cli.test_json import problems


def cassette(path: Path, *hosts: str) -> Path:
    """A cassette with a GET of each host; "" for one that names none."""
    with path.open("wb") as file:
        file.write(encode_header(replace(HEADER, dialect="gws-outbound")))
        for number, host in enumerate(hosts):
            headers: Headers = (("host", host),) if host else ()
            file.write(encode(Request(2 * number, number, number, "c", "GET", "/me", headers, b"")))
            file.write(encode(Response(2 * number + 1, number, number, 200, (), b"{}")))
    return path


def listed(*words: str | Path) -> str:
    return CliRunner().invoke(main, ["ls", "--all", *map(str, words)]).stdout


def test_ls_shows_the_hosts_of_a_cassette_with_several(tmp_path: Path) -> None:
    path = cassette(tmp_path / "s", "app.example:443", "Login.example:8443", "")

    lines = [line.split()[:4] for line in listed(path).splitlines()[1:5]]

    assert lines == [
        ["n", "host", "operation", "handle"],
        ["p1", "app.example", "GET", "/me"],
        ["p2", "login.example:8443", "GET", "/me"],
        ["p3", "-", "GET", "/me"],
    ]


def test_ls_shows_them_on_a_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")

    assert "p2  login.example  GET /me" in listed(cassette(tmp_path / "s", "app.example", "login.example"))


def test_ls_names_them_for_programs(tmp_path: Path) -> None:
    shown = json.loads(listed("--json", cassette(tmp_path / "s", "app.example", "login.example")))

    assert [row["host"] for row in shown["plain"]] == ["app.example", "login.example"]
    assert problems("ls-all", shown) == []


@pytest.mark.parametrize("hosts", [("app.example", "app.example:443"), ("app.example", ""), ("", "")])
def test_of_one_host_it_says_nothing(hosts: tuple[str, str], tmp_path: Path) -> None:
    path = cassette(tmp_path / "s", *hosts)

    assert "host" not in listed(path).partition("\n")[0]
    assert "host" not in json.loads(listed("--json", path))["plain"][0]
