"""The environment in which a command goes through the recorder and trusts it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy.certs")  # an extra: the suite runs without it too

from recorder.cli.recording.clients import Clients, through_proxy, trusting
from recorder.errors import UsageError

URL = "http://127.0.0.1:8080"


def test_all_programs_go_through_the_proxy_to_all_hosts() -> None:
    given = {"HTTPS_PROXY": "http://corp:3128", "no_proxy": "localhost", "NO_PROXY": "*", "PATH": "/bin"}

    made = through_proxy(given, URL)

    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    assert made == dict.fromkeys(names, URL) | {"PATH": "/bin", "NODE_USE_ENV_PROXY": "1"}


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text("OURS\n")
    return tmp_path / "ca.pem"


def test_the_roots_are_those_of_before_and_ours(ca: Path, tmp_path: Path) -> None:
    (tmp_path / "corp.pem").write_text("CORP")
    (tmp_path / "mine.pem").write_text("MINE")
    given = {"SSL_CERT_FILE": str(tmp_path / "corp.pem"), "REQUESTS_CA_BUNDLE": str(tmp_path / "mine.pem")}

    made = {name: Path(path).read_text() for name, path in trusting(given, ca, tmp_path).items()}

    assert made == {
        "SSL_CERT_FILE": "CORP\nOURS\n",
        "REQUESTS_CA_BUNDLE": "MINE\nOURS\n",
        "CURL_CA_BUNDLE": "CORP\nOURS\n",
        "GIT_SSL_CAINFO": "CORP\nOURS\n",
        "AWS_CA_BUNDLE": "CORP\nOURS\n",
        "NODE_EXTRA_CA_CERTS": "OURS\n",  # Node has roots of its own
    }


def test_what_programs_of_their_own_mind_trust_is_changed_where_it_is_set(ca: Path, tmp_path: Path) -> None:
    (tmp_path / "corp.pem").write_text("CORP")

    made = trusting({"PIP_CERT": str(tmp_path / "corp.pem"), "DENO_CERT": ""}, ca, tmp_path)

    assert Path(made["PIP_CERT"]).read_text() == "CORP\nOURS\n"
    assert "DENO_CERT" not in made


def test_without_a_setting_the_roots_are_this_machines(ca: Path, tmp_path: Path) -> None:
    made = trusting({"SSL_CERT_FILE": str(tmp_path / "missing"), "REQUESTS_CA_BUNDLE": str(tmp_path)}, ca, tmp_path)

    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        bundle = Path(made[name]).read_text()
        assert bundle.count("BEGIN CERTIFICATE") > 10
        assert bundle.endswith("OURS\n")


def test_in_reverse_mode_a_command_is_told_the_url_alone(tmp_path: Path) -> None:
    clients = Clients("reverse:http://gws.example", (), tmp_path / "ca")

    with clients.environment(URL) as made:
        assert made == dict(os.environ) | {"RECORDER_URL": URL}
    assert not (tmp_path / "ca").exists()


@pytest.mark.parametrize(("mode", "proxy"), [("regular", URL), ("socks5", "socks5h://127.0.0.1:8080")])
def test_a_command_finds_the_proxy_and_the_ca_while_it_runs(mode: str, proxy: str, tmp_path: Path) -> None:
    clients = Clients(mode, ("app",), tmp_path / "ca")

    with clients.environment(URL) as made:
        assert (made["HTTPS_PROXY"], made["RECORDER_URL"]) == (proxy, URL)
        assert (tmp_path / "ca" / "mitmproxy-ca-cert.pem").read_text() in Path(made["SSL_CERT_FILE"]).read_text()
    assert not Path(made["SSL_CERT_FILE"]).exists()


@pytest.mark.parametrize(
    ("mode", "hosts", "sifted"), [("regular", (), True), ("regular", ("app",), False), ("reverse:http://a", (), False)]
)
def test_hosts_are_chosen_by_name_or_at_the_end(
    mode: str, hosts: tuple[str, ...], sifted: bool, tmp_path: Path
) -> None:
    assert Clients(mode, hosts, tmp_path / "ca").are_sifted is sifted


def test_in_reverse_mode_there_is_one_host(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--host is for modes in which the client names the server"):
        Clients("reverse:http://a", ("app",), tmp_path)
