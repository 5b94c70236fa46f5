from __future__ import annotations

import resource
import ssl
import tempfile
from pathlib import Path

import pytest

from recorder.errors import OutputError, UsageError

pytest.importorskip("mitmproxy")  # an extra: the suite runs without it too

from mitmproxy import options

from recorder.capture.address import Address
from recorder.capture.mitm.upstream import UpstreamSettings, check_ca, check_client_cert
from tests.certificates import Issued, authority, issued


@pytest.fixture(scope="module")
def lab() -> Issued:
    return authority()


def trusted(path: str | Path) -> set[str]:
    """The names of the authorities in a bundle."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return {str(found["subject"]) for found in context.get_ca_certs()}


# Trusted certificates


def test_a_ca_is_trusted_beside_the_public_ones(tmp_path: Path, lab: Issued) -> None:
    upstream = UpstreamSettings(ca=(lab.saved(tmp_path / "lab.pem"),))

    with upstream.options(["reverse:https://gws.example"]) as chosen:
        options.Options().update(**chosen)
        names = trusted(str(chosen["ssl_verify_upstream_trusted_ca"]))
        bundle = Path(str(chosen["ssl_verify_upstream_trusted_ca"]))

    assert len(names) > 50
    assert any("Lab CA" in name for name in names)
    assert not bundle.exists()


def test_several_files_and_folders_are_trusted_together(tmp_path: Path, lab: Issued) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        lab.saved(tmp_path / name / "0a1b2c3d.0")
    other = authority("Other CA").saved(tmp_path / "other.pem")
    upstream = UpstreamSettings(ca=(tmp_path / "one", other, tmp_path / "two"))

    with upstream.options(["reverse:https://gws.example"]) as chosen:
        names = trusted(str(chosen["ssl_verify_upstream_trusted_ca"]))

    assert any("Other CA" in name for name in names)
    assert chosen["ssl_verify_upstream_trusted_confdir"] == f"{tmp_path / 'one'}:{tmp_path / 'two'}"


def test_a_full_disk_is_told_with_its_folder(tmp_path: Path, lab: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = UpstreamSettings(ca=(lab.saved(tmp_path / "ca.pem"),))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with (
            pytest.raises(OutputError, match="tmp: cannot hold trusted certificates: File too large"),
            upstream.options(["regular"]),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_a_ca_mitmproxy_trusts_the_public_ones() -> None:
    with UpstreamSettings().options(["reverse:https://gws.example"]) as chosen:
        assert chosen == {"ssl_insecure": False}


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"Issuer: B\xfccher\r\n", b"# comment\n\n"])
def test_a_ca_file_may_hold_more_than_certificates(tmp_path: Path, lab: Issued, before: bytes) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(before + lab.pem.replace(b"\n", b"\r\n") + b"and so on" + authority("Second").pem)

    check_ca(path)
    with UpstreamSettings(ca=(path,)).options(["reverse:https://gws.example"]) as chosen:
        names = trusted(str(chosen["ssl_verify_upstream_trusted_ca"]))

    assert sum("Lab CA" in name or "Second" in name for name in names) == 2


def test_a_ca_file_without_a_usable_certificate_is_refused(tmp_path: Path, lab: Issued) -> None:
    damaged = lab.pem.replace(lab.pem.splitlines()[2][:20], b"A" * 20)
    for name, content, says in (
        ("empty", b"", "it holds no PEM certificate"),
        ("text", b"0 certificates\n", "it holds no PEM certificate"),
        ("der", lab.der, "is DER or PKCS #12, not PEM; convert it by openssl x509 -inform der"),
        ("key", lab.pem + lab.key_pem(), "holds a private key"),
        ("damaged", damaged, "a certificate in it is damaged"),
        ("no-base64", b"-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n", "is damaged"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError) as refused:
            check_ca(path)
        assert str(refused.value).startswith(f"{path}: ")
        assert says in str(refused.value), name


def test_a_missing_ca_file_and_an_unhashed_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        check_ca(tmp_path / "none.pem")
    with pytest.raises(UsageError, match="openssl rehash"):
        check_ca(tmp_path)


# The recorder's own certificate


def test_a_certificate_with_its_key_is_shown(tmp_path: Path, lab: Issued) -> None:
    path = issued(lab, "desk.example").saved(tmp_path / "client.pem", key=True)

    check_client_cert(path)
    with UpstreamSettings(client_cert=path).options(["reverse:https://gws.example"]) as chosen:
        assert chosen["client_certs"] == str(path)


def test_a_client_certificate_that_cannot_be_used_is_refused(tmp_path: Path, lab: Issued) -> None:
    desk, other = issued(lab, "desk.example"), issued(lab, "other.example")
    for name, content, says in (
        ("no-key", desk.pem, "it holds no private key"),
        ("no-certificate", desk.key_pem(), "it holds no PEM certificate"),
        ("mismatch", desk.pem + other.key_pem(), "does not belong to its first certificate"),
        ("encrypted", desk.pem + desk.key_pem(b"hunter2"), "is encrypted; decrypt it by openssl pkey"),
        ("p12", desk.der, "is DER or PKCS #12, not PEM; convert it by openssl pkcs12"),
        ("damaged", desk.pem + desk.key_pem()[:-60] + b"\n-----END PRIVATE KEY-----\n", "is damaged"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError) as refused:
            check_client_cert(path)
        assert says in str(refused.value), name


# Logins, and a proxy


def test_a_login_is_not_shown_by_repr() -> None:
    proxy = Address("http", "proxy.example", 3128, "agent:hunter2")
    upstream = UpstreamSettings(server_login="agent:hunter2", proxy_login="agent:hunter2", proxy=proxy)

    assert "hunter2" not in repr(upstream)


def test_no_connection_is_opened_past_the_proxy() -> None:
    with UpstreamSettings(proxy=Address("http", "proxy.example", 3128)).options(
        ["reverse:https://gws.example"]
    ) as chosen:
        assert chosen["connection_strategy"] == "lazy"


def test_a_server_without_tls_needs_no_certificates(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    modes = ["reverse:http://gws.example", "reverse:http://login.example@127.0.0.1:8080"]

    with UpstreamSettings(ca=(ca,)).options(modes) as chosen:
        assert "ssl_verify_upstream_trusted_ca" not in chosen
    with UpstreamSettings(ca=(ca,)).options([*modes, "reverse:https://other.example"]) as chosen:
        assert Path(str(chosen["ssl_verify_upstream_trusted_ca"])).is_file()
    with UpstreamSettings(ca=(ca,)).options(["regular"]) as chosen:
        assert "ssl_verify_upstream_trusted_ca" in chosen
