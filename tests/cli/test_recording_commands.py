"""The commands for recordings, as a person gives them."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.record.rig import RecordedChip, print_polling, set_up
from uartsim.cli import recording_commands
from uartsim.errors import UsageError
from uartsim.record import events
from uartsim.record.events import tell
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_writer import TraceWriter
from uartsim.trace.reader import read_trace

HEADER = RecordHeader(name="box", start=42)


def run(*arguments: str) -> Result:
    group = click.Group()
    group.add_command(recording_commands.trace)
    group.add_command(recording_commands.plot)
    return CliRunner().invoke(group, arguments)


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = str(tmp_path / "a.trace")
    chip = RecordedChip(HEADER, TraceWriter(path, HEADER))
    set_up(chip, divisor=12)
    print_polling(chip, b"A\n", between=144_000)
    while not chip.read(5) & 0x40:
        chip.wait(144_000_000)
    chip.set_pins(0x20)
    chip.read(6)
    chip.far_send(b"\x80")
    chip.read(0)
    chip.close()
    return path


def test_show_prints_each_event_with_its_time_and_names(trace: str) -> None:
    result = run("trace", "show", trace)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "    +0.000 000 000 s  write  LCR 80  5N1 DLAB"
    assert lines[1] == "    +0.000 001 000 s  write  DLL 0C"
    text = result.output
    for line in (
        "write  LCR 03  8N1",
        "write  FCR C1  FIFOs on, trigger 14",
        "write  MCR 0B  DTR RTS OUT2",
        "pins   out: DTR RTS OUT2",
        "format 9600 8N1",
        "read   LSR 60  THRE TEMT",
        r"write  THR 0A  '\n'",
        r'TXD    "A\n" sent at 9600 8N1',
        "pins   in: DSR",
        "read   MSR 29  DCTS DDCD DSR",
        r'far    "\x80" sent at 9600 8N1',
        r"RXD    '\x80' 80 received",
        r"read   RBR 80  '\x80'",
    ):
        assert f" s  {line}\n" in text, line
    assert lines[-1].endswith("  end")


def test_reads_that_repeat_are_counted_unless_every_one_is_wanted(trace: str) -> None:
    short, whole = run("trace", "show", trace).output, run("trace", "show", trace, "--every").output
    counted = [line for line in short.splitlines() if " more, " in line]
    assert counted
    more = sum(1 if "once" in line else int(line.split()[1]) for line in counted)
    assert whole.count("\n") == short.count("\n") - len(counted) + more


def test_show_can_be_told_what_and_when(trace: str) -> None:
    only = run("trace", "show", trace, "--only", "line", "--only", "modem").output
    assert {line.split(" s  ")[1].split()[0] for line in only.splitlines()} == {"format", "TXD", "far", "RXD", "pins"}
    part = run("trace", "show", trace, "--from", "0.0000015", "--to", "0.0000035").output
    assert part.count(" write ") == 2
    assert "end" not in part


def test_events_are_shown_in_the_order_of_time(trace: str) -> None:
    found = [json.loads(line) for line in run("trace", "show", trace, "--json").output.splitlines()]
    assert [event["ticks"] for event in found] == sorted(event["ticks"] for event in found)
    assert found[0] == {
        "ticks": 0,
        "seconds": 0.0,
        "event": "write",
        "offset": 3,
        "value": 0x80,
        "register": "LCR",
        "means": "5N1 DLAB",
    }
    assert {"event": "sent", "characters": "A\n"}.items() <= next(e for e in found if e["event"] == "sent").items()


def test_the_divisor_latch_is_named_only_while_it_is_open(tmp_path: Path) -> None:
    writer = TraceWriter(str(tmp_path / "a.trace"), RecordHeader())
    story: list[events.Event] = [
        *(events.Write(0, 3, 0x83), events.Write(1, 0, 1), events.Reset(2), events.Write(3, 0, 1)),
        *(events.Read(4, 2, 0x0F), events.Write(5, 2, 0x06), events.Read(6, 7, 1)),
    ]
    for event in story:
        tell(event, writer)
    writer.close()
    words = [line.split(" s  ")[1] for line in run("trace", "show", str(tmp_path / "a.trace")).output.splitlines()]
    assert words == [
        "write  LCR 83  8N1 DLAB",
        "write  DLL 01",
        "reset",
        r"write  THR 01  '\x01'",
        "read   IIR 0F  unknown interrupt F",
        "write  FCR 06  FIFOs off",
        "read   SCR 01",
        "end",
    ]


def test_summary_says_what_the_driver_set_and_did(trace: str) -> None:
    result = run("trace", "summary", trace)
    assert result.exit_code == 0
    assert "port        box, a 16550A\n" in result.output
    assert "divisors    12\n" in result.output
    assert "9600 8N1 for " in result.output
    assert "FCR C1 (FIFOs on, trigger 14)" in result.output
    assert "line        2 characters out, 1 in (0 with errors); breaks 0 out, 0 in\n" in result.output
    found = json.loads(run("trace", "summary", trace, "--json").output)
    accesses = [event for event in read_trace(trace) if isinstance(event, events.Read | events.Write)]
    assert found["accesses"] == len(accesses)
    assert found["writes"] == {"LCR": 2, "DLL": 1, "DLM": 1, "FCR": 1, "MCR": 1, "IER": 1, "THR": 2}
    assert found["reads"]["MSR"] == 1
    assert found["settings"]["LCR"] == {str(0x80): 1, str(0x03): 1}
    assert found["last"]["LCR"] == 0x03
    assert found["characters_out"] == 2
    assert found["whole"] is True


def test_summary_adds_up_interrupts_breaks_and_resets(tmp_path: Path) -> None:
    writer = TraceWriter(str(tmp_path / "a.trace"), RecordHeader())
    story: list[events.Event] = [
        *(events.Interrupt(144_000, True), events.Interrupt(288_000, False), events.SentBreak(300_000, True)),
        *(events.SentBreak(400_000, False), events.Received(500_000, 0, 0x18), events.Received(600_000, 1, 0x04)),
        *(events.Interrupt(700_000, True), events.Reset(800_000), events.Interrupt(988_000, False)),
    ]
    for event in story:
        tell(event, writer)
    writer.close()
    output = run("trace", "summary", str(tmp_path / "a.trace")).output
    assert "0 characters out, 1 in (1 with errors); breaks 1 out, 1 in\n" in output
    assert "interrupt   2 times, 3 µs in all, at most 2 µs\n" in output
    assert "resets      1\n" in output


def test_replay_agrees_with_what_our_chip_did(trace: str) -> None:
    result = run("trace", "replay", trace)
    assert result.exit_code == 0
    assert result.output.endswith("2 frames: no differences\n")


def test_replay_prints_the_first_differences_and_exits_with_1(tmp_path: Path) -> None:
    writer = TraceWriter(str(tmp_path / "a.trace"), RecordHeader())
    for n in range(5):
        writer.read(n * 144_000, 5, 0x61)
    writer.close()
    result = run("trace", "replay", str(tmp_path / "a.trace"), "--differences", "2")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "    +0.000 000 000 s  read LSR: 61 DR THRE TEMT; ours: 60 THRE TEMT",
        "    +0.000 001 000 s  read LSR: 61 DR THRE TEMT; ours: 60 THRE TEMT",
        "and 3 more",
        "5 accesses, 5 values read, 0 changes of the interrupt line and 0 frames: 5 differences",
    ]


def test_a_trace_becomes_a_waveform_and_a_picture(trace: str, tmp_path: Path) -> None:
    wave, picture = tmp_path / "a.vcd", tmp_path / "a.svg"
    assert run("trace", "vcd", trace, str(wave), "--timescale", "10 ns").exit_code == 0
    assert "$timescale 10 ns $end" in wave.read_text()
    for source in (trace, str(wave)):
        result = run("plot", source, "--out", str(picture))
        assert result.exit_code == 0
        assert "2 characters on TXD, 1 characters on RXD" in result.output
    assert run("plot", trace).output.startswith(str(tmp_path / "a.png"))
    result = run("plot", str(wave), "--out", str(picture), "--baud", "4800", "--format", "7E1")
    assert result.exit_code == 0


def test_a_recording_that_was_cut_off_says_so_whatever_is_asked_for(trace: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut.trace"
    content = Path(trace).read_bytes()
    cut.write_bytes(content[: len(content) * 3 // 4])
    for arguments in ((), ("--only", "modem"), ("--from", "1000")):
        assert run("trace", "show", str(cut), *arguments).output.endswith("end    the recording was cut off here\n")
        assert "cut off" not in run("trace", "show", trace, *arguments).output
    result = run("trace", "replay", str(cut))
    assert result.exit_code == 0
    assert "replayed only up to +0.0" in result.stderr
    assert "the recording was cut off there" in result.stderr
    assert run("trace", "replay", trace).stderr == ""


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "-1", "1e300", "soon"])
@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize("command", [("trace", "show"), ("plot",)])
def test_a_time_that_cannot_be_is_refused(trace: str, command: tuple[str, ...], option: str, seconds: str) -> None:
    result = run(*command, trace, option, seconds)
    assert result.exit_code == 2
    assert seconds in result.output
    assert ": use " in result.output


def test_a_time_after_all_is_only_empty(trace: str) -> None:
    assert run("trace", "show", trace, "--from", "1e15").output == ""
    assert "give an earlier time" in str(run("plot", trace, "--from", "1e15").exception)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("trace", "show", "{trace}", "--from", "2", "--to", "1"), "--from 2 --to 1: the end is before the beginning"),
        (("trace", "vcd", "{trace}", "{other}", "--timescale", "7 s"), "timescale is '7 s'"),
        (("plot", "{trace}", "--format", "9X9"), "'9X9' is not a character format"),
        (("plot", "{trace}", "--baud", "0"), "0.0 baud is not a valid speed"),
        (("plot", "{foreign}"), "does not say at which speed its lines are: give --baud"),
        (("trace", "summary", "{foreign}"), "is not a trace of uartsim"),
    ],
)
def test_mistakes_are_said_in_a_sentence(trace: str, tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    foreign = tmp_path / "foreign.vcd"
    foreign.write_text("$var wire 1 ! RX $end\n$enddefinitions $end\n#0\n1!\n#9\n0!\n")
    names = {"trace": trace, "other": str(tmp_path / "b.vcd"), "foreign": str(foreign)}
    result = run(*(argument.format(**names) for argument in arguments))
    assert isinstance(result.exception, UsageError)
    assert why in str(result.exception)
