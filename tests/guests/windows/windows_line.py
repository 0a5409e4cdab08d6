"""The far end of the line of the guest ``windows``: what a person types at SAC and in a Command Prompt."""

from __future__ import annotations

import functools
import importlib
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.guests.line import Line
from uartsim.guest.catalogue import find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.guest.script import ScriptGuest, load_main
from uartsim.machine import open_machine

WINDOWS = Path(__file__).parents[3] / "guests" / "windows"
USER = "Administrator"
PASSWORD = "Passw0rd!"
AVAILABLE = b"EVENT: The CMD command is now available."
PROMPT = b"C:\\Windows\\system32>"


class WindowsLine(Line):
    """A person at the serial line of the guest."""

    guest: ScriptGuest

    async def at_sac(self) -> None:
        """Wait until SAC is there and `cmd` can be used."""
        await self.expect(AVAILABLE)
        await self.expect(b"SAC>")

    async def sac(self, command: str, prompt: str = "SAC>") -> str:
        """A command at SAC's prompt; returns what it wrote, without the blanks at the ends of the lines."""
        self.send(command.encode() + b"\r")
        return unpadded(await self.expect(f"\r\n{prompt}".encode())).partition("\n")[2].removesuffix(f"\n{prompt}")

    async def open_channel(self) -> None:
        """Make a Command Prompt channel, and be at its login."""
        self.send(b"cmd\r")
        await self.expect(b"Channel: Cmd")
        await self.expect(b"SAC>")
        self.send(b"ch -si 1\r")
        await self.expect(b"Use any other key to view this channel.")
        self.send(b"\r")

    async def back_at_sac(self) -> None:
        """From a channel to SAC."""
        self.send(b"\x1b\t")
        await self.expect(b"view this channel.")
        self.send(b"0")
        await self.silence(1)

    async def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        """Log on at a channel's login."""
        await self.expect(b"Username: ")
        self.send(user.encode() + b"\r")
        await self.expect(b"Domain  : ")
        self.send(b"\r")
        await self.expect(b"Password: ")
        self.send(password.encode() + b"\r")

    async def at_cmd(self, user: str = USER, password: str = PASSWORD) -> None:
        """From the start of the machine to a prompt of cmd."""
        await self.at_sac()
        await self.open_channel()
        await self.log_on(user, password)
        await self.expect(PROMPT)

    async def cmd(self, command: str, prompt: bytes = PROMPT) -> str:
        """A command at cmd's prompt; returns what it wrote, without the blanks at the ends of the lines."""
        self.send(command.encode() + b"\r")
        for _ in range((len(prompt) + len(command) - 1) // 80 + 1):  # the echo goes on in the next line at column 80
            await self.expect(b"\r\n")
        return unpadded(await self.expect(prompt)).removesuffix(prompt.decode().rstrip(" ")).strip("\n")

    async def run_command(self, script: str, shell: str = "cmd") -> tuple[int, str]:
        """A script by way of the guest's agent; its status and what it wrote."""
        result = await self.guest.run_command(script, shell=shell)
        return result.status, result.stdout + result.stderr

    async def silence(self, seconds: float) -> bytes:
        """What comes within some seconds."""
        await trio.sleep(seconds)
        taken, self.received = self.received, b""
        return taken


@functools.cache
def windows_package() -> str:
    """The guest's folder, loaded as a package; its name."""
    return load_main(WINDOWS, "windows_machine.py").__module__.rpartition(".")[0]


def windows_module(name: str) -> types.ModuleType:
    """A module of the guest's folder."""
    return importlib.import_module(f"{windows_package()}.{name}")


def unpadded(data: bytes) -> str:
    """Lines without the blanks that fill them to 80 columns."""
    return "\n".join(line.rstrip(" ") for line in data.decode().replace("\r\n", "\n").split("\n"))


@asynccontextmanager
async def running_windows(**settings: Any) -> AsyncIterator[WindowsLine]:
    """The guest, powered on."""
    line = WindowsLine()
    definition = find_guest("windows").with_settings({name: str(value) for name, value in settings.items()})
    guest = make_guest(definition)
    assert isinstance(guest, ScriptGuest)
    async with open_machine(guest, log=line.logged.append, prepare=line._listen):
        line.guest = guest
        yield line
