"""The verbs for Windows' SAC, on the guest `windows` and on what other Windows have been seen to send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim import blocking
from uartsim.console.blocking_console import Console
from uartsim.console.console_errors import ExpectTimeout, LoginFailed, RunFailed, SacFailed
from uartsim.console.sac.sac_text import (
    Channel,
    Place,
    before_prompt,
    closed_channel,
    place_of,
    read_channels,
    unpadded,
)
from uartsim.errors import UsageError

USER, PASSWORD = "Administrator", "Passw0rd!"


@contextmanager
def windows(**settings: Any) -> Iterator[Console]:
    with blocking.open_console("windows", settings=settings, clock="virtual", timeout=60) as console:
        yield console


def test_sac_is_waited_for_and_a_command_s_output_is_clean() -> None:
    with windows() as console:
        said = console.sac.command("id")
        assert "WIN-UARTSIM" in said
        assert all(line == line.rstrip() for line in said.splitlines())
        assert "SAC>" not in said
        assert console.sac.command("s").startswith("Date: ")


def test_pages_are_turned_and_leave_nothing_behind() -> None:
    with windows() as console:
        said = console.sac.command("t")
        rows = [line.split() for line in said.splitlines() if ".exe" in line]
        assert len(said.splitlines()) > 23  # more than a page
        assert all(row[0].isdigit() for row in rows)
        assert "more" not in said
        console.sac.command("p")  # no pages any more
        assert console.sac.command("t").splitlines()[4:20] == said.splitlines()[4:20]


def test_a_command_prompt_is_opened_used_left_and_closed() -> None:
    with windows() as console:
        assert console.sac.channels() == [Channel(0, "SAC", "AV")]
        console.sac.open_cmd(USER, PASSWORD)
        assert console.sac.run("echo one & echo two") == "one\ntwo"
        assert console.run("ver").status == 0
        assert console.run("nosuchcommand", shell="cmd").status
        assert console.sac.channels() == [Channel(0, "SAC", "AV"), Channel(1, "Cmd0001", "AV")]
        for channel in (1, "Cmd0001", "cmd0001"):
            console.sac.switch(channel)
            assert console.sac.run("echo here").rstrip() == "here"
        console.sac.back()
        assert console.sac.command("id")
        console.sac.close("Cmd0001")
        assert console.sac.channels() == [Channel(0, "SAC", "AV")]


def test_a_long_command_wraps_and_still_runs_once() -> None:
    with windows() as console:
        console.sac.open_cmd(USER, PASSWORD)
        words = " ".join(["word"] * 30)
        assert console.sac.run(f"echo {words}").replace("\n", "").replace(" ", "") == "word" * 30


def test_a_domain_can_be_given_and_sac_itself_can_be_switched_to() -> None:
    with windows() as console:
        console.sac.open_cmd(USER, PASSWORD, "WIN-UARTSIM")
        assert "administrator" in console.sac.run("whoami").lower()
        console.sac.switch("SAC")
        console.sac.switch(0)
        assert console.sac.command("ch").startswith("Channel List")


def test_two_channels_are_told_apart() -> None:
    with windows() as console:
        folders = ("C:\\Windows", "C:\\Users")
        for folder in folders:
            console.sac.open_cmd(USER, PASSWORD)
            console.sac.run(f"cd {folder}")
        for number, folder in enumerate(folders, 1):
            console.sac.switch(number)
            assert console.sac.run("cd") == folder


def test_a_wrong_password_is_refused_and_the_right_one_then_works() -> None:
    with windows() as console:
        with pytest.raises(LoginFailed, match=r"login as 'Administrator' failed: Windows says: .*incorrect") as caught:
            console.sac.open_cmd(USER, "wr0ng-secret")
        assert "wr0ng-secret" not in str(caught.value)
        console.sac.open_cmd(USER, PASSWORD)
        assert console.sac.run("echo in").rstrip() == "in"


def test_a_session_that_has_timed_out_is_said_to_have_been_closed() -> None:
    with windows(session_timeout=60) as console:
        console.sac.open_cmd(USER, PASSWORD)
        console.expect("A channel has been closed", timeout=120)
        with pytest.raises(
            SacFailed, match=r"'dir' needs a Command Prompt, and SAC's prompt is shown: the channel Cmd0001 was closed"
        ):
            console.sac.run("dir")


def test_a_locked_channel_wants_a_log_in() -> None:
    with windows() as console:
        console.sac.open_cmd(USER, PASSWORD)
        console.sac.command("lock")
        console.sac.switch(1)
        with pytest.raises(SacFailed, match="its session has ended or is locked"):
            console.sac.run("dir")


def test_without_a_channel_run_says_how_to_get_one() -> None:
    with windows() as console:
        console.sac.wait_for_prompt()
        with pytest.raises(SacFailed, match=r"open_cmd\(\) creates one"):
            console.sac.run("dir")


def test_channels_that_are_not_there_are_named() -> None:
    with windows() as console:
        for wrong in (7, "Cmd0009"):
            with pytest.raises(SacFailed, match=rf"there is no channel {wrong!r}: The channel could not be found"):
                console.sac.switch(wrong)
            with pytest.raises(SacFailed, match=rf"channel {wrong!r} was not closed: The channel could not be found"):
                console.sac.close(wrong)
        with pytest.raises(SacFailed, match="channel 0 was not closed"):
            console.sac.close(0)


@pytest.mark.parametrize("settings", [{"sac": False}, {"edition": "client"}])
def test_a_windows_with_its_health_report_only_is_said_to_need_ems(settings: dict[str, Any]) -> None:
    with windows(**settings) as console:
        with pytest.raises(SacFailed, match=r"health report only: run 'bcdedit /ems \{current\} on' and"):
            console.sac.wait_for_prompt()
        with pytest.raises(SacFailed, match="SAC is not enabled"):
            console.sac.channels()


def test_the_documents_mitigation_brings_sac_after_the_next_boot() -> None:
    with windows(sac=False) as console:
        with pytest.raises(SacFailed, match="SAC is not enabled"):
            console.sac.wait_for_prompt()
        console.wait_for_quiet(10)
        for command in (
            "bcdedit /ems {current} on",
            "bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200",
            "shutdown /r /t 0",
        ):
            assert console.agent.run_command(command, shell="cmd").status == 0
        console.sac.wait_for_prompt()
        assert "WIN-UARTSIM" in console.sac.command("id")


def test_keys_that_are_ignored_are_explained_by_kernel_debugging() -> None:
    with windows(kernel_debug=True) as console:
        console.expect("The CMD command is now available")
        with pytest.raises(RunFailed, match=r"'ch' was typed, and nothing came back: .*bcdedit /debug \{current\} off"):
            console.sac.channels()


def test_a_windows_that_has_stopped_is_said_to_have_stopped() -> None:
    with blocking.open_console("windows", clock="virtual", timeout=60, allow=["win.bugcheck"]) as console:
        console.sac.wait_for_prompt()
        console.sendline("crashdump")
        console.expect("!SAC>")
        with pytest.raises(SacFailed, match=r"Windows has stopped, and shows !SAC>: sendline\('restart'\)"):
            console.sac.command("id")
        assert "restart" in console.run("?").output
        console.sendline("restart")
        console.sac.wait_for_prompt()


def test_another_system_on_the_line_is_a_time_out() -> None:
    with (
        blocking.open_console("demo", settings={"grub_timeout": 0}, clock="virtual") as console,
        pytest.raises(ExpectTimeout, match="a prompt of SAC or of one of its channels was expected"),
    ):
        console.sac.command("id", timeout=10)


@pytest.mark.parametrize("wrong", ["", " ", 7, None])
def test_a_command_that_is_none_is_refused(wrong: Any) -> None:
    with windows() as console:
        for verb in (console.sac.command, console.sac.run):
            with pytest.raises(UsageError, match="give a command"):
                verb(wrong)


@pytest.mark.parametrize("wrong", ["", None, True, 1.5, "a\nb"])
def test_a_channel_that_is_none_is_refused(wrong: Any) -> None:
    with windows() as console:
        for verb in (console.sac.switch, console.sac.close):
            with pytest.raises(UsageError, match="give a channel's number or name"):
                verb(wrong)


@pytest.mark.parametrize("wrong", [("", "x", ""), ("a", b"x", ""), ("a", "x\r", ""), ("a", "x", None)])
def test_impossible_credentials_are_refused_without_being_shown(wrong: tuple[Any, Any, Any]) -> None:
    with windows() as console, pytest.raises(UsageError, match="as printable text"):
        console.sac.open_cmd(*wrong)


# -- texts of other Windows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("SAC>", Place.SAC),
        ("!SAC>", Place.STOPPED),
        ("Username: ", Place.USER),
        ("Domain  :", Place.DOMAIN),
        ("Password: ", Place.PASSWORD),
        ("C:\\Windows\\system32>", Place.COMMAND),
        ("C:\\Program Files (x86)>", Place.COMMAND),
        ("PS C:\\Users\\Administrator> ", Place.COMMAND),
        ("SAC>ch", Place.OTHER),
        ("C:\\Windows\\system32>dir", Place.OTHER),
        ("", Place.OTHER),
    ],
)
def test_where_the_keys_go_is_told_by_the_line(line: str, place: Place) -> None:
    assert place_of(line, f"before\n{line}") is place


def test_a_header_page_is_known_by_its_last_line() -> None:
    page = "Name:                  Cmd0001   \nUse any other key to view this channel.      \n"
    assert place_of("", page) is Place.HEADER
    assert place_of("", page + "Please enter login credentials.\n") is Place.OTHER


def test_a_table_of_channels_is_read_with_its_padding() -> None:
    table = "Channel List\n\n# Status  Channel Name      \n0 (AV)    SAC        \n1 (IR)    Cmd0001   \n9 (AV)    My Channel\n"
    assert read_channels(table) == [
        Channel(0, "SAC", "AV"),
        Channel(1, "Cmd0001", "IR"),
        Channel(9, "My Channel", "AV"),
    ]
    assert read_channels("") == []


def test_events_behind_a_command_s_output_are_left_out() -> None:
    text = "launched.   \nSAC>   \nEVENT:   A new channel has been created.\nChannel: Cmd0001\n"
    assert unpadded(before_prompt(text)) == "launched."


def test_the_last_channel_that_was_closed_is_found_with_the_reason() -> None:
    first = "EVENT:   A channel has been closed.   \nChannel: Cmd0001  \nSAC>\n"
    text = f"{first}EVENT: A channel has been closed.  Idle.  \nChannel: Cmd0002\n"
    assert closed_channel(text) == ("Cmd0002", "Idle.")
    assert closed_channel("SAC>") is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.from_regex(r"[AI][VR]", fullmatch=True),
            st.from_regex(r"\w(?: ?\w){0,9}", fullmatch=True),
        )
    )
)
def test_every_table_of_channels_is_read_as_it_was_written(rows: list[tuple[int, str, str]]) -> None:
    table = "".join(f"{f'{number} ({status})    {name}':<80}\n" for number, status, name in rows)
    assert read_channels(table) == [Channel(number, name, status) for number, status, name in rows]


@given(st.text(), st.text())
def test_no_text_of_a_guest_is_too_much_for_the_readers_of_sac(line: str, tail: str) -> None:
    assert place_of(line, tail) in Place
    assert all(channel.name for channel in read_channels(tail))
    assert closed_channel(tail) is None or "EVENT" in tail
    assert "SAC>" not in before_prompt(tail).split("\n")
