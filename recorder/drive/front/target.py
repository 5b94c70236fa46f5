"""Define the server that is driven, and how its connections are made."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ...capture.address import Address, parse
from ...errors import UpstreamError, UsageError
from ..engine.plan import Plan

_EXAMPLE = "http://staging.example:8090"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server that is driven.

    Attributes:
        address: Its scheme, host and port. No request goes anywhere else.
        insecure: Trust every certificate.
        ca: PEM files, and folders of hashed certificates, of authorities that are trusted beside the public ones.
        send_credentials: Whether recorded credentials go to this server though the recording was made of another one.
    """

    address: Address
    insecure: bool = False
    ca: tuple[Path, ...] = ()
    send_credentials: bool = False

    @classmethod
    def at(
        cls, url: str, *, insecure: bool = False, ca: tuple[Path, ...] = (), send_credentials: bool = False
    ) -> Target:
        """Build a target of its URL, which has no path.

        Raises:
            UsageError: If the text is no such URL, or has a login.

        """
        address = parse(url, what="--to", example=_EXAMPLE)
        if address.login is not None:
            raise UsageError("--to takes no login: give the header Authorization in the values file")
        return cls(address=address, insecure=insecure, ca=ca, send_credentials=send_credentials)

    def url(self, target: str) -> str:
        """Return the URL of a path with its query, exactly as it is written.

        Raises:
            UpstreamError: If the text is no path: it could name another host.

        """
        if not target.startswith("/"):
            raise UpstreamError(f"{target!r} is no path on {self.address.url}; it is not asked for")
        return f"{self.address.url}{target.partition('#')[0]}"

    def is_recorded(self, plan: Plan) -> bool:
        """Return whether this is the server that was recorded."""
        try:
            return parse(plan.upstream, what="the recorded server", example=_EXAMPLE).url == self.address.url
        except UsageError:
            return False

    def tls(self, kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext | bool:
        """Return how certificates are checked, as aiohttp takes it.

        Args:
            kind: Class of contexts; gevent has its own.

        Raises:
            UsageError: If a file of certificates cannot be used.

        """
        if self.insecure or self.address.scheme == "http":
            return not self.insecure
        usual = ssl.create_default_context()
        context = usual if kind is ssl.SSLContext else kind(ssl.PROTOCOL_TLS_CLIENT)
        if context is not usual:
            context.load_default_certs()
        # as the recorder: CAs of companies lack what the strict flag asks for
        context.verify_flags = usual.verify_flags & ~ssl.VERIFY_X509_STRICT
        for path in self.ca:
            try:
                if path.is_dir():
                    context.load_verify_locations(capath=str(path))
                else:
                    context.load_verify_locations(cafile=str(path))
            except (OSError, ssl.SSLError) as exc:
                raise UsageError(f"{path}: holds no certificates that can be used: {exc}") from exc
        return context


def unreachable(address: Address, error: OSError) -> UpstreamError:
    """Return the error for a server to which no connection could be made."""
    match error:
        case ssl.SSLCertVerificationError():
            return UpstreamError(
                f"{address.url}: its certificate is not trusted ({error.verify_message}); "
                f"trust its CA by --upstream-ca FILE, or any certificate by --insecure"
            )
        case ssl.SSLError():
            return UpstreamError(
                f"{address.url} cannot be reached by TLS ({error.reason or error}); does it speak http:// there?"
            )
        case TimeoutError():
            return UpstreamError(f"{address.url} does not answer; is the server running there?")
        case _:
            return UpstreamError(f"{address.url} cannot be reached ({error}); is the server running there?")
