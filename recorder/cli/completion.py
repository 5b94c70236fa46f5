"""recorder completion."""

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
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:  # click has all three
        raise click.UsageError(f"no completion for {shell}")
    root = context.find_root()
    click.echo(made(root.command, {}, "recorder", "_RECORDER_COMPLETE").source())
