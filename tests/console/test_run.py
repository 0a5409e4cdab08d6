"""Running commands: the demo in virtual time, and the shells of this system on an inner tty."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, GuestEnded, RunFailed
from uartsim.console.shell.other_command_lines import command_line, without_echo
from uartsim.console.shell.shell_line import LONGEST_LINE, ShellLine
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition

QUICK = {"grub_timeout": 0, "time_scale": 0.0}
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "bash with an odd prompt": ["env", "PS1=\\033[31m[\\u \\w]\\n➜ ", "bash", "--norc", "--noprofile", "-i"],
    "bash that scrolls": ["env", "TERM=dumb", "bash", "--norc", "--noprofile", "-i"],
    "dash": ["dash", "-i"],
    "ash": ["busybox", "ash", "-i"],
}
shells = pytest.mark.parametrize("shell", list(SHELLS))


@contextmanager
def shell_console(folder: Path, shell: str, **options: object) -> Iterator[blocking.Console]:
    """A console of a shell on an inner tty, at its prompt."""
    definition = GuestDefinition("shell", "process", "", folder, (), {"baud": 115200}, {"command": SHELLS[shell]})
    with blocking.open_console(definition, timeout=20, **options) as console:  # type: ignore[arg-type]
        console.wait_for_quiet(0.3)
        yield console


def test_a_status_other_than_0_is_an_error_where_that_is_wanted(demo: blocking.Console) -> None:
    assert demo.run("true", check=True).status == 0
    assert demo.run("false").status == 1
    with pytest.raises(RunFailed, match="'ls /nowhere' ended with status 2\n") as caught:
        demo.run("ls /nowhere", check=True)
    assert "No such file or directory" in str(caught.value)


def test_a_command_that_panics_the_kernel_ends_as_soon_as_all_has_come() -> None:
    settings = {**QUICK, "sysrq": 1}
    with blocking.open_console("demo", settings=settings, clock="virtual", timeout=600) as console:
        console.login()
        with pytest.raises(RunFailed, match=r"the kernel has panicked, as was asked; .* use sendline") as caught:
            console.run("echo c > /proc/sysrq-trigger")
        assert "---[ end Kernel panic - not syncing" in str(caught.value)
        assert "has sent nothing" not in str(caught.value)  # for as long as the time-out


def test_a_command_ends_where_emergency_mode_has_started_again() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"root@demo:~# ")
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def systemd() -> None:
                await client.wait_enters(1)
                number = re.search(rb"-shell\S+ ([0-9a-f]{6})", client.typed)
                assert number is not None
                client.say(b"\r\nuartsim-%b-himBHs--shell\r\nroot@demo:~# " % number[1])
                await client.wait_enters(2)
                client.say(b"\r\nYou are in emergency mode.\r\nGive root password for maintenance\r\n")
                client.say(b"(or press Control-D to continue): ")

            with pytest.raises(RunFailed, match="emergency mode has started again"):
                await console.run("udevadm settle")

    assert run_virtually(scenario, timeout=600) < 60


@pytest.fixture(scope="module")
def demo() -> Iterator[blocking.Console]:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login()
        yield console


# -- the demo -----------------------------------------------------------------------------------------------------------


def test_result_has_output_status_and_time(demo: blocking.Console) -> None:
    result = demo.run("uname -s")
    assert (result.output, result.status) == ("Linux\n", 0)
    assert 0 < result.elapsed < 1
    assert demo.before == "Linux\n"
    result = demo.run("false")
    assert (result.output, result.status) == ("", 1)
    assert demo.unread == ""


def test_kernel_line_between_any_two_bytes_changes_nothing(demo: blocking.Console) -> None:
    command = "printf 'one\\ntwo'"
    before = demo.counters["bytes_out"]
    assert demo.run(command).output == "one\ntwo"
    for place in range(demo.counters["bytes_out"] - before):
        with demo.stimuli.printk_storm(at=[place]) as storm:
            result = demo.run(command)
            assert (storm.lines, result.output, result.status) == (1, "one\ntwo", 0), place


@pytest.mark.parametrize("every", [100, 30, 10])
def test_storm_of_kernel_lines_changes_nothing(demo: blocking.Console, every: int) -> None:
    with demo.stimuli.printk_storm(every, seed=every) as storm:
        result = demo.run("echo hello; echo world; false")
    assert (result.output, result.status) == ("hello\nworld\n", 1)
    assert storm.lines > 1


def test_naive_reader_loses_a_marker_that_a_kernel_line_has_cut(demo: blocking.Console) -> None:
    def sent_by_the_guest() -> bytes:
        start = len(demo.raw)
        demo.sendline("echo mark''er")
        demo.expect("^marker$")
        demo.expect("# $")
        return demo.raw[start:]

    place = sent_by_the_guest().index(b"marker\r\n") + 3
    with demo.stimuli.printk_storm(at=[place]):
        assert b"marker" not in sent_by_the_guest()


def test_lines_of_the_kernels_log_that_a_command_prints_are_its_output(demo: blocking.Console) -> None:
    output = demo.run("dmesg | tail -n 3").output
    assert output.count("\n") == 3
    assert all(line.startswith("[ ") for line in output.splitlines())


def test_command_that_never_ends_is_a_time_out_and_can_be_interrupted(demo: blocking.Console) -> None:
    with pytest.raises(ExpectTimeout, match="the end of 'sleep 60' was expected"):
        demo.run("sleep 60", timeout=3)
    demo.send("\x03")
    demo.expect("# $")
    assert demo.run("echo on").output == "on\n"


def test_unread_output_from_before_is_not_the_commands(demo: blocking.Console) -> None:
    demo.sendline("echo old")
    assert demo.run("echo new").output == "new\n"


def test_resize_tells_the_guest_and_the_screen(demo: blocking.Console) -> None:
    demo.resize(40, 132)
    assert demo.run("stty size").output == "40 132\n"
    assert (len(demo.screen.lines), len(demo.screen.lines[0])) == (40, 132)
    demo.resize(24, 80)
    with pytest.raises(UsageError, match="0 rows"):
        demo.resize(0, 80)


# -- the shells of this system ------------------------------------------------------------------------------------------


@pytest.mark.needs("/bin/busybox")
@shells
def test_shells_give_output_and_status_whatever_the_command(tmp_path: Path, shell: str) -> None:
    commands: list[tuple[str, str, int]] = [
        ("uname -s", "Linux\n", 0),
        ("false", "", 1),
        ("printf 'no line end'", "no line end", 0),
        ("# only a comment", "", 0),
        ("printf '%s\\n' 'it'\"'\"'s' 'a\\b' !x", "it's\na\\b\n!x\n", 0),
        ("for i in 1 2; do\n\techo $i\ndone", "1\n2\n", 0),
        ("cat <<E\nhere $((1+1))\nE", "here 2\n", 0),
        ("echo " + "x" * 300, "x" * 300 + "\n", 0),
        ("echo " + "word " * 600, "word " * 599 + "word\n", 0),
        ("printf '\\377\\200x'", "\ufffd\ufffdx", 0),
        ("echo é✓", "é✓\n", 0),
        ("sh -c 'exit 7'", "", 7),
        ("cd /; pwd", "/\n", 0),
        ("pwd", "/\n", 0),
        ("stty -echo", "", 0),
        ("echo unseen", "unseen\n", 0),
        ("stty echo", "", 0),
        ("PS1='$ '", "", 0),
        ("echo on", "on\n", 0),
        ("set -u; set -e", "", 0),
        ("true", "", 0),
        ("set +e", "", 0),
    ]
    with shell_console(tmp_path, shell) as console:
        for command, output, status in commands:
            result = console.run(command)
            assert (command, result.output, result.status) == (command, output, status)


@pytest.mark.needs("/bin/busybox")
@shells
def test_traced_commands_show_their_trace_and_none_of_ours(tmp_path: Path, shell: str) -> None:
    with shell_console(tmp_path, shell) as console:
        console.run("set -x")
        output = console.run("echo traced").output
        assert [line.lstrip("+ ") for line in output.splitlines()] == ["echo traced", "traced"]


@pytest.mark.needs("/bin/busybox")
@shells
def test_command_that_the_shell_cannot_read_is_an_error_and_the_shell_goes_on(tmp_path: Path, shell: str) -> None:
    with shell_console(tmp_path, shell) as console:
        result = console.run("if")
        assert result.status
        assert "yntax error" in result.output
        assert "uartsim" not in result.output
        assert console.run("echo on").output == "on\n"


@pytest.mark.needs("/bin/busybox")
@shells
def test_command_that_reads_gets_what_is_typed_and_nothing_of_ours(tmp_path: Path, shell: str) -> None:
    async def main() -> None:
        import uartsim

        definition = GuestDefinition("shell", "process", "", tmp_path, (), {"baud": 115200}, {"command": SHELLS[shell]})
        async with uartsim.open_console(definition, timeout=20) as console:
            await console.wait_for_quiet(0.3)
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def person() -> None:
                    while "your name" not in console.text.partition("begin\n")[2]:
                        await trio.sleep(0.01)
                    await console.sendline("bob")

                result = await console.run('echo "your name"; read x; echo "got $x"')
            assert result.output == "your name\nbob\ngot bob\n"

    trio.run(main)


# -- the parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("/bin/busybox")
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), min_size=1, max_size=400))
def test_any_word_reaches_the_shell_as_it_was(word: str) -> None:
    quoted = "'" + word.replace("'", "'\\''") + "'"
    line = ShellLine(f"printf %s {quoted}", "abc")
    assert all(len(typed) <= LONGEST_LINE and typed.isprintable() for typed in line.lines)
    done = subprocess.run(["busybox", "ash"], input="\n".join(line.lines).encode(), capture_output=True, check=True)
    output = done.stdout.partition(b"uartsim-abc-begin\n")[2].rpartition(b"\nuartsim-abc-0-0-end\n")[0]
    assert output == word.encode()


def test_command_with_a_nul_is_refused() -> None:
    with pytest.raises(UsageError, match="NUL"):
        ShellLine("echo \0", "abc")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("grub> ", "grub"),
        ("grub rescue> ", "grub"),
        ("=> ", "u-boot"),
        ("SAC>", "sac"),
        ("Shell> ", "uefi"),
        ("FS0:\\EFI\\> ", "uefi"),
        ("root@demo:~# ", None),
        ("sh-5.2$ ", None),
        ("", None),
    ],
)
def test_prompt_tells_the_kind_of_command_line(line: str, kind: str | None) -> None:
    found = command_line("auto", line)
    assert (found.name if found else None) == kind


def test_kind_of_command_line_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="'auto', 'sh', 'grub'"):
        command_line("fish", "")


def test_echo_is_taken_off_wherever_it_was_wrapped() -> None:
    assert without_echo("ls -l \r/tmp\nfile\n", "ls -l /tmp") == "file\n"
    assert without_echo("\rls\nfile\n", "ls") == "file\n"
    assert without_echo("nothing of it\nfile\n", "ls") == "nothing of it\nfile\n"


class Firmware:
    """A command line that echoes, answers from a table and prompts.

    Args:
        client: the line.
        prompt: its prompt.
        answers: what it says to a command, by how that begins; ``{}`` in it is the command without its first word.
        values: what it puts in for variables.
    """

    def __init__(self, client: FakeClient, prompt: str, answers: dict[str, str], values: dict[str, str]) -> None:
        self.client, self.prompt, self.answers, self.values = client, prompt, answers, values
        self.asked: list[str] = []

    async def run(self) -> None:
        read = 0
        self.client.say(self.prompt.encode())
        line = ""
        while True:
            await self.client.wait_typed(read + 1)
            key = self.client.typed[read : read + 1].decode()
            read += 1
            if key != "\r":
                line += key
                self.client.say(key.encode())
                continue
            self.asked.append(line)
            words = line.partition(" ")[2]
            for name, value in self.values.items():
                words = words.replace(name, value)
            answer = next((text for start, text in self.answers.items() if line.startswith(start)), "?\r\n")
            self.client.say(("\r\n" + answer.replace("{}", words) + self.prompt).encode())
            line = ""


@pytest.mark.parametrize(
    ("prompt", "variable", "expected"),
    [("grub> ", "$?", 3), ("=> ", "$?", 3), ("SAC>", "", None), ("Shell> ", "%lasterror%", 14)],
)
def test_firmware_gives_output_and_what_status_it_has(prompt: str, variable: str, expected: int | None) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        answers = {"ls": "one\r\ntwo\r\n", "echo": "{}\r\n"}
        firmware = Firmware(client, prompt, answers, {"$?": "3", "%lasterror%": "0xE"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(firmware.run)
            result = await console.run("ls")
            assert (result.output, result.status) == ("one\ntwo\n", expected)
            assert [line for line in firmware.asked if not line.startswith("echo")] == ["ls"]
            assert all(line.endswith(variable) for line in firmware.asked if line.startswith("echo"))
            with pytest.raises(UsageError, match="printable"):
                await console.run("ls\nls")
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_error_that_grub_has_printed_and_forgotten_is_a_failure() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        answers = {"nosuch": "error: can't find command `nosuch'.\r\n", "echo": "{}\r\n"}
        firmware = Firmware(client, "grub> ", answers, {"$?": "0"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(firmware.run)
            result = await console.run("nosuch")
            assert (result.output, result.status) == ("error: can't find command `nosuch'.\n", 1)
            assert (await console.run("echo ok")).status == 0
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_guest_that_ends_in_a_command_ends_the_wait() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.login()
        with pytest.raises(GuestEnded, match="powered off"):
            console.run("poweroff; sleep 60")


def test_long_commands_run_at_a_shell_that_echoes_nothing(tmp_path: Path) -> None:
    with shell_console(tmp_path, "bash") as console:
        console.run("stty -echo")
        for length in (150, 1500):
            assert console.run("echo " + "x" * length).output == "x" * length + "\n"
