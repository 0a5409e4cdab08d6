"""`uartsim serve` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.patience import patience
from uartsim.own_files.service_note import SERVICE_NOTE, read_service_note


class ServeProcess:
    """A process of `uartsim serve` on a port of its own.

    Args:
        folder: a folder of the test's own, for the state and the set-up.
        tenant: the text of the set-up file; None starts the example.
        options: further options of the command.
        environment: further variables of its environment.
    """

    def __init__(
        self, folder: Path, tenant: str | None, *options: str, environment: dict[str, str] | None = None
    ) -> None:
        self.state = folder / "state"
        if tenant is not None:
            (folder / "tenant.toml").write_text(tenant)
            options = ("--config", str(folder / "tenant.toml"), *options)
        if "--port" not in options:
            options = ("--port", "0", *options)
        command = [sys.executable, "-m", "uartsim", "serve", "--state", str(self.state), *options]
        variables = {**os.environ, "UARTSIM_RUNTIME_DIR": str(folder), **(environment or {})}
        self.process = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )

    def wait_ready(self) -> str:
        """Wait until the service answers, and return its URL."""
        give_up_at = time.monotonic() + patience(60)
        while not (self.state / SERVICE_NOTE).exists():
            assert self.process.poll() is None, f"it has ended: {self.process.communicate()}"
            assert time.monotonic() < give_up_at, "the service does not start"
            time.sleep(0.01)
        note = read_service_note(str(self.state))
        assert note is not None
        return note.url

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal, wait for the end, and return exit status, standard output and standard error."""
        self.process.send_signal(number)
        return self.wait_ended()

    def wait_ended(self) -> tuple[int, str, str]:
        """Wait for the end, and return exit status, standard output and standard error."""
        output, errors = self.process.communicate(timeout=patience(60))
        return self.process.returncode, output, errors

    def close(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
