"""The command ``completion``: the script with which a shell completes what is typed."""

from __future__ import annotations

import os

import click

from uartsim.cli.completion_shells import SHELLS, script
from uartsim.cli.help_text import described
from uartsim.errors import UsageError


@described("Print the completion script of a shell.", "uartsim completion bash")
@click.command()
@click.argument("shell", required=False, type=click.Choice(SHELLS))
def completion(shell: str | None) -> None:
    """Print the script with which SHELL completes commands, options, guests, machines and more; by default for $SHELL.

    \b
    For one shell only:
      eval "$(uartsim completion bash)"          bash, zsh
      uartsim completion fish | source           fish

    \b
    For all from now on:
      mkdir -p ~/.local/share/bash-completion/completions
      uartsim completion bash > ~/.local/share/bash-completion/completions/uartsim
      uartsim completion zsh > "${fpath[1]}/_uartsim"
      mkdir -p ~/.config/fish/completions
      uartsim completion fish > ~/.config/fish/completions/uartsim.fish

    The file for bash needs the package bash-completion. Without it, and in zsh without a folder of your own in fpath, put
    the line with eval into ~/.bashrc, or into ~/.zshrc after compinit; if uartsim is in a virtual environment that is not
    always active, with its path: eval "$(PATH-OF-THE-ENVIRONMENT/bin/uartsim completion bash)".
    """
    if shell is None:
        shell = os.path.basename(os.environ.get("SHELL", ""))
        if shell not in SHELLS:
            raise UsageError(f"which shell? $SHELL is {shell or 'not set'}: give bash, zsh or fish")
    click.echo(script(shell), nl=False)
