"""The guest ``windows``: from power on to SAC, its channels, and the login of a Command Prompt."""

from __future__ import annotations

from tests.guests.windows.windows_line import AVAILABLE, PROMPT, running_windows, unpadded
from tests.machine.rig import virtual_time


@virtual_time
async def test_sac_starts_with_the_words_of_the_reference() -> None:
    async with running_windows() as line:
        text = unpadded(await line.expect(AVAILABLE))
        assert (
            "\nComputer is booting, SAC started and initialized.\n\n"
            'Use the "ch -?" command for information about using channels.\n'
            'Use the "?" command for general help.\n\n\n'
            "SAC>\nEVENT: The CMD command is now available." in text
        )
        assert await line.expect(b"SAC>")


@virtual_time
async def test_every_line_is_padded_to_80_columns() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"?\r")
        lines = (await line.expect(b"\r\nSAC>")).decode().split("\r\n")
        assert [len(each) for each in lines[1:-1]] == [80] * (len(lines) - 2)
        assert len(lines[0]) == 80 - len("SAC>")


@virtual_time
async def test_a_channel_is_made_logged_on_to_and_left() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"cmd\r")
        assert unpadded(await line.expect(b"Channel: Cmd0001")) == (
            "cmd\nThe Command Prompt session was successfully launched.\nSAC>\n"
            'EVENT:   A new channel has been created.  Use "ch -?" for channel help.\nChannel: Cmd0001'
        )
        await line.expect(b"SAC>")
        assert await line.sac("ch") == (
            'Channel List\n\n(Use "ch -?" for information on using channels)\n\n'
            "# Status  Channel Name\n0 (AV)    SAC\n1 (AV)    Cmd0001"
        )
        line.send(b"ch -sn cmd0001\r")
        header = unpadded(await line.expect(b"view this channel."))
        assert (
            "Name:                  Cmd0001\nDescription:           Command\nType:                  VT-UTF8\n" in header
        )
        assert "Application Type GUID: 63d02271-8aa4-11d5-bccf-00b0d014a2d0\n" in header
        line.send(b"\r")
        await line.log_on()
        banner = unpadded(await line.expect(PROMPT))
        assert (
            "Microsoft Windows [Version 10.0.14393]\n(c) 2016 Microsoft Corporation. All rights reserved.\n\n" in banner
        )
        assert "*********" in banner
        assert "Passw0rd" not in banner
        line.send(b"\x1b\t")
        assert "Name:                  SAC\n" in unpadded(await line.expect(b"view this channel."))
        line.send(b"0")
        await line.expect(b"SAC>")
