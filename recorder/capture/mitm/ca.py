"""Find the CA by which the recorder reads TLS; make it where there is none yet.

It is mitmproxy's own, in mitmproxy's folder: who trusts it already need not trust another one.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import Certificate, load_pem_x509_certificate
from mitmproxy.certs import DEFAULT_DHPARAM, CertStore, create_ca
from mitmproxy.options import CONF_BASENAME, CONF_DIR, KEY_SIZE

from ...errors import OutputError, UsageError
from ...output import replacing


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA.

    Attributes:
        folder: Where its files are, also the private key.
        sha256: SHA-256 of the certificate, as browsers show it.
        spki: SHA-256 of the public key in base64, by which Chromium can be told to trust it.
        is_new: It was made by this call.

    """

    folder: Path
    sha256: str
    spki: str
    is_new: bool

    @property
    def pem(self) -> Path:
        """The certificate, as most programs read it."""
        return self._file("pem")

    @property
    def cer(self) -> Path:
        """The certificate, as Windows and Android open it."""
        return self._file("cer")

    @property
    def p12(self) -> Path:
        """The certificate without its key, for importing on Windows and macOS."""
        return self._file("p12")

    def _file(self, form: str) -> Path:
        return self.folder / f"{CONF_BASENAME}-ca-cert.{form}"


def authority(folder: Path | None = None) -> Authority:
    """Return the CA in a folder, by default mitmproxy's; make it if there is none.

    Raises:
        OutputError: If it cannot be made.
        UsageError: If the files in the folder are no CA.

    """
    folder = Path(CONF_DIR if folder is None else folder).expanduser()
    try:
        is_new = not (folder / f"{CONF_BASENAME}-ca.pem").exists() and _made(folder)
        certificate = CertStore.from_store(folder, CONF_BASENAME, KEY_SIZE).default_ca
    except OSError as exc:
        raise OutputError(f"{exc.filename or folder}: the CA cannot be read or made there: {exc.strerror}") from exc
    except (ValueError, TypeError) as exc:
        raise UsageError(f"{folder}: its files are no CA; move them away, and a new one is made") from exc
    parsed = load_pem_x509_certificate(certificate.to_pem())
    found = Authority(folder.resolve(), certificate.fingerprint().hex(":").upper(), _spki(parsed), is_new)
    _publish(found, parsed)
    return found


def _made(folder: Path) -> bool:
    """Make a CA, with the files that mitmproxy makes; return False if another process made one meanwhile.

    mitmproxy would write them in their places: killed in the middle, it leaves a CA that is none, and does not start
    again. So each is written whole, and that with the key alone makes the CA; what is missing then is made later.
    """
    key, certificate = create_ca(organization=CONF_BASENAME, cn=CONF_BASENAME, key_size=KEY_SIZE)
    for form in ("pem", "cer", "p12"):  # of a CA whose key is gone
        (folder / f"{CONF_BASENAME}-ca-cert.{form}").unlink(missing_ok=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    p12 = serialize_key_and_certificates(CONF_BASENAME.encode(), key, certificate, None, NoEncryption())
    with replacing(folder / f"{CONF_BASENAME}-dhparam.pem", force=True) as file:
        file.write(DEFAULT_DHPARAM)
    try:
        with replacing(folder / f"{CONF_BASENAME}-ca.pem", private=True) as file:
            file.write(pem + certificate.public_bytes(Encoding.PEM))
    except UsageError:
        return False
    with replacing(folder / f"{CONF_BASENAME}-ca.p12", force=True, private=True) as file:
        file.write(p12)
    return True


def _spki(certificate: Certificate) -> str:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(sha256(key).digest()).decode()


def _publish(found: Authority, certificate: Certificate) -> None:
    """Write the files for clients that are missing: who brings a CA of their own brings `mitmproxy-ca.pem` alone."""
    pem = certificate.public_bytes(Encoding.PEM)
    p12 = serialize_key_and_certificates(CONF_BASENAME.encode(), None, certificate, None, NoEncryption())
    for path, content in ((found.pem, pem), (found.cer, pem), (found.p12, p12)):
        if not path.exists():
            with suppress(UsageError), replacing(path) as file:  # another process may make the same CA's right now
                file.write(content)
