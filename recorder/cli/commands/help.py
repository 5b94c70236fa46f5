"""Implement `recorder help`."""

from __future__ import annotations

import click


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or the list of all commands.

    \b
    Example:  recorder help
              recorder help replay
              recorder help dialect check
    """
    shown = context.find_root()
    for place, word in enumerate(words):
        group = shown.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{shown.command_path} has no commands; write recorder help {words[0]}")
        found = group.get_command(shown, word)
        if found is None:
            from ..guide.order import no_command

            known = group.list_commands(shown)
            raise click.UsageError(no_command(word, words[place + 1 :], known, shown.command_path), shown)
        shown = click.Context(found, parent=shown, info_name=word)
    click.echo(shown.get_help())
