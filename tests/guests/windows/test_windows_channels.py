"""The guest ``windows``: channels that are closed while something else is under way."""

from __future__ import annotations

import trio
import trio.testing

from tests.guests.windows.windows_line import PASSWORD, USER, running_windows, windows_module
from tests.machine.rig import virtual_time

channels = windows_module("sac.sac_channels")
TYPE_AHEAD = windows_module("terminal.console_window").TYPE_AHEAD


class SlowLine:
    """A line that takes nothing before it is told to."""

    def __init__(self) -> None:
        self.text = ""
        self.goes_on = trio.Event()

    async def write(self, data: bytes) -> None:
        await self.goes_on.wait()
        self.text += data.decode()


@virtual_time
async def test_a_key_that_comes_while_its_channel_is_being_closed_goes_to_sac() -> None:
    line = SlowLine()
    switch = channels.ChannelSwitch(line)
    channel = switch.open("Cmd", "Command", channels.COMMAND_APPLICATION, lambda: None)
    switch._current = 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.window.write, "much output")  # has the line for itself
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(switch.forget, channel)
        nursery.start_soon(switch.refresh, channel)
        await trio.testing.wait_all_tasks_blocked()
        await switch.press("x")
        line.goes_on.set()
    assert [number for number, _ in switch] == [0]
    assert (await switch.sac.window.read_key()).character == "x"


@virtual_time
async def test_a_channel_that_is_closed_before_its_header_can_be_shown_is_not_shown() -> None:
    line = SlowLine()
    switch = channels.ChannelSwitch(line)
    channel = switch.open("Cmd", "Command", channels.COMMAND_APPLICATION, lambda: None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(switch.sac.window.write, "much output")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(switch.select, 1)
        await trio.testing.wait_all_tasks_blocked()
        await switch.forget(channel)
        line.goes_on.set()
    assert "Cmd0001" not in line.text


@virtual_time
async def test_a_paste_at_the_login_that_is_longer_than_the_type_ahead_loses_nothing() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.open_channel()
        await line.expect(b"Username: ")
        commands = "".join(f"echo [{n}]\r" for n in range(TYPE_AHEAD // 4))
        line.send(f"{USER}\r\r{PASSWORD}\r{commands}".encode())
        text = (await line.expect(f"\r\n[{TYPE_AHEAD // 4 - 1}] ".encode(), 600)).decode()
        assert [n for n in range(TYPE_AHEAD // 4) if f"\n[{n}] " not in text] == []


@virtual_time
async def test_keys_that_nobody_reads_do_not_stop_the_console_for_ever() -> None:
    async with running_windows(session_timeout=600) as line:
        await line.at_cmd()
        line.send(b"ping -t 8.8.8.8\r" + b"x" * (TYPE_AHEAD + 100))
        await line.expect(b"It was not used for too long.", 4000)
        line.send(b"\r")
        await line.silence(1)
        assert (await line.sac("ch")).endswith("0 (AV)    SAC")
