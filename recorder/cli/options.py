"""Define the arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from ..loopback import is_loopback
from .saying import say

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def offers(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return a completion function for click, by the name of a function of `completing`, imported when a shell asks."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from . import completing

        found: list[CompletionItem] = getattr(completing, what)(context, parameter, incomplete)
        return found

    return complete


cassette_argument = click.argument(
    "cassette",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    shell_complete=offers("cassettes"),
)
cassettes_argument = click.argument(
    "cassettes",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    shell_complete=offers("cassettes"),
)
output_option = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
force_option = click.option("--force", is_flag=True, help="Overwrite the output file if it exists.")

# readable=False: the command itself reports a file it cannot open, and goes on with the other files
readable_argument = click.argument(
    "cassettes",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=False, path_type=Path),
    shell_complete=offers("cassettes"),
)
filter_option = click.option(
    "-f",
    "--filter",
    "wanted",
    metavar="EXPR",
    help="Select triples by a filter, e.g. 'op:Get* ack:>500 or state:failed'.",
    shell_complete=offers("filters"),
)
jsonl_option = click.option("--jsonl", "as_lines", is_flag=True, help="Print JSON Lines, one row per line.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
dialect_option = click.option(
    "--dialect",
    metavar="NAME|FILE",
    help="Use this dialect instead of the one named in the cassette.",
    shell_complete=offers("dialects"),
)

policy_option = click.option(
    "--policy",
    metavar="NAME|FILE",
    default="gws",
    show_default=True,
    help="Redaction policy: the values that must not be kept (see recorder policy).",
    shell_complete=offers("policies"),
)
key_option = click.option(
    "--redaction-key-file",
    "key_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key of the pseudonyms; one key gives equal pseudonyms each time. Created if missing.",
)
no_redaction_option = click.option(
    "--no-redaction", is_flag=True, help="Store secrets in the clear. The header of the cassette says so."
)


class Listen(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A parameter HOST:PORT, :PORT or PORT; port 0 takes a free port."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Parse the text into host (default 127.0.0.1) and port; report a mistake as a usage error."""
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not port.isascii() or not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r} is not HOST:PORT, e.g. 127.0.0.1:8080", param, ctx)
        return host.strip("[]") or "127.0.0.1", int(port)


listen_option = click.option(
    "--listen",
    type=Listen(),
    default="127.0.0.1:0",
    show_default=True,
    help="Address to listen on; port 0 takes a free port.",
)


def warn_if_exposed(host: str) -> None:
    """Print a warning if other machines can connect to `host`."""
    if not is_loopback(host):
        say(f"warning: listening on {host}, other machines can connect")


def must_not_exist(path: Path, *, force: bool) -> None:
    """Refuse an output file that exists.

    Raises:
        UsageError: If the file exists and `force` is not given, or its folder does not exist.
    """
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already; choose another name, or --force to overwrite it")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; create it first")
