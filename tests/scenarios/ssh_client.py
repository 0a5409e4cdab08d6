"""An SSH client on this machine, which reaches a guest through QEMU's user network."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tests.patience import patience
from uartsim.blocking import Console

_OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "NumberOfPasswordPrompts=1",
    "PreferredAuthentications=password",
    "LogLevel=ERROR",
)


def log_in(
    console: Console, folder: Path, user: str = "user", password: str = "user"
) -> subprocess.CompletedProcess[str]:
    """Run ``id -un`` on the guest by SSH.

    Args:
        console: the guest's console.
        folder: a folder for the program that tells the password.
        user: who logs in.
        password: that user's password.
    """
    ask = folder / "password.sh"
    ask.write_text('#!/bin/sh\necho "$UARTSIM_TEST_PASSWORD"\n')
    ask.chmod(stat.S_IRWXU)
    variables = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "UARTSIM_TEST_PASSWORD": password}
    options = [word for option in (*_OPTIONS, f"ConnectTimeout={patience(10):.0f}") for word in ("-o", option)]
    port = console.line.forwards[22]
    return subprocess.run(
        ["ssh", "-F", "/dev/null", *options, "-p", str(port), f"{user}@127.0.0.1", "id", "-un"],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(120),
    )


def is_refused(console: Console, folder: Path) -> bool:
    """Whether the user cannot log in by SSH."""
    return log_in(console, folder).returncode == 255


def logs_in(console: Console, folder: Path) -> bool:
    """Whether the user can log in by SSH."""
    return log_in(console, folder).stdout == "user\n"
