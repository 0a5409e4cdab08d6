"""A guest whose private disk cannot grow stands still, says so, and goes on."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from uartsim.guest import full_disk
from uartsim.guest.full_disk import FullDisk

EVENT = {"device": "uartsim-image", "operation": "write", "action": "stop", "nospace": True, "reason": "No space left"}


def test_guest_goes_on_when_there_is_room_and_each_stop_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [0, 0, full_disk.LEAST_ROOM_BYTES - 1, full_disk.LEAST_ROOM_BYTES]
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_bavail=free.pop(0), f_frsize=1))
    said: list[str] = []
    commands: list[str] = []

    async def command(name: str) -> None:
        commands.append(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            disk = FullDisk(nursery, "/overlays/x", command, said.append)
            for _ in range(3):
                disk.error(EVENT)
            assert len(said) == 1
            assert not commands

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert commands == ["cont"]
    assert said[0].startswith(
        "the guest stands still, because its disk in /overlays/x cannot be written (No space left)"
    )
    assert said[1:] == ["there is room again: the guest goes on"]
    assert not free


def test_error_that_does_not_stop_the_guest_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    async def command(name: str) -> None:
        raise AssertionError(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            FullDisk(nursery, "/x", command, said.append).error({**EVENT, "action": "report", "operation": "read"})

    trio.run(main)
    assert said == ["the guest could not read its disk: No space left"]
