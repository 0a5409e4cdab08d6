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


@virtual_time
async def test_help_lists_every_command_of_sac() -> None:
    async with running_windows() as line:
        await line.at_sac()
        text = await line.sac("?")
        first_words = " ".join(each.split()[0] for each in text.splitlines())
        assert first_words == "ch cmd d f ? i i id k l lock m p r s s t restart shutdown crashdump"
        assert await line.sac("HELP") == text


@virtual_time
async def test_an_unknown_command_is_answered_and_an_empty_line_is_not() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert await line.sac("dance") == 'Unrecognized command.  Use "?" to list the commands.'
        line.send(b"\r")
        assert unpadded(await line.expect(b"SAC>")) == "\nSAC>"


@virtual_time
async def test_vt100_keys_are_printed_without_their_escape() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"\x1b[A\x1b[3~")
        assert await line.silence(1) == b"[A[3~"


@virtual_time
async def test_backspace_and_delete_take_the_last_character_back() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"xy\x7f\b\x7fid\r")
        assert "Computer Name:          WIN-UARTSIM\n" in unpadded(await line.expect(b"\r\nSAC>"))


@virtual_time
async def test_what_was_being_typed_is_shown_again_after_an_event() -> None:
    async with running_windows(boot_seconds=10) as line:
        await line.expect(b"SAC>")
        line.send(b"chx\x7f")
        await line.expect(AVAILABLE)
        assert unpadded(await line.expect(b"SAC>ch")) == "\nSAC>ch"
        line.send(b"\r")
        await line.expect(b"Channel List")


@virtual_time
async def test_cmd_cannot_be_used_before_it_is_announced() -> None:
    async with running_windows(boot_seconds=10) as line:
        await line.expect(b"SAC>")
        assert await line.sac("cmd") == "The CMD command is not available: the service sacsvr does not run."


@virtual_time
async def test_at_most_nine_more_channels_can_be_open() -> None:
    async with running_windows() as line:
        await line.at_sac()
        for n in range(1, 10):
            line.send(b"cmd\r")
            await line.expect(f"Channel: Cmd{n:04}".encode())
            await line.expect(b"SAC>")
        assert "maximum number" in await line.sac("cmd")
        line.send(b"ch -ci 4\r")
        await line.expect(b"Channel: Cmd0004")
        await line.expect(b"SAC>")
        assert "Cmd0004" not in await line.sac("ch -l")
        line.send(b"cmd\r")
        await line.expect(b"Channel: Cmd0004")


@virtual_time
async def test_channels_are_closed_by_number_and_by_name_but_not_sacs_own() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert await line.sac("ch -ci 0") == "The SAC channel cannot be closed."
        assert await line.sac("ch -cn nobody") == "The channel could not be found."
        assert "ch -si <#>" in await line.sac("ch -?")
        line.send(b"cmd\r")
        await line.expect(b"Channel: Cmd0001")
        await line.expect(b"SAC>")
        line.send(b"ch -cn CMD0001\r")
        await line.expect(b"EVENT:   A channel has been closed.")
        await line.expect(b"SAC>")
        assert "Cmd0001" not in await line.sac("ch")


@virtual_time
async def test_escape_tab_goes_round_the_channels_and_zero_returns_to_sac() -> None:
    async with running_windows() as line:
        await line.at_sac()
        for _ in range(2):
            line.send(b"cmd\r")
            await line.expect(b"Channel: Cmd")
            await line.expect(b"SAC>")
        for name in (b"Cmd0001", b"Cmd0002", b"SAC", b"Cmd0001"):
            line.send(b"\x1b\t")
            await line.expect(b"Name:                  " + name + b" ")
        line.send(b"0")
        shown = await line.silence(1)
        assert b"SAC>" in shown
        assert b"Please enter" not in shown


@virtual_time
async def test_processes_are_listed_killed_and_changed() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert await line.sac("p") == "Paging is off."
        listed = await line.sac("t")
        row = next(each for each in listed.splitlines() if each.endswith("spoolsv.exe"))
        pid = row.split()[0]
        assert await line.sac(f"r {pid}") == "The priority was successfully raised."
        assert await line.sac(f"m {pid} 64") == "The memory limit was successfully set."
        row = next(each for each in (await line.sac("t")).splitlines() if each.endswith("spoolsv.exe"))
        assert row.split()[1] == "9"
        assert row.split()[4] == "64"
        await line.sac(f"l {pid}")
        row = next(each for each in (await line.sac("t")).splitlines() if each.endswith("spoolsv.exe"))
        assert row.split()[1] == "1"
        assert await line.sac(f"k {pid}") == "The process was successfully killed."
        assert "spoolsv.exe" not in await line.sac("t")
        assert await line.sac(f"k {pid}") == f'The process "{pid}" not found.'
        assert await line.sac("k") == "Usage: k <pid>"
        assert await line.sac("m 4 x") == "Usage: m <pid> <MB-allow>"
        await line.sac("f")
        assert "Pid Name" in await line.sac("t")


@virtual_time
async def test_a_long_list_waits_for_enter_while_paging_is_on() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"t\r")
        await line.expect(b"Press Enter for more")
        assert b"SAC>" not in await line.silence(60)
        line.send(b"\r")
        await line.expect(b"SAC>")


@virtual_time
async def test_the_clock_is_shown_and_set() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert await line.sac("s 02/29/2024 23:59") == "Date: 02/29/2024  Time (GMT): 23:59:00"
        await line.silence(60)
        assert (await line.sac("s")).startswith("Date: 03/01/2024  Time (GMT): 00:00:")
        assert (await line.sac("s 02/30/2024 10:00")).startswith("Usage: s mm/dd/yyyy hh:mm")


@virtual_time
async def test_the_address_is_shown_and_set() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert "Ip=10.0.0.4  Subnet=255.255.255.0  Gateway=10.0.0.1" in await line.sac("i")
        assert "Ip=10.9.9.9" in await line.sac("i 1 10.9.9.9 255.255.0.0 10.9.0.1")
        assert "Ip=10.9.9.9" in await line.sac("i")
        assert await line.sac("i 1 10.9.9.999 255.255.0.0 10.9.0.1") == (
            "10.9.9.999 is not an IPv4 address or a subnet mask."
        )
        assert "Reason: the address 10.9.9.9" in (await line.run_command("rdpstatus"))[1]


@virtual_time
async def test_the_kernels_log_can_be_dumped() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert "Loaded driver sacdrv.sys" in await line.sac("d")


@virtual_time
async def test_restart_boots_again_and_shutdown_switches_off() -> None:
    async with running_windows() as line:
        await line.at_sac()
        line.send(b"restart\r")
        last_words = unpadded(await line.expect(b"This is `windows'"))
        assert last_words == "restart\nThe system is restarting.\nThis is `windows'"
        await line.at_sac()
        line.send(b"shutdown\r")
        end = await line.machine.wait_ended()
        assert end.reason == "poweroff"
