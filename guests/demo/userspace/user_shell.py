"""Starts shells at the prompt: after login, and where init runs one."""

from __future__ import annotations

from ..kernel.credentials import ROOT, Credentials
from ..kernel.kernel import Kernel
from ..settings import Settings
from ..shell.interactive import Shell
from ..shell.shell_state import ShellState
from .program_table import PROGRAMS


async def run_user_shell(
    kernel: Kernel,
    settings: Settings,
    name: str,
    *,
    prompt: str = "\\u@\\h:\\w\\$ ",
    directory: str | None = None,
    job_control: bool = True,
    user: Credentials = ROOT,
) -> int:
    """Run a shell at its prompt until it ends; returns its exit status.

    Args:
        kernel: the kernel.
        settings: the guest's settings.
        name: what the shell calls itself in messages; a leading dash makes it a login shell.
        prompt: PS1.
        directory: where the shell starts; None for its user's home.
        job_control: whether Ctrl-C reaches its commands (not for process 1).
        user: who runs it.
    """
    state = ShellState(
        kernel,
        name=name,
        directory=user.home if directory is None else directory,
        prompt=prompt,
        job_control=job_control,
        bracketed_paste=settings.bracketed_paste,
        user=user,
    )
    return await Shell(state, PROGRAMS).run()
