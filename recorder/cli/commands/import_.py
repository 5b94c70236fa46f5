"""recorder import."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import CassetteError, UsageError
from ..options import force_option, key_option, must_not_exist, no_redaction_option, policy_option
from ..redaction import redaction
from ..writing import write_frames

if TYPE_CHECKING:
    from ...importers.ordering import Imported


@click.command("import")
@click.argument("source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The cassette.")
@click.option(
    "--origin",
    metavar="URL|all",
    help="Of a HAR, only what this server was asked; by default the one that speaks Bayeux.",
)
@policy_option
@key_option
@no_redaction_option
@click.option("--dialect", metavar="NAME", default="gws-outbound", show_default=True, help="A shipped dialect.")
@force_option
def command(
    source: Path, *, output: Path, origin: str | None, policy: str, key_file: Path | None, no_redaction: bool,
    dialect: str, force: bool,
) -> None:  # fmt: skip
    """Make a cassette of what another tool recorded: a HAR, or a file of flows of mitmproxy.

    Which of the two it is, its content tells. Values are redacted as in a recording. What the file does not tell is
    told in notes of the cassette (docs/exchange.md); recorder doctor says if it is sound.

    \b
    Example:  recorder import session.har -o session.cassette
              mitmdump -w session.flows --mode reverse:http://gws.example:8090
              recorder import session.flows -o session.cassette
    """
    from ...dialect.definition import shipped
    from ...importers.ordering import frames
    from ...model import Header
    from ...redaction.policy import NO_POLICY
    from ...redaction.redactor import Redactor

    name = shipped(dialect).name
    must_not_exist(output, force=force)
    chosen, key = redaction(policy, key_file, off=no_redaction)
    redactor = Redactor(chosen, key or secrets.token_bytes(32)) if chosen else None
    found = _read(source, origin)
    header = Header(
        started=found.started,
        upstream=redactor.text(found.upstream) if redactor else found.upstream,
        dialect=name,
        redaction=chosen.name if chosen else NO_POLICY,
    )
    for text in found.notes:
        click.echo(f"recorder: {text}", err=True)
    write_frames(output, header, frames(found, redactor), force=force)


def _read(source: Path, origin: str | None) -> Imported:
    with source.open("rb") as file:
        start = file.read(64)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        from ...importers.har import LARGEST_FILE, read_har

        if source.stat().st_size > LARGEST_FILE:
            raise CassetteError(str(source), f"is larger than {LARGEST_FILE >> 20} MiB; import it in parts")
        return read_har(source.read_bytes(), str(source), origin)
    if origin is not None:
        raise UsageError("--origin is for a HAR; the flows of mitmproxy are imported whole")
    try:
        from ...importers.flows import read_flows
    except ModuleNotFoundError as exc:
        raise UsageError(f"flows of mitmproxy need {exc.name}: pip install 'outbound-recorder[record]'") from exc
    return read_flows(source)
