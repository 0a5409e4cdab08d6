"""What ``run`` promises: one line typed, at a shell's prompt alone, and an end that was seen or none."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, OutputTooLong, RunFailed
from uartsim.console.shell.foreground import foreground, other_program
from uartsim.console.shell.shell_line import Result, ShellLine, ShellQuestion
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition

BASH = ("bash", "--norc", "--noprofile", "-i")
SHELLS = [
    pytest.param(BASH, id="bash"),
    pytest.param(("dash", "-i"), id="dash"),
    pytest.param(("busybox", "ash", "-i"), id="ash", marks=pytest.mark.needs("/bin/busybox")),
    pytest.param(("zsh", "-f", "-i"), id="zsh", marks=pytest.mark.needs("zsh")),
    pytest.param((*BASH, "-r"), id="restricted bash"),
]
UNFINISHED = ["echo `date", "echo 'abc", 'echo "abc', "echo $(date", "echo ${x", "if true; then", "( true", "if"]


@contextmanager
def console_of(folder: Path, command: tuple[str, ...], **options: object) -> Iterator[blocking.Console]:
    """A console of a program on an inner tty, from its start."""
    definition = GuestDefinition("shell", "process", "", folder, (), {"baud": 115200}, {"command": list(command)})
    with blocking.open_console(definition, timeout=20, **options) as console:  # type: ignore[arg-type]
        yield console


def told(result: Result) -> tuple[str, int | None]:
    """What a result says, without the time it took."""
    return result.output, result.status


# -- a status is that of a command that was run -----------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_unfinished_command_is_the_shells_error_and_the_next_command_its_own(
    tmp_path: Path, shell: tuple[str, ...]
) -> None:
    with console_of(tmp_path, shell) as console:
        for command in UNFINISHED:
            result = console.run(command)
            assert result.status, command
            assert "uartsim" not in result.output
            assert told(console.run("false")) == ("", 1), command
        assert console.run("echo abc\\").output.rstrip("\\\n") == "abc"
        assert told(console.run("false")) == ("", 1)
        console.run("cat <<EOF")
        assert told(console.run("false")) == ("", 1)


@pytest.mark.parametrize("shell", SHELLS)
def test_error_that_gives_up_the_line_has_its_status_and_the_shell_goes_on(
    tmp_path: Path, shell: tuple[str, ...]
) -> None:
    with console_of(tmp_path, shell) as console:
        for command in ("set -u; echo $nothing_of_this_name", "echo ${nothing:?is there}"):
            assert console.run(command).status, command
            assert told(console.run("echo on; (exit 3)")) == ("on\n", 3)


@pytest.mark.parametrize("shell", SHELLS)
def test_alias_of_what_run_uses_is_not_taken(tmp_path: Path, shell: tuple[str, ...]) -> None:
    with console_of(tmp_path, shell) as console:
        console.run("alias printf=true eval=false command=false")
        assert told(console.run("echo on; false")) == ("on\n", 1)


@pytest.mark.parametrize("shell", SHELLS[:2] + SHELLS[3:4])
def test_text_that_looks_like_the_prompt_is_output_and_nothing_is_typed(tmp_path: Path, shell: tuple[str, ...]) -> None:
    with console_of(tmp_path, shell) as console:
        console.run("PS1='bash-5.2# '")
        assert told(console.run("printf 'bash-5.2# '; sleep 1.2; echo done")) == ("bash-5.2# done\n", 0)
        result = console.run("printf '\\nlogin: \\nuartsim-xyz-0-end\\nbash-5.2# '; sleep 1.2; echo done")
        assert told(result) == ("\nlogin: \nuartsim-xyz-0-end\nbash-5.2# done\n", 0)
        assert told(console.run("printf 'uartsim-%s-0-end\\n' xyz")) == ("uartsim-xyz-0-end\n", 0)
        assert "asked" not in console.text


@pytest.mark.parametrize("stalled_s", [0.0, 1.5, 2.0])
def test_shell_that_stalls_costs_time_and_the_command_runs_once(tmp_path: Path, stalled_s: float) -> None:
    with console_of(tmp_path, BASH) as console:
        pid = int(console.run("echo $$").output)
        count = tmp_path / "count"
        os.kill(pid, signal.SIGSTOP)
        timer = threading.Timer(stalled_s, os.kill, (pid, signal.SIGCONT))
        timer.start()
        result = console.run(f"echo hello; echo x >>{count}; false")
        timer.join()
        assert told(result) == ("hello\n", 1)
        assert count.read_text() == "x\n"
        assert told(console.run("true")) == ("", 0)


def test_command_left_running_is_waited_for_and_its_status_is_not_the_nexts(tmp_path: Path) -> None:
    with console_of(tmp_path, BASH) as console:
        console.run("true")
        with pytest.raises(ExpectTimeout, match="the end of 'sleep 1; false'"):
            console.run("sleep 1; false", timeout=0.3)
        assert told(console.run("echo two")) == ("two\n", 0)
        with pytest.raises(ExpectTimeout):
            console.run("sleep 60", timeout=0.3)
        with pytest.raises(ExpectTimeout, match="'echo three' was not typed, because 'sleep 60' has not ended"):
            console.run("echo three", timeout=0.3)
        console.send("\x03")
        assert told(console.run("echo four")) == ("four\n", 0)


def test_interrupted_command_has_the_status_of_its_interruption(tmp_path: Path) -> None:
    with console_of(tmp_path, ("dash", "-i")) as console:
        console.run("true")

        def interrupt() -> None:
            while not console.text.endswith("begin\nslow\n"):
                time.sleep(0.01)
            console.send("\x03")

        thread = threading.Thread(target=interrupt)
        thread.start()
        result = console.run("echo slow; sleep 60")
        thread.join()
        assert result.status == 130
        assert result.output.startswith("slow\n")
        assert told(console.run("echo on")) == ("on\n", 0)


def test_shell_that_was_replaced_is_a_time_out_that_says_so(tmp_path: Path) -> None:
    with console_of(tmp_path, BASH) as console:
        console.run(f"PS1='{'#' if os.geteuid() == 0 else '$'} '")  # as dash has it
        with pytest.raises(ExpectTimeout, match="may have been interrupted, or have replaced the shell"):
            console.run("exec dash", timeout=1)
        console.send("\r")
        assert told(console.run("false")) == ("", 1)


# -- the bound on output ----------------------------------------------------------------------------------------------------


def test_output_above_the_bound_is_an_error_that_says_how_much_came(tmp_path: Path) -> None:
    with console_of(tmp_path, BASH, unlimited=True) as console:
        with pytest.raises(OutputTooLong, match=r"printed 20 characters, more than the 19 .*get_file") as caught:
            console.run("printf '%019d\\n' 7; (exit 4)", max_output=19)
        assert (caught.value.characters, caught.value.status) == (20, 4)
        assert len(console.run("printf '%019d\\n' 7", max_output=20).output) == 20
        with pytest.raises(UsageError, match="max_output is -1"):
            console.run("true", max_output=-1)


def test_output_above_what_a_console_keeps_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with console_of(tmp_path, BASH, unlimited=True) as console:
        monkeypatch.setattr(console._async._session.received.matcher, "_max_unread", 200_000)
        with pytest.raises(OutputTooLong, match="printed 300000 characters"):
            console.run("seq -f '%09.0f' 30000", max_output=190_000)
        assert len(console.run("seq -f '%09.0f' 10000").output) == 100_000


# -- where no shell is ------------------------------------------------------------------------------------------------------


def test_nothing_is_typed_at_a_menu_a_login_or_a_password() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        with pytest.raises(RunFailed, match="in GRUB's menu"):
            console.run("ls")
        assert console.counters["bytes_in"] == 0
        console.expect("login: ")
        with pytest.raises(RunFailed, match="log in first"):
            console.run("ls")
        assert console.counters["bytes_in"] == 0
        console.sendline("root")
        with pytest.raises(RunFailed, match="password"):
            console.run("ls")
        assert console.counters["bytes_in"] == len("root\r")
        console.login()
        assert told(console.run("false")) == ("", 1)


def test_end_of_the_shell_is_named_and_the_login_prompt_behind_it() -> None:
    with blocking.open_console("demo", settings={"grub_timeout": 0, "time_scale": 0.0}, clock="virtual") as console:
        console.login()
        with pytest.raises(ExpectTimeout, match="the shell may have ended"):
            console.run("exit")
        with pytest.raises(RunFailed, match="log in first"):
            console.run("ls")


@pytest.mark.needs(guest="u-boot")
def test_u_boots_countdown_is_waited_out() -> None:
    with blocking.open_console("u-boot", timeout=60) as console:
        assert "U-Boot" in console.run("version").output


def test_middle_of_a_boot_is_waited_out_and_then_said() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"Loading Linux 6.1 ... 45 %")
        with pytest.raises(ExpectTimeout, match="was not typed: a prompt was expected"):
            await console.run("ls", timeout=20)
        assert client.typed == b""

    assert run_virtually(scenario) >= 20


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("tcsh", "-f"), id="csh or tcsh", marks=pytest.mark.needs("tcsh")),
        pytest.param(("fish", "--no-config"), id="fish", marks=pytest.mark.needs("fish")),
        pytest.param(("python3", "-q"), id="Python"),
    ],
)
def test_command_line_that_cannot_be_served_is_named(
    tmp_path: Path, command: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    with console_of(tmp_path, command) as console, pytest.raises(RunFailed, match=re.escape(name)):
        console.run("echo hello")


@pytest.mark.parametrize("shell", SHELLS[:4])
def test_text_that_was_left_behind_a_prompt_is_taken_back(tmp_path: Path, shell: tuple[str, ...]) -> None:
    with console_of(tmp_path, shell) as console:
        console.wait_for_quiet(0.3)
        for _ in range(2):
            console.type("echo hal")
            assert told(console.run("echo whole; false")) == ("whole\n", 1)
        console.sendline("printf 'no line end'")
        assert told(console.run("echo on")) == ("on\n", 0)


def test_rest_of_an_unfinished_line_is_asked_for_and_nothing_typed_into_it(tmp_path: Path) -> None:
    with console_of(tmp_path, BASH) as console:
        console.wait_for_quiet(0.3)
        console.sendline("echo 'abc")
        console.expect("\n> $")
        with pytest.raises(RunFailed, match="rest of an unfinished line"):
            console.run("false")
        console.send("\x03")
        assert told(console.run("false")) == ("", 1)


# -- the parts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("root@demo:~# ", "root@demo:~# "),
        ("[root@host ~]# ", "[root@host ~]# "),
        ("/ # ", "/ # "),
        ("(initramfs) ", "(initramfs) "),
        ("➜ ", "➜ "),
        ("host% ", "host% "),
        ("no line endbash-5.2# ", "no line endbash-5.2# "),
        ("[ 12%] Building ... 45 %", None),
        ("[=====>", None),
        ("########", None),
        ("Loading initial ramdisk ...", None),
        ("Hit any key to stop autoboot:  2 ", None),
        ("", None),
    ],
)
def test_line_tells_whether_a_prompt_stands_there(line: str, prompt: str | None) -> None:
    there = foreground(line, ())
    assert (there.prompt, there.typed, there.obstacle) == (prompt, False, "")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("demo login: ", "login"),
        ("Password: ", "password"),
        ("(END)", "pager"),
        (">>> ", "Python"),
        ("mysql> ", "program"),
        ("postgres=# ", "psql"),
        ("> ", "unfinished"),
    ],
)
def test_line_of_something_else_is_named(line: str, name: str) -> None:
    there = foreground(line, ())
    assert there.prompt is None
    assert name in there.obstacle


def test_prompt_that_a_shell_has_shown_is_one_whatever_it_looks_like() -> None:
    assert foreground("> ", ["> "]).sure
    assert foreground("hello: ls", ["hello: "]).typed


def test_shells_are_told_by_what_they_say_to_the_question() -> None:
    assert other_program("Illegal variable name.\n") == "csh or tcsh"
    assert other_program("fish: $- is not supported\n") == "fish"
    assert other_program("sh: printf: not found\n") == ""
    answer = re.fullmatch(ShellQuestion("a1").answer, "uartsim-a1-himrBHs--shell\n")
    assert answer is not None
    assert ShellQuestion.shell(answer).is_restricted


def test_damaged_end_is_not_taken_for_a_damaged_begin() -> None:
    line = ShellLine("true", "ab12cd")
    assert line.is_damaged_end("uartim-ab12c-0-0-end")
    assert not line.is_damaged_end("uartsim-ab12cd-begi")
    assert not line.is_damaged_end("bash-5.2# done")
    assert not line.is_damaged_end(line.lines[-1][-40:])


@pytest.mark.parametrize("mark", ["urtsim-ab12cd-begin", "uartsim-ab12cdbegin\r", "uartsim-ab12c-begin"])
def test_what_noise_has_left_of_the_begin_mark_is_not_output(mark: str) -> None:
    line = ShellLine("true", "ab12cd")
    assert line.without_damaged_begin(f"{mark}\none\ntwo\n") == "one\ntwo\n"


@pytest.mark.parametrize("text", ["one\ntwo\n", "", "ab12cd\n", "uartsim-ab12cd-0-0-end\n", "begin\n"])
def test_output_is_not_taken_for_a_damaged_begin_mark(text: str) -> None:
    assert ShellLine("true", "ab12cd").without_damaged_begin(text) == text


def test_no_line_that_is_typed_looks_like_what_it_prints() -> None:
    for command in ("true", "echo 'x", "a\nb"):
        line = ShellLine(command, "ab12cd")
        typed = "\r\n" + "\r\n".join([*line.lines, line.question]) + "\r\n"
        assert not any(re.search(mark, typed) for mark in (line.begin, line.end, line.torn, line.answer))


def test_answer_about_another_command_is_not_this_ones() -> None:
    line = ShellLine("true", "ab12cd")
    for text, status in (("ab12cd-3-0", 3), ("ab12cd--130", 130), ("ffffff-0-0", None), ("-0", None)):
        answer = re.search(line.answer, f"\nuartsim-{text}-asked\n")
        assert answer is not None
        assert line.status(answer) == status


class NoisyShell:
    """A shell that echoes, and answers lines from a list.

    Args:
        client: the line.
        answers: what it says to each line; ``{id}`` is what stands behind ``_u=`` in the last line that had it.
    """

    def __init__(self, client: FakeClient, *answers: str) -> None:
        self.client, self.answers = client, answers

    async def run(self) -> None:
        ident, at = "", 0
        self.client.say(b"# ")
        for answer in self.answers:
            line = ""
            while not line.endswith("\r"):
                await self.client.wait_typed(at + 1)
                key = self.client.typed[at : at + 1]
                at += 1
                line += key.decode()
                self.client.say(b"\r\n" if key == b"\r" else key)
            if found := re.search(r"_u=(\w+)-", line):
                ident = found[1]
            elif "-shell" in line:
                ident = line.split()[2]
            self.client.say(answer.replace("{id}", ident).replace("\n", "\r\n").encode() + b"# ")


def test_end_that_the_line_has_damaged_is_asked_for_once_the_prompt_is_back() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        shell = NoisyShell(
            client,
            "uartsim-{id}-himBHs--shell\n",
            "uartsim-{id}-begin\nhello\n\nuatsim-{id}-1-ed\n",
            "\nuartsim-{id}-1-0-asked\n",
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell.run)
            assert told(await console.run("echo hello; false")) == ("hello\n", 1)
            nursery.cancel_scope.cancel()
        assert client.typed.count(b"eval") == 1

    run_virtually(scenario)


def test_answer_about_an_earlier_command_is_not_taken_for_this_ones() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        shell = NoisyShell(
            client,
            "uartsim-{id}-himBHs--shell\n",
            "\nuatsim-{id}-1-ed\n",
            "\nuartsim-ffffff-0-0-asked\n",
            "\nuartsim-ffffff-0-0-asked\n",
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell.run)
            with pytest.raises(ExpectTimeout):
                await console.run("false")
            nursery.cancel_scope.cancel()
        assert client.typed.count(b"asked") <= 2

    run_virtually(scenario)
