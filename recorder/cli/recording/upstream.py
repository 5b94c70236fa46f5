"""Define the options of `recorder record` about the server and the way to it, and read them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...errors import UsageError
from ..saying import say
from ..tokens import read_token
from ..writing import add_input

if TYPE_CHECKING:
    from ...capture.address import Address
    from ...capture.mitm.upstream import UpstreamSettings

LOGIN = "RECORDER_UPSTREAM_AUTH"
_SERVER, _PROXY = "http://gws.example:8090", "http://proxy.example:3128"  # examples for messages

F = TypeVar("F", bound=Callable[..., Any])


class Login(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """USER:PASSWORD, or @FILE with one such line; the value is in no message."""

    name = "USER:PASSWORD|@FILE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the login; report a mistake as a usage error."""
        text = str(value)
        if text.startswith("@"):
            path = Path(text[1:]).expanduser()
            add_input(path, is_content=False)
            try:
                text = read_token(path, "login")
            except UsageError as exc:
                self.fail(str(exc), param, ctx)
            except OSError as exc:
                self.fail(f"{path}: cannot be read: {exc.strerror}", param, ctx)
        if not text.partition(":")[0] or ":" not in text or not text.isprintable():
            self.fail("it is not USER:PASSWORD, nor @FILE with such a line", param, ctx)
        return text


def upstream_options(command: F) -> F:
    """Add the options about the server and the way to it."""
    for option in reversed(
        (
            click.option(
                "--upstream-ca",
                metavar="FILE",
                multiple=True,
                type=click.Path(path_type=Path),
                help="PEM file, or folder of hashed certificates, to trust in addition to the public CAs. "
                "May be repeated. Default: SSL_CERT_FILE and SSL_CERT_DIR.",
            ),
            click.option(
                "--insecure",
                is_flag=True,
                help="Accept any certificate of a server. Another machine may then read the traffic.",
            ),
            click.option(
                "--client-cert",
                metavar="FILE",
                type=click.Path(path_type=Path),
                help="PEM file with certificate and key, for servers that ask for one.",
            ),
            click.option(
                "--upstream-proxy", metavar="URL", help="Proxy to UPSTREAM. In other modes use --mode upstream:URL."
            ),
            click.option(
                "--upstream-auth",
                type=Login(),
                envvar=LOGIN,
                show_envvar=True,
                help="Login (Basic) for the proxy, or without one for UPSTREAM. Others can read arguments: use @FILE.",
            ),
        )
    ):
        command = option(command)
    return command


def read(mode: str, upstream: str | None, given: dict[str, Any]) -> tuple[str, str | None, UpstreamSettings]:
    """Return the mode and UPSTREAM without the logins in their URLs, and how to connect.

    Args:
        mode: The mode as on the command line.
        upstream: UPSTREAM as on the command line.
        given: The options of the command line, by name.

    Raises:
        UsageError: If an address, a file or a login cannot be used.

    """
    from ...capture.address import parse
    from ...capture.mitm.upstream import UpstreamSettings, check_client_cert

    server = parse(upstream, what="UPSTREAM", example=_SERVER) if upstream else None
    proxy = parse(given["upstream_proxy"], what="--upstream-proxy", example=_PROXY) if given["upstream_proxy"] else None
    if proxy and mode != "reverse":
        raise UsageError("--upstream-proxy is for reverse mode; in other modes it is --mode upstream:URL")
    before = proxy
    if mode.startswith("upstream:"):
        text = mode.removeprefix("upstream:")
        before = parse(text if "://" in text else f"http://{text}", what="--mode upstream:", example=_PROXY)
        mode = f"upstream:{before.url}"
    client_cert = given["client_cert"]
    if client_cert:
        add_input(client_cert, is_content=False)
        check_client_cert(client_cert)
    settings = UpstreamSettings(
        ca=_trusted(given["upstream_ca"]),
        insecure=given["insecure"],
        client_cert=client_cert,
        proxy=proxy,
        **_logins(given["upstream_auth"], server, before),
    )
    return mode, server.url if server else None, settings


def _logins(login: str | None, server: Address | None, proxy: Address | None) -> dict[str, str | None]:
    """Return the logins by their names in `UpstreamSettings`: the option's is for what comes first."""
    found: dict[str, str | None] = {
        "server_login": server.login if server else None,
        "proxy_login": proxy.login if proxy else None,
    }
    if login is None:
        return found
    if not server and not proxy:
        raise UsageError("--upstream-auth is for reverse and upstream modes: here clients log in by themselves")
    name = "proxy_login" if proxy else "server_login"
    if found[name]:
        raise UsageError("give one login: in the URL or by --upstream-auth")
    return found | {name: login}


def _trusted(given: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files and folders to trust; a variable that names none that can be used is told, not refused."""
    from ...capture.mitm.upstream import check_ca

    for path in given:
        add_input(path, is_content=False)
        check_ca(path)
    if given:
        return given
    named = [("SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE", ""))]
    named += [("SSL_CERT_DIR", folder) for folder in os.environ.get("SSL_CERT_DIR", "").split(os.pathsep)]
    found = []
    for variable, path in ((variable, Path(text)) for variable, text in named if text):
        try:
            check_ca(path)
        except UsageError as exc:
            say(f"warning: {variable} is not used: {exc}")
        else:
            found.append(path)
    return tuple(found)
