"""Certificates for tests: authorities of a lab, and what they issue. `cryptography` comes with mitmproxy."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PKCS8 = serialization.PrivateFormat.PKCS8


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def key_pem(self, password: bytes | None = None) -> bytes:
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, _PKCS8, encryption)

    def saved(self, path: Path, *, key: bool = False) -> Path:
        """Write the certificate, on request with its key, and return the path."""
        path.write_bytes(self.pem + (self.key_pem() if key else b""))
        return path

    def server(self, path: Path) -> ssl.SSLContext:
        """A context of a server that shows this certificate; `path` is a file for it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.saved(path, key=True))
        return context


def authority(name: str = "Lab CA") -> Issued:
    return _issue(name, None, [], days=30, is_ca=True)


def issued(by: Issued | None, *hosts: str, days: int = 30) -> Issued:
    """A certificate for hosts; self-signed without an authority, expired if `days` is negative."""
    return _issue(hosts[0], by, hosts, days=days, is_ca=False)


def _issue(name: str, by: Issued | None, hosts: tuple[str, ...] | list[str], *, days: int, is_ca: bool) -> Issued:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(by.certificate.subject if by else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if hosts:
        made = made.add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
    return Issued(made.sign(by.key if by else key, hashes.SHA256()), key)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
