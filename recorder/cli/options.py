"""Arguments and options several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError

cassette_argument = click.argument(
    "cassette", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
cassettes_argument = click.argument(
    "cassettes",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
output_option = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write.")
force_option = click.option("--force", is_flag=True, help="Overwrite the output if it exists.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
dialect_option = click.option(
    "--dialect", metavar="NAME|FILE", help="Read it by this dialect instead of the one it was recorded with."
)

policy_option = click.option(
    "--policy", metavar="NAME|FILE", default="gws", show_default=True, help="What must not be kept (recorder policy)."
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
    if host not in ("localhost", "::1") and not host.startswith("127."):
        click.echo(f"recorder: warning: listening on {host}, others can connect", err=True)


def must_not_exist(path: Path, *, force: bool) -> None:
    """Refuse to overwrite.

    Raises:
        UsageError: If the file is there and `force` is not given, or its folder is not.

    """
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already; choose another name, or --force to overwrite it")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; create it first")
