"""Define the command line: the group of all commands and its help."""

from __future__ import annotations

import click

from .group import Commands

_VERSION = "%(prog)s, version %(version)s, format 2"  # model.FORMAT, of the cassettes it writes: `api.recorder` asks it


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "RECORDER"})
@click.version_option(package_name="outbound-recorder", prog_name="recorder", message=_VERSION)
def main() -> None:
    """Record contact-centre desktops and replay them by cause.

    A desktop POSTs an operation, gets a bare ack, and learns the result from events pushed over CometD. The recorder
    keeps request, ack and events together. The stand-in replays them: it sends no event before the request that
    causes the event.

    \b
    Try it:        recorder demo
    Record:        recorder record http://gws.example:8090 -o session.cassette
    Look:          recorder ls session.cassette
    Stand in:      recorder replay session.cassette

    \b
    Exit codes: 0 ok, 1 miss or difference, 2 usage, 3 not all played,
    4 corrupt or unreadable, 5 nothing selected, 6 upstream unreachable,
    7 secrets found, 130 interrupted.
    """
