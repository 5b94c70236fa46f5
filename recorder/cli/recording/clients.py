"""Prepare for the clients of a recording: the hosts to record, the CA, and the environment of the user's command."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import certifi  # mitmproxy brings it

from ...capture.hosts import Others, patterns
from ...capture.mitm.ca import authority
from ...capture.mitm.unrecorded import Onboarding, PassOthers, Watched
from ...errors import UsageError
from ...output import replacing

# These take the place of a program's own roots: OpenSSL, Go and Ruby; requests; curl; git; the AWS clients.
_REPLACING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE")
# Debian; Fedora; macOS
_SYSTEM = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_ADDING = "NODE_EXTRA_CA_CERTS"
# These come before the ones above in pip, httplib2, Google's programs, gRPC, Nix and Deno; set only where they are.
_IF_SET = (
    "PIP_CERT",
    "HTTPLIB2_CA_CERTS",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NIX_SSL_CERT_FILE",
    "DENO_CERT",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class Clients:
    """The clients of one recording.

    Attributes:
        others: The traffic that passes unrecorded.
        are_sifted: All hosts are recorded, so those without an API are removed at the end.

    """

    def __init__(self, mode: str, hosts: Sequence[str], ca_dir: Path | None) -> None:
        """Check the options, and make the CA if clients need one.

        Args:
            mode: Mode of the proxy.
            hosts: Patterns of the hosts to record; all without one.
            ca_dir: Folder of the CA; None for mitmproxy's.

        Raises:
            UsageError: If the options contradict each other.
            OutputError: If the CA cannot be made.

        """
        self._mode, self._ca_dir, is_reverse = mode, ca_dir, mode.startswith("reverse:")
        if is_reverse and hosts:
            raise UsageError("--host is for modes in which the client names the server, e.g. --mode regular")
        self.others = Others(patterns(hosts))
        self.are_sifted = not (is_reverse or hosts)
        self._authority = None if is_reverse else authority(ca_dir)

    def proxied(self, watched: Watched) -> dict[str, Any]:
        """Return more arguments of `proxy`; `watched` answers those who watch the recorder."""
        before: list[object] = [PassOthers(self.others)]
        if self._authority is not None and not self._mode.startswith("socks5"):
            before = [Onboarding(self._authority, self.others.wanted), *before]
        return {"confdir": self._ca_dir, "before": [watched, *(before if self._authority is not None else ())]}

    @contextmanager
    def environment(self, url: str) -> Iterator[dict[str, str]]:
        """Yield the environment for a command that reaches the recorder at `url`; in reverse mode by RECORDER_URL."""
        if self._authority is None:
            yield dict(os.environ) | {"RECORDER_URL": url}
            return
        with tempfile.TemporaryDirectory(prefix="recorder-") as folder:
            proxy = url.replace("http://", "socks5h://") if self._mode.startswith("socks5") else url
            made = through_proxy(os.environ, proxy) | trusting(os.environ, self._authority.pem, Path(folder))
            yield made | {"RECORDER_URL": url}


def through_proxy(given: Mapping[str, str], proxy: str) -> dict[str, str]:
    """Return an environment in which programs go through a proxy, also to hosts that they went to directly."""
    made = {name: value for name, value in given.items() if name.upper() != "NO_PROXY"}
    for name in _PROXIES:
        made[name] = made[name.lower()] = proxy
    return made | {"NODE_USE_ENV_PROXY": "1"}


def trusting(given: Mapping[str, str], ca: Path, folder: Path) -> dict[str, str]:
    """Return the variables by which programs trust a CA besides the roots that they trust by `given`.

    Args:
        given: The environment so far.
        ca: The certificate of the CA.
        folder: Where the bundles of certificates are written.

    """
    made = {}
    for name in (*_REPLACING, _ADDING, *(name for name in _IF_SET if given.get(name))):
        own = given.get(name, "")
        roots = [own] if Path(own).is_file() else [] if name == _ADDING else [_roots(given)]
        made[name] = str(folder / f"{name.lower()}.pem")
        with replacing(Path(made[name])) as file:
            file.write(b"\n".join(Path(path).read_bytes() for path in [*roots, str(ca)]))
    return made


def _roots(given: Mapping[str, str]) -> str:
    """Return the file of the roots that programs here trust: the user's, this machine's, else those of Mozilla."""
    return next(path for path in (given.get("SSL_CERT_FILE", ""), *_SYSTEM, certifi.where()) if Path(path).is_file())
