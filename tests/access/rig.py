"""What the tests of access share: guests that are a few lines, and machines that run as processes of their own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import serial

from tests.patience import patience
from uartsim.access.control import ask
from uartsim.errors import UartsimError

ROOT = Path(__file__).resolve().parents[2]

#: Sends back what it receives; names what is special about it.
ECHO = """
    from uartsim.guest.script import Flag

    async def main(host):
        host.tty.open()
        while True:
            data, flag = await host.tty.receive()
            await host.tty.write(data if flag is Flag.NORMAL else b"<%s>" % flag.value.encode())
"""

#: Sends numbered lines as long as it runs.
COUNTER = """
    async def main(host):
        host.tty.open()
        number = 0
        while True:
            await host.tty.write(b"%07d\\n" % number)
            number += 1
"""

#: Sends, for each line ``N`` that it gets, N numbered bytes; a CRC of what it got for ``crc N``.
SERVER = """
    import zlib

    async def main(host):
        host.tty.open()
        await host.tty.write(b"ready\\n")
        buffer = bytearray()

        async def more():
            buffer.extend((await host.tty.receive()).data)

        while True:
            while b"\\n" not in buffer:
                await more()
            line, _, rest = bytes(buffer).partition(b"\\n")
            buffer[:] = rest
            words = line.split()
            if words[0] == b"crc":
                size = int(words[1])
                while len(buffer) < size:
                    await more()
                await host.tty.write(b"%08x\\n" % zlib.crc32(buffer[:size]))
                del buffer[:size]
            elif words[0] == b"off":
                await host.tty.write(b"x" * int(words[1]) + b"bye\\n")
                return "poweroff"
            else:
                size = int(words[0])
                text = b"".join(b"%07d\\n" % n for n in range(size // 8))
                await host.tty.write(text)
"""

SILENT = """
    import trio

    async def main(host):
        host.tty.open()
        await trio.sleep_forever()
"""


def numbered(size: int) -> bytes:
    """What SERVER sends for a line with ``size``."""
    return b"".join(b"%07d\n" % n for n in range(size // 8))


def make_guest_folder(folder: Path, source: str) -> Path:
    """A guest's folder with one script."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "script"\ndescription = "a test"\n[script]\nfile = "guest.py"\n'
    )
    (folder / "guest.py").write_text(textwrap.dedent(source))
    return folder


def wait_until(true: Callable[[], bool], what: str, timeout_s: float = 20) -> None:
    """Wait until something is true that nobody tells us about."""
    deadline = time.monotonic() + patience(timeout_s)
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.005)


def environment(runtime: Path) -> dict[str, str]:
    """The environment of a uartsim of ours: its own runtime folder, this checkout's code."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    state = str(runtime.parent / "state")  # a report of something unexpected is not written into the person's home
    ours = {"UARTSIM_RUNTIME_DIR": str(runtime), "XDG_STATE_HOME": state, "PYTHONPATH": path, "TERM": "vt100"}
    return {**os.environ, **ours}


def uartsim(runtime: Path, *arguments: str, status: int = 0, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end and check its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "uartsim", *arguments],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(timeout_s),
        check=False,
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done


class RunningMachine:
    """A machine that ``uartsim run`` runs in a process of its own; ``code`` may stand for the program."""

    def __init__(self, runtime: Path, guest: str | Path, name: str, *options: str, code: str = "") -> None:
        self.runtime = runtime
        self.name = name
        self.link = runtime / f"{name}.tty"
        self.process = subprocess.Popen(
            [
                sys.executable,
                *(("-c", code) if code else ("-m", "uartsim")),
                "run",
                str(guest),
                "--name",
                name,
                *options,
            ],
            env=environment(runtime),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        """Wait until the machine's clients are served."""
        deadline = time.monotonic() + patience(30)
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                out, err = self.process.communicate()
                raise AssertionError(f"{self.name} ended with {self.process.returncode}: {out} {err}")
            try:
                self.status()
                return
            except UartsimError:
                time.sleep(0.005)  # no socket yet, or one of a machine that is dead
        raise AssertionError(f"{self.name} is not ready after 30 s")

    @property
    def pty(self) -> str:
        """The path of its pty."""
        return os.readlink(self.link)

    def ask(self, do: str, **parameters: Any) -> Any:
        """Ask its control socket."""
        return ask(str(self.runtime / self.name / "control"), do, **parameters)

    def status(self) -> dict[str, Any]:
        """What ``uartsim status NAME --json`` prints."""
        found: dict[str, Any] = self.ask("status")
        return found

    def wait_opened(self, count: int) -> None:
        """Wait until so many clients have its pty open."""
        wait_until(lambda: self.status()["pty"]["opened"] == count, f"{count} clients at the pty")

    def wait_sent(self, size: int) -> None:
        """Wait until the guest has sent so many bytes."""
        wait_until(lambda: self.status()["hub"]["bytes_from_guest"] >= size, f"{size} bytes from the guest", 60)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
        """End it with a signal; returns what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.communicate(timeout=patience(20))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"{self.name} did not end within 20 s of {number.name}") from None

    def assert_nothing_is_left(self) -> None:
        """No link, socket or folder of it."""
        assert os.listdir(self.runtime) == []


@contextmanager
def running(
    runtime: Path, guest: str | Path, name: str = "box", *options: str, code: str = ""
) -> Iterator[RunningMachine]:
    """A machine in a process of its own; afterwards it is ended, and has left nothing behind."""
    machine = RunningMachine(runtime, guest, name, *options, code=code)
    try:
        machine.wait_ready()
        yield machine
    except BaseException:
        machine.process.kill()
        out, err = machine.process.communicate()
        print(f"--- {name} printed:\n{out}{err}")
        raise
    _, err = machine.end()
    assert "Traceback" not in err, err
    left = [entry for entry in os.listdir(runtime) if entry in (name, f"{name}.tty")]
    assert left == []


def read_until(fd: int, size: int, timeout_s: float = 20) -> bytes:
    """Read ``size`` bytes from a descriptor, or what has come when nothing more did for ``timeout_s``."""
    data = bytearray()
    while len(data) < size:
        ready, _, _ = select.select([fd], [], [], patience(timeout_s))
        if not ready:
            break
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        data += more
    return bytes(data)


def status_json(runtime: Path, name: str) -> dict[str, Any]:
    """``uartsim status NAME --json``."""
    found: dict[str, Any] = json.loads(uartsim(runtime, "status", name, "--json").stdout)
    return found


def open_serial(path: object) -> serial.Serial:
    """A client on a pty, at 115200 baud."""
    return serial.Serial(str(path), 115200, timeout=patience(20))
