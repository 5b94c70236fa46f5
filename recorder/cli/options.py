"""Arguments and options several commands share."""

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
    """What completes an argument: a function of `completing`, which is imported when a shell asks."""

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
output_option = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write.")
force_option = click.option("--force", is_flag=True, help="Overwrite the output if it exists.")
# what cannot be opened is told by the command, which then goes on with the others
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
    help="Only triples that fit, e.g. 'op:Get* ack:>500 or state:failed'.",
    shell_complete=offers("filters"),
)
jsonl_option = click.option("--jsonl", "as_lines", is_flag=True, help="Print JSON, a line for each.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
dialect_option = click.option(
    "--dialect",
    metavar="NAME|FILE",
    help="Read it by this dialect instead of the one it was recorded with.",
    shell_complete=offers("dialects"),
)

policy_option = click.option(
    "--policy",
    metavar="NAME|FILE",
    default="gws",
    show_default=True,
    help="What must not be kept (recorder policy).",
    shell_complete=offers("policies"),
)
key_option = click.option(
    "--redaction-key-file",
    "key_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the key of the pseudonyms here, for the same ones next time; made if it is not there.",
)
no_redaction_option = click.option(
    "--no-redaction", is_flag=True, help="Keep secrets as they are. The cassette says so."
)


class Listen(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """HOST:PORT, :PORT or PORT; port 0 takes a free one."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Split it; fails as click's parameters do."""
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
    help="Where to listen; port 0 takes a free one.",
)


def warn_if_exposed(host: str) -> None:
    """Say so where others than this machine can connect."""
    if not is_loopback(host):
        say(f"warning: listening on {host}, others can connect")


def must_not_exist(path: Path, *, force: bool) -> None:
    """Refuse to overwrite.

    Raises:
        UsageError: If the file is there and `force` is not given, or its folder is not.

    """
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already; choose another name, or --force to overwrite it")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; create it first")
