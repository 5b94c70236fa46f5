"""Implement `recorder view`."""

from __future__ import annotations

import os
import secrets
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import click

from ...files import Remote
from ..loading import expression
from ..options import InputFile, dialect_option, found_at_urls, offers
from ..saying import say

_TOKEN = 24  # bytes
_POLICY = "gws"  # for a cassette of another policy, as `recorder scan` takes it


class _Given(InputFile):
    """The path of a cassette or a folder; at a URL, a folder stands for the cassettes below it."""

    def __init__(self) -> None:
        super().__init__()
        self.dir_okay = True

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = super().convert(value, param, ctx)
        is_folder = isinstance(path, Remote) and "*" not in path.name and path.is_dir()
        return path / "**" if is_folder else path


@click.command("view")
@click.argument(
    "given",
    metavar="[FILE|DIR]...",
    nargs=-1,
    type=_Given(),
    callback=found_at_urls,
    shell_complete=offers("cassettes"),
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 takes a free port.",
)
@click.option("--open/--no-open", "opens", default=True, help="Open the page in a browser, if there is one.")
@click.option("-f", "--filter", "wanted", metavar="EXPR", help="Filter that the pages of cassettes begin with.")
@dialect_option
def command(given: tuple[Path, ...], *, port: int, opens: bool, wanted: str | None, dialect: str | None) -> None:
    """Show cassettes in a browser: a list, and for each its timeline, ladder, table, figures and findings.

    Takes files of any size, and folders; without an argument, the current folder. Prints `viewing at URL` and serves
    until Ctrl-C, to this machine only: the URL holds a secret, so keep it to yourself.

    \b
    Example:  recorder view
              recorder view session.cassette
              recorder view cassettes --port 8000 --no-open
    """
    from urllib.parse import quote

    from ...dialect.definition import load
    from ...library.parts import gathered
    from ...viewer.app import App
    from ...viewer.cassette_list import CassetteList
    from ...viewer.server import Server

    paths = given or (Path(),)
    files, folders = [path for path in paths if not _is_folder(path)], [path for path in paths if _is_folder(path)]
    expression(wanted, dialect, files)  # tells of its mistakes
    if len(files) > 1:
        files, told = gathered(files)
        for line in told:
            say(line)
    cassettes = CassetteList(files, folders, load(dialect) if dialect else None, partial(_scanned, dialect))
    server = Server(port)
    app = App(cassettes, secrets.token_urlsafe(_TOKEN), port=server.port, tell=say)
    url = f"http://127.0.0.1:{server.port}{app.prefix}" + ("c/1/" if len(files) == 1 and not folders else "")
    url += "" if wanted is None else f"#filter={quote(wanted)}"
    click.echo(f"viewing at {url}")
    sys.stdout.flush()
    if opens:
        Thread(target=open_page, args=(url,), daemon=True).start()  # some browsers are waited for
    with suppress(KeyboardInterrupt, SystemExit):  # the group turns SIGTERM and SIGHUP into the latter
        server.run(app)
    server.close()
    cassettes.close()


def _is_folder(path: Path) -> bool:
    return not isinstance(path, Remote) and path.is_dir()  # those at URLs were looked into


def _scanned(dialect: str | None, path: Path) -> Iterator[dict[str, object]]:
    """Yield the rows of `recorder scan --json` by the policy that a cassette was redacted by."""
    from ...cassette.reader import open_cassette
    from ...exporters.findings import row
    from ...redaction.policy import load, names
    from .scan import searched

    with open_cassette(path) as cassette:
        policy = cassette.header.redaction
    wanted = load(policy if policy in names() else _POLICY)
    for some in searched(path, wanted, dialect, 1, tell=lambda _: None):
        yield from (row(path, one) for one in some)


def open_page(url: str) -> None:
    """Open a page in a browser with a window; one of the terminal would take the terminal over."""
    has_display = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_display:
        with suppress(webbrowser.Error, OSError):
            webbrowser.open(url)
