"""A command in a guest's shell by labgrid or by pexpect, in the environment that has them.

    python benchmarks/peers/shell_commands.py labgrid | pexpect LINK COMMANDS

logs in as root at the terminal LINK, runs ``echo hello`` so many times, and prints how long each took, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

_PROMPT = r"root@[^\n]*[#$] "


def labgrid(link: str) -> Callable[[], list[str]]:
    """labgrid's ShellDriver on its SerialDriver."""
    from labgrid import Target
    from labgrid.driver import SerialDriver, ShellDriver
    from labgrid.resource import RawSerialPort

    target = Target("bench")
    RawSerialPort(target, None, port=link)
    SerialDriver(target, None)
    shell = ShellDriver(
        target, None, prompt=_PROMPT, login_prompt=r" login: ", username="root", password="toor", login_timeout=120
    )
    target.activate(shell)
    return lambda: list(shell.run_check("echo hello"))


def pexpect(link: str) -> Callable[[], list[str]]:
    """pexpect by its manual: a line, and the prompt.  It learns no status."""
    from pexpect import fdpexpect

    spawned = fdpexpect.fdspawn(os.open(link, os.O_RDWR | os.O_NOCTTY), timeout=120)
    spawned.send(b"\r")
    for send, wanted in ((b"root\r", rb" login: "), (b"toor\r", b"assword: "), (b"", _PROMPT.encode())):
        spawned.expect(wanted)
        spawned.send(send)

    def run() -> list[str]:
        spawned.send(b"echo hello\r")
        spawned.expect(_PROMPT.encode())
        before = spawned.before
        assert isinstance(before, bytes)
        return [line.decode().strip() for line in before.splitlines()[1:] if line.strip()]

    return run


def main(peer: str, link: str, commands: str) -> None:
    """Run and print."""
    run = {"labgrid": labgrid, "pexpect": pexpect}[peer](link)
    run()
    took = []
    for _ in range(int(commands)):
        begin = time.perf_counter()
        output = run()
        took.append(time.perf_counter() - begin)
        if output != ["hello"]:
            raise SystemExit(f"the output was {output}")
    print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
