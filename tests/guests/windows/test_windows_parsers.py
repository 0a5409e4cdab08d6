"""The guest ``windows``: what takes input apart bears any, and no input ends the guest."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.guests.windows.windows_line import PASSWORD, PROMPT, running_windows, windows_module
from tests.machine.rig import run_virtual

lines = windows_module("shell.command_lines")
cmdlet_lines = windows_module("shell.cmdlet_lines")
context = windows_module("programs.program_context")
screens = windows_module("terminal.vt_utf8_screen")
windows = windows_module("terminal.console_window")
volume = windows_module("disk.volume")
processor = windows_module("shell.command_processor")
hive = windows_module("disk.registry_hive")

#: Characters that mean something to cmd, PowerShell or the screen, and some that do not.
LIKELY = st.text(st.sampled_from("abC 1%&|<>^\"'{}()@$;,=-/\\:.*?\t\r\n\b\x7f\x1bé漢\u0301\ud800\x00"), max_size=60)
ANY = st.text(max_size=60) | LIKELY


@given(ANY)
@example("a|")
@example("&&a")
@example("a>")
@example("2>&1")
@example("a 2>&")
def test_a_command_line_is_parsed_or_refused(line: str) -> None:
    try:
        pipelines = lines.parse(lines.expand(line, lambda name: name * 2))
    except lines.CommandSyntaxError:
        pass
    else:
        assert all(command.text or command.redirections for each in pipelines for command in each.commands)
        assert all(each.operator in ("", "&", "&&", "||") for each in pipelines)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dir", [("", ["dir"])]),
        ("a & b && c || d", [("", ["a"]), ("&", ["b"]), ("&&", ["c"]), ("||", ["d"])]),
        ("a | b|c", [("", ["a", "b", "c"])]),
        ('echo "a & b" ^& c', [("", ['echo "a & b" & c'])]),
        ("@echo off &", [("", ["echo off"])]),
    ],
)
def test_operators_and_quotes(line: str, expected: list[tuple[str, list[str]]]) -> None:
    assert [(each.operator, [command.text for command in each.commands]) for each in lines.parse(line)] == expected


@pytest.mark.parametrize(
    ("line", "text", "redirections"),
    [
        ("echo a>b", "echo a", [(1, ">", "b")]),
        ("echo 2>b", "echo", [(2, ">", "b")]),
        ("echo a2>b", "echo a2", [(1, ">", "b")]),
        ('type < "a b" >> c 2>&1', "type", [(0, "<", "a b"), (1, ">>", "c"), (2, ">&", "1")]),
    ],
)
def test_redirections(line: str, text: str, redirections: list[tuple[int, str, str]]) -> None:
    command = lines.parse(line)[0].commands[0]
    assert command.text == text
    assert [(each.stream, each.operator, each.target) for each in command.redirections] == redirections


@given(ANY)
def test_a_line_of_powershell_is_parsed_or_refused(line: str) -> None:
    try:
        parts = cmdlet_lines.split_at(line, "|")
        assert "|".join(parts) == line
        for part in parts:
            call = cmdlet_lines.parse_call(part, {"force"})
            assert call.text == part.strip()
    except cmdlet_lines.CmdletSyntaxError:
        assert any(character in line for character in "'\"{(")


def test_a_cmdlets_parameters() -> None:
    call = cmdlet_lines.parse_call("Set-X 'a b' -Name:c -Force -Value @('d', \"e\") $true -Last", {"force"})
    assert call.arguments == ["a b", "True"]
    assert call.parameters == {"name": "c", "force": "True", "value": "d,e", "last": "True"}


@given(ANY)
def test_words_hold_all_that_is_neither_blank_nor_quote(line: str) -> None:
    words = context.split_words(line)
    assert "".join(words).replace(" ", "").replace("\t", "") == line.replace('"', "").replace(" ", "").replace("\t", "")


@given(ANY, st.lists(ANY, max_size=4))
def test_a_screen_never_goes_beyond_80_columns_and_24_lines(first: str, more: list[str]) -> None:
    screen = screens.Screen()
    for text in (first, *more):
        screen.draw(text)
    shown = screen.whole().removeprefix(screens.ERASE).split("\r\n")
    assert len(shown) <= 24
    assert all(sum(map(screens.width_of, each)) == 80 for each in shown[:-1])
    assert sum(map(screens.width_of, shown[-1])) <= 80


@given(st.text(st.sampled_from("ab é漢"), max_size=200))
def test_backspaces_take_a_line_back(text: str) -> None:
    screen = screens.Screen()
    screen.draw("\nPROMPT>")
    before = screen.whole()
    screen.draw(text)
    if len(text) < 60:
        for _ in text:
            screen.draw("\b")
        assert screen.whole() == before


@given(st.binary(max_size=60), st.integers(1, 5))
def test_keys_do_not_depend_on_how_the_bytes_are_cut(data: bytes, size: int) -> None:
    whole, cut = windows.KeyDecoder(), windows.KeyDecoder()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert whole.feed(data) == "".join(cut.feed(piece) for piece in pieces)


@given(ANY)
def test_a_path_is_made_absolute_and_stays_on_the_drive(text: str) -> None:
    try:
        path = volume.absolute("C:\\Windows", text)
    except volume.VolumeError:
        return
    assert path.startswith("C:\\")
    assert ".." not in path.split("\\")
    assert '"' not in path
    assert volume.absolute("C:\\Users", path).rstrip("\\") == path.rstrip("\\") or ":" in path[2:]


@given(ANY, ANY)
def test_registry_data_is_taken_or_refused(kind: str, text: str) -> None:
    for each in (*hive.TYPES, kind):
        try:
            data = hive.parse_data(each, text)
        except ValueError:
            continue
        assert isinstance(data, str)


COMMANDS = [
    name
    for name in (
        *windows_module("programs.program_list").PROGRAMS,
        *windows_module("shell.cmd_builtins").BUILTINS,
        *windows_module("shell.cmdlet_list").CMDLETS,
        *windows_module("shell.cmdlet_list").ALIASES,
        *("cmd", "powershell", "ch", "t", "i", "s", "m", "lock"),
    )
    if not name.endswith("-computer") and name not in ("shutdown", "exit", "ping")
]
#: Arguments that mean something to one of them.
_WORDS = (
    "/? /v /f /d /ve /s /pid /im /svc /all /n /c /i /r /x -n -a -l -si -ci 1 2 0 -1 99999999999999999999 4 a b c: C:\\ .. * "
    "%PATH% {current} {bootmgr} {x} on off EMSPORT:1 EMSPORT:x timeout description displaybootmenu yes /enum /set /ems "
    "/deletevalue /emssettings /debug /store active query add delete HKLM HKLM\\SOFTWARE REG_DWORD REG_BINARY zz advfirewall "
    "firewall show set rule name=all name=a dir=in action=block protocol=TCP localport=1-2 localport=x enable=yes new group= "
    "allprofiles state firewallpolicy interface ip address Ethernet source=dhcp static 1.2.3.4 255.255.255.0 config start= "
    "auto depend= termservice qc user localgroup Administrators bob /add os get caption -Name -Path -Type dword -Enabled "
    "True -Profile -Port 3389 x localhost {$_.Name -eq 'a'} | > >> < & && || ^ 2>&1 2>nul @('a','b') $true hklm:\\software "
    "psreadline é \x00 \x1b \x1b\t \x03 \b \" ' ( ) { } -Member -Group Users -Dhcp [ [a \r"
)
ARGUMENTS = _WORDS.split(" ")
LINES = st.tuples(
    st.sampled_from(COMMANDS), st.lists(st.sampled_from(ARGUMENTS) | st.text(max_size=4), max_size=8)
).map(lambda line: " ".join((line[0], *line[1])))


@settings(max_examples=30, deadline=timedelta(seconds=30))
@given(st.lists(LINES | st.binary(max_size=20).map(lambda data: data.decode("latin-1")), max_size=20), st.booleans())
def test_no_input_ends_the_guest(typed: list[str], logged_on: bool) -> None:
    async def main() -> None:
        async with running_windows(boot_seconds=0, time_scale=0) as line:
            await line.at_sac()
            if logged_on:
                await line.open_channel()
                await line.log_on(password=PASSWORD)
                await line.expect(PROMPT)
            line.send("\r".join(typed).encode("utf-8", "surrogatepass") + b"\r")
            await trio.sleep(300)
            assert line.machine.ended is None

    run_virtual(main)


@settings(max_examples=60, deadline=timedelta(seconds=30))
@given(st.lists(LINES, min_size=1, max_size=12), st.sampled_from(["cmd", "powershell"]))
def test_no_script_fails_the_agent(script: list[str], shell: str) -> None:
    async def main() -> None:
        async with running_windows(boot_seconds=0, time_scale=0) as line:
            await line.at_sac()
            result = await line.guest.run_command("\n".join(script), shell=shell, timeout_s=None)
            assert isinstance(result.status, int)

    run_virtual(main)
