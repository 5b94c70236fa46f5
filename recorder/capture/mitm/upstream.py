"""Hold how the recorder connects to upstreams: trusted certificates, own certificate, logins, a proxy on the way.

mitmproxy itself is not needed here: the settings are checked before it starts.
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import certifi

from ...errors import OutputError, UsageError
from ...files import open_regular
from ..address import Address

_LARGEST = 1 << 24  # bytes of a file with certificates; a bundle of all public ones has 300 KB
_CERTIFICATE = re.compile(rb"-----BEGIN (X509 )?CERTIFICATE-----.*?-----END (X509 )?CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")  # names by which OpenSSL looks for certificates in a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """Settings of how the recorder connects to upstreams.

    Attributes:
        ca: PEM files, and folders of hashed certificates, of authorities that are trusted beside the public ones.
        insecure: Trust every certificate.
        client_cert: PEM file with a certificate and its key, shown to servers that ask for one.
        server_login: `user:password` for requests that show no login of their own; reverse mode only.
        proxy: The proxy that reverse mode goes through.
        proxy_login: `user:password` for the proxy on the way.

    """

    ca: tuple[Path, ...] = ()
    insecure: bool = False
    client_cert: Path | None = None
    server_login: str | None = field(default=None, repr=False)
    proxy: Address | None = None
    proxy_login: str | None = field(default=None, repr=False)

    @contextmanager
    def options(self, modes: Iterable[str]) -> Iterator[dict[str, object]]:
        """Give mitmproxy's options for these settings; the files that they name exist while the block runs.

        Args:
            modes: The modes; where none of them leads to a server with TLS, no certificates are needed.

        Raises:
            OutputError: If the file of trusted certificates cannot be written.

        """
        chosen: dict[str, object] = {"ssl_insecure": self.insecure}
        if self.client_cert:
            chosen["client_certs"] = str(self.client_cert.absolute())
        if self.proxy:
            chosen["connection_strategy"] = "lazy"  # a connection that is open already goes past the proxy
        is_plain = all(mode.startswith("reverse:http://") for mode in modes)
        if not self.ca or (is_plain and (self.proxy is None or self.proxy.scheme == "http")):
            yield chosen
            return
        files, folders = [p for p in self.ca if not p.is_dir()], [p for p in self.ca if p.is_dir()]
        if folders:
            chosen["ssl_verify_upstream_trusted_confdir"] = os.pathsep.join(str(p.absolute()) for p in folders)
        # mitmproxy takes one file, in place of the public authorities, and reads it at each new kind of connection
        with _written(b"\n".join([Path(certifi.where()).read_bytes(), *map(_certificates, files)])) as bundle:
            yield chosen | {"ssl_verify_upstream_trusted_ca": bundle.name}

    def context(self) -> ssl.SSLContext:
        """Return a context for a connection like mitmproxy's, to check a server before a client asks for it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_verify_locations(certifi.where())
        for path in self.ca:
            if path.is_dir():
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cadata=_certificates(path).decode())
        if self.client_cert:
            context.load_cert_chain(self.client_cert)
        return context


def check_ca(path: Path) -> None:
    """Check a file or folder of trusted certificates.

    Raises:
        UsageError: If there is none, or if it holds no certificate that can be read.

    """
    if path.is_dir():
        if not any(_HASHED.fullmatch(found.name) for found in path.iterdir()):
            raise UsageError(f"{path}: this folder has no hashed certificates; run openssl rehash {path}")
        return
    data = _read(path)
    if _KEY.search(data):
        raise UsageError(f"{path}: holds a private key; give the certificate of the authority alone")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=_certificates(path).decode())
    except ValueError as exc:  # an empty text; ssl.SSLError is an OSError
        raise UsageError(f"{path}: {_no_pem(data, f'openssl x509 -inform der -in {path} -out ca.pem')}") from exc
    except ssl.SSLError as exc:
        raise UsageError(f"{path}: a certificate in it is damaged ({exc.reason or exc})") from exc


def check_client_cert(path: Path) -> None:
    """Check a file with a client's certificate and key.

    Raises:
        UsageError: If one of them is missing or cannot be read, or if they do not belong together.

    """
    data, asked = _read(path), False

    def password() -> str:
        nonlocal asked
        asked = True
        return ""

    if not _CERTIFICATE.search(data):
        raise UsageError(f"{path}: {_no_pem(data, f'openssl pkcs12 -nodes -in {path} -out client.pem')}")
    if not _KEY.search(data):
        raise UsageError(f"{path}: it holds no private key; write certificate and key into one file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, password=password)
    except (ssl.SSLError, ValueError) as exc:
        if asked:
            problem = f"its private key is encrypted; decrypt it by openssl pkey -in {path}"
        elif getattr(exc, "reason", "") == "KEY_VALUES_MISMATCH":
            problem = "its private key does not belong to its first certificate; the client's own must come first"
        else:
            problem = f"its certificate or its private key is damaged ({getattr(exc, 'reason', None) or exc})"
        raise UsageError(f"{path}: {problem}") from exc


@contextmanager
def _written(content: bytes) -> Iterator[IO[bytes]]:
    """Give a temporary file with a content; only what fails before the block is told as an error of the file."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="recorder-ca-", suffix=".pem", delete=False))
            stack.callback(_deleted, file.name)
            with os.fdopen(file.fileno(), "wb", closefd=False) as written:  # `file` has nothing to write when it closes
                written.write(content)
            file.close()  # Windows opens no file again that Python deletes by itself
        except OSError as exc:
            raise OutputError(f"{tempfile.gettempdir()}: cannot hold trusted certificates: {exc.strerror}") from exc
        yield file


def _deleted(name: str) -> None:
    with suppress(OSError):  # it holds no secret
        os.unlink(name)  # noqa: PTH108  # a name from `tempfile`, no Path


def _certificates(path: Path) -> bytes:
    """Return the certificates of a PEM file, without what stands between them (a BOM, comments in any charset)."""
    return b"\n".join(found[0] for found in _CERTIFICATE.finditer(_read(path)))


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(_LARGEST)
    except OSError as exc:
        raise UsageError(f"{path}: cannot be read: {exc.strerror}") from exc


def _no_pem(data: bytes, conversion: str) -> str:
    """Return why a file holds no certificate in PEM; DER of certificates and of PKCS #12 begins with a sequence."""
    if re.match(rb"\x30[\x80-\x84]", data):
        return f"is DER or PKCS #12, not PEM; convert it by {conversion}"
    return "it holds no PEM certificate, which has a line -----BEGIN CERTIFICATE-----"
