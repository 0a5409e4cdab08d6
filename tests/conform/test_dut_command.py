"""A device behind a program: its answers, and the messages when there is none or a wrong one."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patience import is_running, patience
from uartsim.conform.dut import Access, Answer, Can, DutError
from uartsim.conform.dut_command import CommandDut
from uartsim.errors import UsageError

Model = Callable[..., str]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """The command of a program that answers HELLO, and everything else with a Python expression of ``words``."""

    def make(
        answer: str, hello: str = "HELLO 1 16550A irq,reset,sent,receive,errors,break,modem,time,exact A model"
    ) -> str:
        program = tmp_path / "model.py"
        program.write_text(
            "import os, sys, time\n"
            "for line in sys.stdin:\n"
            "    words = line.split()\n"
            f"    print({hello!r} if words[0] == 'HELLO' else {answer}, flush=True)\n"
        )
        return shlex.join([sys.executable, "-S", str(program)])

    return make


def descends_from(pid: int) -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/stat") if re.search(rf"\) \S {pid} ", _content(path))]


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""  # the process has ended meanwhile


def test_it_says_what_it_is_and_can_do(model: Model) -> None:
    with CommandDut(model("'OK'")) as uart:
        assert (uart.name, uart.part) == ("A model", "16550A")
        assert uart.can == ~Can(0)
    with CommandDut(model("'OK'", "HELLO 1 8250 - 8250")) as uart:
        assert (uart.part, uart.can) == ("8250", Can(0))
        assert uart.name == "8250"


@pytest.mark.parametrize(
    ("do", "request_line", "answer", "result"),
    [
        (lambda uart: uart.read(5), "R 5", "6A", 0x6A),
        (lambda uart: uart.write(0, 0x41), "W 0 41", "OK", None),
        (lambda uart: uart.irq, "IRQ", "1", True),
        (lambda uart: uart.reset(), "RESET", "OK", None),
        (lambda uart: uart.take_sent(), "TX", "48656c", b"Hel"),
        (lambda uart: uart.take_sent(), "TX", "-", b""),
        (lambda uart: uart.receive(0x41, 0x04), "RX 41 04", "86806", 86806),
        (lambda uart: uart.receive_break(), "BREAK", "0", 0),
        (lambda uart: uart.set_modem_inputs(0xB0), "MODEM B0", "OK", None),
        (lambda uart: uart.advance(1000), "T 1000", "1000", 1000),
    ],
)
def test_each_request_is_one_line(
    model: Model, do: Callable[[CommandDut], object], request_line: str, answer: str, result: object
) -> None:
    with CommandDut(model(f"{answer!r} if line == {request_line + chr(10)!r} else 'ERR ' + line")) as uart:
        assert do(uart) == result


def test_many_accesses_go_out_together_and_come_back_in_order(model: Model) -> None:
    with CommandDut(model("'1' if words[0] == 'IRQ' else 'OK' if words[0] == 'W' else words[1] * 2")) as uart:
        accesses = [Access(n % 8, None if n % 3 else n % 256) for n in range(1000)]
        answers = uart.run(accesses)
        assert answers == [Answer(None if n % 3 == 0 else n % 8 * 0x11, True) for n in range(1000)]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("'what?'", "answered 'R 5' with 'what\\?': the answer has to be two hexadecimal digits, such as 60"),
        ("'123'", "answered 'R 5' with '123'"),
        ("''", "answered 'R 5' with ''"),
        ("'ERR no such register'", "refused 'R 5': no such register"),
        ("'ERR ' + chr(27) + '[2J' + 'x' * 300", r"refused 'R 5': \?\[2Jx{193}\.\.\.$"),
        ("'x' * 3000000", "answered 'R 5' with over a megabyte and no end of line"),
        ("os._exit(3)", "ended with status 3 when it was to answer 'R 5'"),
        ("os.write(2, b'it hurts\\n') and os._exit(4)", "ended with status 4 .*; it said: it hurts"),
        ("os.kill(os.getpid(), 9)", "ended with status 137"),
        ("os.close(1) or time.sleep(100)", "closed its output"),
        ("time.sleep(100)", "has not answered 'R 5' within 1.5 s"),
    ],
)
def test_a_program_that_fails_is_told_in_a_sentence_and_ended(model: Model, answer: str, sentence: str) -> None:
    uart = CommandDut(model(answer), answer_timeout_s=1.5)
    folder, reaper = uart._process.folder, uart._process.reaper_pid
    with uart, pytest.raises(DutError, match=sentence) as failure:
        uart.read(5)
    assert "\n" not in str(failure.value)
    assert not folder.exists()
    assert not is_running(reaper)
    assert descends_from(reaper) == []


@pytest.mark.parametrize(
    ("hello", "sentence"),
    [
        ("hi", "answered 'HELLO 1' with 'hi': the answer has to be HELLO 1 PART CAN,CAN... NAME"),
        (
            "HELLO 1 16450 -",
            "answered 'HELLO 1' with 'HELLO 1 16450 -': the answer has to be HELLO 1 PART CAN,CAN... NAME",
        ),
        ("HELLO 2 16550A - x", "answered 'HELLO 1' with 'HELLO 2 16550A - x'"),
        ("HELLO 1 16950 - x", "names an unknown part '16950': use one of 8250, 16450, 16550, 16550A, 16750"),
        ("HELLO 1 16550A irq,fly x", "names an unknown capability 'fly': use some of reset, irq"),
        ("HELLO 1 16550A exact x", "names 'exact' without 'time': name both, or neither"),
        ("HELLO 1 16550A errors x", "names 'errors' without 'receive': name both, or neither"),
    ],
)
def test_a_wrong_greeting_says_what_it_has_to_be(model: Model, hello: str, sentence: str) -> None:
    with pytest.raises(DutError, match=re.escape(sentence)):
        CommandDut(model("'OK'", hello))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("no-such-program --fast", "no-such-program --fast cannot be started: no-such-program: No such file"),
        ("true", "true ended with status 0 when it was to answer 'HELLO 1'"),
    ],
)
def test_a_command_that_is_none_is_told_in_a_sentence(command: str, sentence: str) -> None:
    with pytest.raises(DutError, match=sentence):
        CommandDut(command)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [("", "the command is empty"), ("  ", "the command is empty"), ("'", "cannot be read: No closing quotation")],
)
def test_a_command_without_a_program_is_a_wrong_question(command: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        CommandDut(command)


@pytest.mark.parametrize(("passed", "can"), [(999, "time"), (1001, "time,exact")])
def test_a_clock_that_does_not_do_as_told_is_refused(model: Model, passed: int, can: str) -> None:
    with (
        CommandDut(model(f"'{passed}'", f"HELLO 1 16550A {can} x")) as uart,
        pytest.raises(DutError, match=f"let {passed} ns pass when told 1000"),
    ):
        uart.advance(1000)


def test_what_the_program_started_ends_with_it(model: Model, tmp_path: Path) -> None:
    left = tmp_path / "pid"
    starts = f"os.system('sleep 1000 & echo $! > {left}') or '60'"
    with CommandDut(model(starts)) as uart:
        assert uart.read(5) == 0x60
        started = int(left.read_text())
        assert is_running(started)
    assert not is_running(started)


def test_a_killed_run_leaves_no_program_behind(model: Model) -> None:
    program = (
        "import sys, time\n"
        "from uartsim.conform.dut_command import CommandDut\n"
        f"uart = CommandDut({model('str(os.getpid() % 100)')!r})\n"
        "print(uart._process.reaper_pid, uart._process.folder, flush=True)\n"
        "time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        reaper, folder = runner.stdout.readline().split()
        assert descends_from(int(reaper))
        runner.kill()
    give_up_at = time.monotonic() + patience(20)
    while is_running(int(reaper)) or Path(folder).exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    assert descends_from(int(reaper)) == []


ANSWERS = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=12), max_size=20)


@settings(max_examples=20)
@given(ANSWERS)
def test_any_answer_is_a_value_or_a_sentence(answers: list[str]) -> None:
    program = (
        "import sys; answers = iter(['HELLO 1 16550A - x', *eval(sys.argv[1])]); "
        "[sys.stdout.buffer.write((next(answers) + chr(10)).encode()) and sys.stdout.flush() for line in sys.stdin]"
    )
    with CommandDut([sys.executable, "-S", "-c", program, ascii(answers)]) as uart:
        for answer in answers:
            if re.fullmatch(r"[0-9A-Fa-f]{1,2}", answer.strip()):
                assert uart.read(5) == int(answer.strip(), 16)
            else:
                with pytest.raises(DutError) as failure:
                    uart.read(5)
                assert str(failure.value).isprintable()
