"""``ostiary completion``: the script by which a shell completes commands and options."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_OSTIARY_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete this program's commands."""
    from ostiary.cli.output import say_lines

    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - click knows these three
        raise click.UsageError(f"There is no completion for {shell}.")
    made = found(context.find_root().command, {}, "ostiary", VARIABLE)
    say_lines(made.source_template % made.source_vars())  # source() would run the shell, to see how old it is
