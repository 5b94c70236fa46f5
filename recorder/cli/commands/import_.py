"""Implement `recorder import`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import CassetteError, UsageError
from ...files import open_regular
from ..options import InputFile, force_option, key_option, new_cassette_option, no_redaction_option, policy_option
from ..redaction import redaction
from ..saying import say
from ..writing import must_be_writable, write_frames

if TYPE_CHECKING:
    from ...importers.ordering import Imported


@click.command("import")
@click.argument("source", metavar="FILE", type=InputFile())
@new_cassette_option
@click.option(
    "--origin",
    metavar="URL|all",
    help="Import only exchanges with this server from a HAR; by default the server that speaks Bayeux.",
)
@policy_option
@key_option
@no_redaction_option
@click.option(
    "--dialect",
    metavar="NAME",
    default="gws-outbound",
    show_default=True,
    help="Shipped dialect to name in the cassette.",
)
@force_option
def command(
    source: Path, *, output: Path, origin: str | None, policy: str, key_file: Path | None, no_redaction: bool,
    dialect: str, force: bool,
) -> None:  # fmt: skip
    """Make a cassette from a recording of another tool: a HAR, or a flow file of mitmproxy.

    The format is detected from the content. Values are redacted as in a recording. Notes in the cassette say what the
    file lacks (docs/exchange.md); check the result with recorder doctor.

    \b
    Example:  recorder import session.har -o session.cassette
              mitmdump -w session.flows --mode reverse:http://gws.example:8090
              recorder import session.flows -o session.cassette
    """
    from ...dialect.definition import shipped
    from ...importers.ordering import frames
    from ...model import Header
    from ...redaction.joins import for_dialect
    from ...redaction.policy import NO_POLICY
    from ...redaction.redactor import Redactor

    name = shipped(dialect).name
    must_be_writable(output, force=force)
    chosen, key = redaction(policy, key_file, off=no_redaction)
    redactor = Redactor(for_dialect(chosen, name), key or secrets.token_bytes(32)) if chosen else None
    found = _read(source, origin)
    header = Header(
        started=found.started,
        upstream=redactor.text(found.upstream) if redactor else found.upstream,
        dialect=name,
        redaction=chosen.name if chosen else NO_POLICY,
    )
    for text in found.notes:
        say(text)
    write_frames(output, header, frames(found, redactor), force=force)


def _read(source: Path, origin: str | None) -> Imported:
    with open_regular(source) as file:
        start = file.read(64)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        from ...importers.har import LARGEST_FILE, read_har

        if source.stat().st_size > LARGEST_FILE:
            raise CassetteError(str(source), f"is larger than {LARGEST_FILE >> 20} MiB; import it in parts")
        return read_har(source.read_bytes(), str(source), origin)
    if origin is not None:
        raise UsageError("--origin needs a HAR; a flow file of mitmproxy is always imported whole")
    try:
        from ...importers.flows import read_flows
    except ModuleNotFoundError as exc:
        raise UsageError(f"flow files of mitmproxy need {exc.name}: pip install 'outbound-recorder[record]'") from exc
    return read_flows(source)
