"""recorder addon."""

from __future__ import annotations

import click

NAMES = ("record", "replay", "contentview")


@click.command("addon")
@click.argument("name", type=click.Choice(NAMES))
def command(name: str) -> None:
    """Print the path of a script for a mitmproxy of your own.

    record writes a cassette, replay stands in for the recorded server, contentview shows Bayeux messages.

    \b
    Example:  recorder addon record
              mitmdump -s "$(recorder addon record)" --set cassette=session.cassette --mode reverse:http://gws.example
    """
    from ..shipped import shipped

    click.echo(shipped("addons", f"{name}.py"))
