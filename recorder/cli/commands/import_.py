"""Implement `recorder import`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import UsageError
from ...files import folder_of
from ...printable import to_json
from ..options import (
    InputFile,
    force_option,
    json_option,
    key_option,
    new_cassette_option,
    new_dialect_option,
    no_redaction_option,
    policy_option,
)
from ..recording.redaction import redaction
from ..saying import say
from ..writing import must_be_writable, write_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...capture.choosing import Choosing
    from ...dialect.definition import Dialect
    from ...importers.containers import Container
    from ...importers.ordering import Imported
    from ...importers.spool import Spool
    from ...redaction.policy import Policy
    from ...redaction.redactor import Redactor


@click.command("import")
@click.argument("source", metavar="FILE", type=InputFile())
@new_cassette_option
@click.option(
    "--origin",
    metavar="URL|all",
    help="Import only exchanges with this server from a HAR; by default the server that speaks Bayeux.",
)
@new_dialect_option
@policy_option
@key_option
@no_redaction_option
@force_option
@json_option
def command(
    source: Path, *, output: Path, origin: str | None, dialect: str | None, policy: str, key_file: Path | None,
    no_redaction: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a cassette from a recording of another tool: a HAR, or a flow file of mitmproxy.

    The format is detected from the content, also in a ZIP and compressed by gzip or zlib. Values are redacted as in a
    recording. Entries that cannot be used are left out and counted by reason; missing times are estimated. Notes in the
    cassette list both, and recorder doctor prints these notes (docs/exchange.md). Without --dialect, the shipped
    dialect that fits is chosen as in a recording.

    \b
    Example:  recorder import session.har -o session.cassette
              recorder import session.har.zip -o session.cassette --json
              mitmdump -w session.flows --mode reverse:http://gws.example:8090
              recorder import session.flows -o session.cassette
    """
    from ...capture.choosing import Choosing
    from ...dialect.definition import DEFAULT, load
    from ...importers.containers import Container
    from ...importers.ordering import frames
    from ...importers.spool import Spool
    from ...model import Header
    from ...redaction.carried import carrying, described
    from ...redaction.policy import NO_POLICY

    given = load(dialect) if dialect else None
    must_be_writable(output, force=force)
    chosen, key = redaction(policy, key_file, off=no_redaction)
    redactor, choosing = _redactor(chosen, key, given), Choosing(given)
    with Spool(folder_of(output)) as spool:
        found = _read(Container.of(source), spool, origin, lambda spool: _chosen(choosing, spool, output))
        rules = _chosen(choosing, spool, output)
        header = Header(
            started=found.started,
            upstream=redactor.text(found.upstream) if redactor else found.upstream,
            dialect=rules.name,
            fitted="" if given else DEFAULT,
            redaction=chosen.name if chosen else NO_POLICY,
            policy_text=described(chosen),
        )
        for text in found.notes:
            say(text)
        write_frames(output, carrying(header, rules), frames(found, redactor), force=force)
        if as_json:
            click.echo(to_json(_summary(found, output)))


def _redactor(policy: Policy | None, key: bytes | None, dialect: Dialect | None) -> Redactor | None:
    """Return what redacts the parts; a dialect that is chosen by the traffic does not change it."""
    from ...dialect.definition import DEFAULT, shipped
    from ...redaction.joins import fitted
    from ...redaction.redactor import Redactor

    if policy is None:
        return None
    return Redactor(fitted(policy, dialect or shipped(DEFAULT)), key or secrets.token_bytes(32))


def _chosen(choosing: Choosing, spool: Spool, output: Path) -> Dialect:
    """Return the dialect of the cassette; say once how it was chosen."""
    from ...capture.choosing import told

    fit = choosing.of_all(spool.parts())
    if fit is not None:
        say(told(fit, output))
    return choosing.dialect


def _read(source: Container, spool: Spool, origin: str | None, choose: Callable[[Spool], Dialect]) -> Imported:
    from ...importers.containers import as_utf_8

    with source.reading() as stream:
        is_har = as_utf_8(stream).read(1 << 16).lstrip()[:1] == b"{"
    if is_har:
        from ...importers.har import read_har

        return read_har(source, spool, origin, choose)
    if origin is not None:
        raise UsageError("--origin needs a HAR; a flow file of mitmproxy is always imported whole")
    try:
        from ...importers.flows import read_flows
    except ModuleNotFoundError as exc:
        raise UsageError(f"flow files of mitmproxy need {exc.name}: pip install 'outbound-recorder[record]'") from exc
    return read_flows(source, spool)


def _summary(found: Imported, output: Path) -> dict[str, object]:
    """Return what programs read of an import."""
    return {
        "cassette": str(output),
        "from": found.losses.file,
        "upstream": found.upstream,
        "exchanges": found.exchanges,
        "left_out": found.losses.left_out,
        "guessed_times": found.losses.guessed,
        "notes": list(found.notes),
    }
