"""The CA that clients must trust: found or made, and known by what browsers show."""

from __future__ import annotations

import base64
import os
import ssl
import sys
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy.certs")  # an extra: the suite runs without it too

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509 import load_der_x509_certificate

from recorder.capture.mitm.ca import Authority, authority
from recorder.errors import OutputError, UsageError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca") / "new")


def test_it_is_made_once(made: Authority) -> None:
    again = authority(made.folder)

    assert (made.is_new, again.is_new) == (True, False)
    assert again.sha256 == made.sha256


def test_its_hashes_are_those_that_browsers_show(made: Authority) -> None:
    der = ssl.PEM_cert_to_DER_cert(made.pem.read_text())
    public = load_der_x509_certificate(der).public_key()
    key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert bytes.fromhex(made.sha256.replace(":", "")) == sha256(der).digest()
    assert made.spki == base64.b64encode(sha256(key).digest()).decode()


def test_nobody_else_reads_its_key(made: Authority) -> None:
    assert {path.name: path.stat().st_mode & 0o077 for path in made.folder.glob("mitmproxy-ca.*")} == {
        "mitmproxy-ca.pem": 0,
        "mitmproxy-ca.p12": 0,
    }
    assert b"PRIVATE" not in made.pem.read_bytes() + made.cer.read_bytes() + made.p12.read_bytes()


def test_of_a_ca_that_somebody_brought_the_files_for_clients_are_written(made: Authority, tmp_path: Path) -> None:
    (tmp_path / "mitmproxy-ca.pem").write_bytes((made.folder / "mitmproxy-ca.pem").read_bytes())
    (tmp_path / "mitmproxy-ca-cert.cer").write_bytes(b"mine")

    brought = authority(tmp_path)

    assert (brought.sha256, brought.is_new) == (made.sha256, False)
    assert brought.pem.read_bytes() == made.pem.read_bytes()
    assert brought.cer.read_bytes() == b"mine"
    assert load_pkcs12(brought.p12.read_bytes(), None).key is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match="cannot be read or made there"):
        authority(tmp_path / "file" / "ca")


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_files_that_are_no_ca_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mitmproxy-ca.pem").write_bytes(content)

    with pytest.raises(UsageError, match="its files are no CA"):
        authority(tmp_path)


@pytest.mark.parametrize("at", [2, 8, 10])
def test_a_crash_while_it_is_made_leaves_none_or_a_whole_one(at: int, tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        left = at

        def dies(event: str, given: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.link", "os.remove") and str(tmp_path) in str(given):
                left -= 1
                if not left:
                    os._exit(9)

        sys.addaudithook(dies)
        authority(tmp_path)
        os._exit(0)
    _, status = os.waitpid(child, 0)

    again = authority(tmp_path)

    assert os.waitstatus_to_exitcode(status) == 9
    assert load_pkcs12(again.p12.read_bytes(), None).additional_certs or again.pem.read_bytes().startswith(
        b"-----BEGIN"
    )
    assert authority(tmp_path).sha256 == again.sha256
