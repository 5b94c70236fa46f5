"""Implement `recorder completion`."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, cassettes, operations, dialects and policies.

    \b
    Example:  recorder completion bash >> ~/.bashrc
              recorder completion zsh >> ~/.zshrc
              recorder completion fish > ~/.config/fish/completions/recorder.fish
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    made = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    click.echo(made(context.find_root().command, {}, "recorder", "_RECORDER_COMPLETE").source())
