"""The options of `recorder record` about the server and the way to it, read without a recorder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("mitmproxy")  # an extra: the suite runs without it too

from recorder.capture.mitm.upstream import UpstreamSettings
from recorder.cli.options import listen_option
from recorder.cli.recording.upstream import LOGIN, read, upstream_options
from recorder.errors import UsageError
from tests.certificates import authority, issued

GIVEN: dict[str, Any] = {
    "upstream_ca": (),
    "insecure": False,
    "client_cert": None,
    "upstream_proxy": None,
    "upstream_auth": None,
}
GWS, PROXY = "http://gws.example:8090", "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", LOGIN):
        monkeypatch.delenv(name, raising=False)


def settings(mode: str = "reverse", upstream: str | None = GWS, **given: Any) -> UpstreamSettings:
    return read(mode, upstream, GIVEN | given)[2]


@click.command()
@upstream_options
@listen_option
def command(**given: Any) -> None:
    click.echo(repr(given))


def options(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(command, arguments, env=variables)


# Logins


@pytest.mark.parametrize(
    ("mode", "upstream", "given", "server", "proxy"),
    [
        ("reverse", GWS, {"upstream_auth": "a:b"}, "a:b", None),
        ("reverse", "http://a:b@gws.example:8090", {}, "a:b", None),
        ("reverse", GWS, {"upstream_proxy": PROXY, "upstream_auth": "a:b"}, None, "a:b"),
        ("reverse", GWS, {"upstream_proxy": "http://a:b@proxy.example"}, None, "a:b"),
        ("reverse", "http://a:b@gws", {"upstream_proxy": PROXY, "upstream_auth": "c:d"}, "a:b", "c:d"),
        ("upstream:http://a:b@proxy.example:3128", None, {}, None, "a:b"),
        ("upstream:a:b@proxy.example:3128", None, {}, None, "a:b"),
        ("upstream:proxy.example:3128", None, {"upstream_auth": "a:b"}, None, "a:b"),
    ],
)
def test_a_login_is_for_what_it_is_written_at(
    mode: str, upstream: str | None, given: dict[str, Any], server: str | None, proxy: str | None
) -> None:
    found_mode, found_upstream, found = read(mode, upstream, GIVEN | given)

    assert (found.server_login, found.proxy_login) == (server, proxy)
    assert "@" not in f"{found_mode}{found_upstream}"


@pytest.mark.parametrize(
    ("mode", "upstream", "given", "says"),
    [
        ("reverse", "http://a:b@gws", {"upstream_auth": "c:d"}, "give one login"),
        ("regular", None, {"upstream_auth": "c:d"}, "is for reverse and upstream modes"),
        ("regular", None, {"upstream_proxy": PROXY}, "--mode upstream:URL"),
        ("upstream:http://proxy:3128@9000", None, {}, "give the address by --listen"),
        ("upstream:http://proxy/path", None, {}, "takes no path"),
    ],
)
def test_a_way_that_cannot_be_gone_is_refused(
    mode: str, upstream: str | None, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        read(mode, upstream, GIVEN | given)


def test_a_login_is_read_from_an_argument_a_file_or_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.touch(0o600)
    path.write_text("agent:pass word\n")

    assert "'agent:b:c'" in options("--upstream-auth", "agent:b:c").output
    assert "'agent:pass word'" in options("--upstream-auth", f"@{path}").output
    assert "'agent:b'" in options(**{LOGIN: "agent:b"}).output


@pytest.mark.parametrize("login", ["hunter2", ":hunter2", "agent:hunter2\r\nX: y"])
def test_what_is_no_login_is_refused_and_not_repeated(login: str) -> None:
    result = options("--upstream-auth", login)

    assert result.exit_code == 2
    assert "it is not USER:PASSWORD" in result.output
    assert "hunter2" not in result.output


def test_a_file_of_a_login_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_text("agent:hunter2")
    path.chmod(0o644)

    result = options("--upstream-auth", f"@{path}")

    assert result.exit_code == 2
    assert "other users can read this login; run chmod 600" in result.output


# Certificates


def test_the_variables_of_openssl_are_honoured_without_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, own = authority().saved(tmp_path / "lab.pem"), authority().saved(tmp_path / "own.pem")
    authority().saved(tmp_path / "0a1b2c3d.0")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}:")

    assert settings().ca == (file, tmp_path)
    assert settings(upstream_ca=(own,)).ca == (own,)


def test_a_variable_that_names_nothing_usable_is_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

    assert settings().ca == ()
    assert "SSL_CERT_FILE is not used" in capsys.readouterr().err


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.pem: cannot be read"):
        settings(upstream_ca=(tmp_path / "none.pem",))
    with pytest.raises(UsageError, match="it holds no private key"):
        settings(client_cert=issued(None, "desk.example").saved(tmp_path / "own.pem"))


# Addresses to listen on


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[::1]:0", ("::1", 0)),
        ("::1:8080", ("::1", 8080)),
        (":8080", ("127.0.0.1", 8080)),
        ("8080", ("127.0.0.1", 8080)),
    ],
)
def test_an_address_to_listen_on(text: str, found: tuple[str, int]) -> None:
    assert repr(found) in options("--listen", text).output


@pytest.mark.parametrize("text", ["::1", "[::1]", "gws:8090:1"])
def test_an_ipv6_address_needs_its_port(text: str) -> None:
    result = options("--listen", text)

    assert result.exit_code == 2
    assert "is not HOST:PORT" in result.output
