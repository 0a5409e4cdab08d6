"""What the command line does to the line of a running machine: faults, modem lines, recordings, another chip."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from tests.access.rig import ECHO, SERVER, environment, numbered, open_serial, running, wait_until
from tests.patience import patience

GuestFolder = Callable[[str], Path]


def uartsim(runtime: Path, *arguments: str, status: int = 0) -> str:
    """What a command prints; its errors where it fails."""
    command = [sys.executable, "-m", "uartsim", *arguments]
    done = subprocess.run(
        command, env=environment(runtime), capture_output=True, text=True, timeout=patience(60), check=False
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def test_noise_comes_and_goes_while_the_machine_runs_and_is_counted(runtime: Path, guest_folder: GuestFolder) -> None:
    size = 5000
    with running(runtime, guest_folder(SERVER)) as machine, open_serial(machine.link) as client:
        assert client.read_until(b"ready\n") == b"ready\n"
        said = uartsim(runtime, "fault", "box", "noise:rate=0.01,seed=7,direction=out")
        assert said.startswith("noise:rate=0.01,seed=7,direction=out\n")
        client.write(b"%d\n" % size)
        wait_until(lambda: machine.status()["com1"]["line"]["bytes_out"] == 6 + size, "all of it on the line")
        assert "fault      noise:rate=0.01,seed=7,direction=out" in uartsim(runtime, "status", "box")
        counters = machine.status()["com1"]["fault_counters"]["out"]["noise"]
        assert counters["characters"] == size
        assert counters["bits_inverted"] == pytest.approx(size * 10 * 0.01, rel=0.25)
        assert uartsim(runtime, "fault", "box", "noise", "--clear") == "1 ended\n"
        assert "no fault is at work" in uartsim(runtime, "fault", "box")
        client.write(b"8\n")
        spoilt = client.read_until(b"\n0000000\n")
        assert spoilt.endswith(numbered(8))
        assert not spoilt.startswith(numbered(size))
        assert machine.ask("history").encode().startswith(b"ready\n" + numbered(size)), "what was sent is kept"


def test_the_same_seed_makes_the_same_errors(runtime: Path, guest_folder: GuestFolder) -> None:
    text = bytes(range(32, 127))

    def heard() -> bytes:
        options = ("--fault", "noise:rate=0.02,seed=11,direction=in")
        with running(runtime, guest_folder(ECHO), "box", *options) as machine, open_serial(machine.link) as client:
            client.write(text)
            wait_until(
                lambda: (
                    machine.status()["com1"]["fault_counters"].get("in", {}).get("noise", {}).get("characters")
                    == len(text)
                ),
                "everything sent",
            )
            wait_until(lambda: machine.status()["com1"]["line"]["queued_in"] == 0, "all of it on the line")
            client.timeout = 0.5
            return bytes(client.read(10_000))

    first = heard()
    assert first != text
    assert heard() == first


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("nois:rate=1", "'nois' is not a fault"),
        ("noise", "noise needs rate"),
        ("noise:rate=2", "noise: rate is 2: use a number from 0 to 1"),
        ("noise:rate=0.1,sed=1", "noise has no 'sed'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_can(
    runtime: Path, guest_folder: GuestFolder, fault: str, why: str
) -> None:
    folder = guest_folder(ECHO)
    assert why in uartsim(runtime, "run", str(folder), "--fault", fault, "--no-attach", status=2)
    with running(runtime, folder) as machine:
        assert why in uartsim(runtime, "fault", "box", fault, status=2)
        assert machine.status()["com1"]["faults"] == []


def test_every_fault_is_listed_with_its_parameters(runtime: Path) -> None:
    from uartsim.wire.faults import FAULT_KINDS

    text = uartsim(runtime, "fault", "--list")
    for kind in FAULT_KINDS.values():
        assert f"{kind.name} " in text
        assert all(parameter.name in text for parameter in kind.parameters)


def test_dtr_of_this_end_is_the_guest_s_carrier(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        assert uartsim(runtime, "modem", "box") == "DTR RTS CTS DSR DCD ri\n"
        assert uartsim(runtime, "modem", "box", "--no-dtr") == "DTR RTS CTS dsr dcd ri\n"
        assert machine.status()["com1"]["registers"]["MSR"] & 0xF0 == 0x10
        assert uartsim(runtime, "modem", "box", "--dtr", "--no-rts") == "DTR RTS cts DSR DCD ri\n"


@pytest.mark.parametrize(
    ("uart", "fifo"), [("8250", 0), ("16450", 0), ("16550", 0x80), ("16550A", 0xC0), ("16750", 0xC0)]
)
def test_any_chip_carries_what_the_guest_says(runtime: Path, guest_folder: GuestFolder, uart: str, fifo: int) -> None:
    with (
        running(runtime, guest_folder(SERVER), "box", "--uart", uart) as machine,
        open_serial(machine.link) as client,
    ):
        client.write(b"800\n")
        assert client.read(6 + 800) == b"ready\n" + numbered(800)
        facts = machine.status()["com1"]
        assert facts["uart"] == uart
        assert facts["registers"]["IIR"] & 0xC0 == fifo


def test_the_guest_s_manifest_names_its_chip(runtime: Path, guest_folder: GuestFolder) -> None:
    folder = guest_folder(ECHO)
    manifest = folder / "guest.toml"
    manifest.write_text(manifest.read_text().replace("[guest]\n", '[guest]\nuart = "16450"\n'))
    with running(runtime, folder) as machine:
        assert machine.status()["com1"]["uart"] == "16450"
    with running(runtime, folder, "box", "--uart", "16750") as machine:
        assert machine.status()["com1"]["uart"] == "16750"
    manifest.write_text(manifest.read_text().replace("16450", "16550B"))
    assert "16550A" in uartsim(runtime, "run", str(folder), "--no-attach", status=2)


def test_a_trace_of_a_running_machine_replays_and_says_what_went_over_the_line(
    runtime: Path, guest_folder: GuestFolder, tmp_path: Path
) -> None:
    trace, wave = str(tmp_path / "box.trace"), str(tmp_path / "box.vcd")
    options = ("--trace", trace, "--vcd", wave)
    with running(runtime, guest_folder(SERVER), "box", *options) as machine, open_serial(machine.link) as client:
        client.write(b"1000\n")
        assert client.read(6 + 1000) == b"ready\n" + numbered(1000)
        machine.ask("break", seconds=0.1)
        machine.end()
    assert "no differences" in uartsim(runtime, "trace", "replay", trace)
    events = [json.loads(line) for line in uartsim(runtime, "trace", "show", trace, "--json").splitlines()]
    assert len(events) > 1000
    summary = uartsim(runtime, "trace", "summary", trace)
    assert "1006 characters out" in summary
    with open(wave) as file:
        head = file.read(4000)
    assert all(f" {pin} " in head for pin in ("TXD", "RXD", "RTS", "CTS", "DTR", "DSR", "DCD", "RI", "IRQ"))


def test_a_recording_that_cannot_be_made_is_refused_before_anything_runs(
    runtime: Path, guest_folder: GuestFolder, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    folder = str(guest_folder(ECHO))
    for option in ("--trace", "--vcd"):
        assert "exists" in uartsim(runtime, "run", folder, option, str(there), "--no-attach", status=2)
        assert there.read_text() == "mine"
    both = ("--rate", "unlimited", "--vcd", str(tmp_path / "w.vcd"), "--no-attach")
    assert "use --rate line" in uartsim(runtime, "run", folder, *both, status=2)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--record", "{0}/a", "--trace", "{0}/b", "--vcd", "{0}/there"), "waveform {0}/there exists"),
        (("--record", "{0}/there", "--trace", "{0}/b"), "record {0}/there exists"),
        (("--trace", "{0}/a", "--vcd", "{0}/no/folder"), "waveform {0}/no/folder cannot be made"),
        (("--record", "{0}/a", "--vcd", "{0}/b", "--rate", "unlimited"), "the waveform {0}/b cannot be recorded"),
        (("--record", "{0}/a", "--fault", "noise:rate=0.1", "--rate", "unlimited"), "noise is done to bits"),
        (("--trace", "{0}/a", "--vcd", "{0}/a"), "--trace and --vcd are the same file"),
        (("--record", "{0}/a", "--vcd", "{0}/./a"), "--record and --vcd are the same file"),
    ],
)
@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_start_that_fails_says_why_and_nothing_else_and_leaves_no_file(
    runtime: Path, guest_folder: GuestFolder, tmp_path: Path, options: tuple[str, ...], why: str, clock: str
) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    folder = str(guest_folder(SERVER))
    before = sorted(path.name for path in tmp_path.iterdir())
    arguments = [option.format(tmp_path) for option in options]
    command = [sys.executable, "-m", "uartsim", "run", folder, "--no-attach", "--clock", clock, *arguments]
    done = subprocess.run(
        command, env=environment(runtime), capture_output=True, text=True, timeout=patience(60), check=False
    )
    assert done.returncode == 2
    assert done.stdout == "", "no machine is announced that does not come"
    assert done.stderr.startswith("uartsim: ")
    assert why.format(tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert there.read_text() == "mine"


def test_status_says_where_the_recordings_go(runtime: Path, guest_folder: GuestFolder, tmp_path: Path) -> None:
    trace, wave = str(tmp_path / "box.trace"), str(tmp_path / "box.vcd")
    with running(runtime, guest_folder(ECHO), "box", "--trace", trace, "--vcd", wave) as machine:
        text = uartsim(runtime, "status", "box").splitlines()
        assert f"trace      {trace}" in text
        assert f"vcd        {wave}" in text
        facts = machine.status()
        assert (facts["record"], facts["trace"]["path"], facts["vcd"]["path"]) == (None, trace, wave)
        assert facts["trace"]["lost_events"] == facts["vcd"]["lost_events"] == 0
    with running(runtime, guest_folder(ECHO)) as machine:
        assert (machine.status()["trace"], machine.status()["vcd"]) == (None, None)


def test_what_a_recording_has_lost_is_said_in_words() -> None:
    from uartsim.cli.status_text import recording_state

    state = {"path": "box.trace", "bytes": 7, "lost_events": 3, "trouble": "No space left on device"}
    assert recording_state(state) == "box.trace lacks 3 events: No space left on device"


def test_faults_at_work_are_said_first_and_counters_begin_anew(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)):
        assert uartsim(runtime, "fault", "box", "xoff") == "xoff: sent\nno fault is at work\n  in  xoff: 1 sent\n"
        uartsim(runtime, "fault", "box", "lost-cts:direction=in")
        uartsim(runtime, "fault", "box", "--clear")
        lines = uartsim(runtime, "fault", "box", "lost:rate=1,direction=out").splitlines()
        assert lines[0] == "lost:rate=1,seed=0,direction=out"
        assert lines[1].startswith("  out lost: 0 characters")
        assert (
            [line for line in lines[2:] if line.endswith("(over)")]
            == [line for line in lines if "lost-cts" in line]
            != []
        )
        assert uartsim(runtime, "fault", "box", "--reset").splitlines() == lines[:2]


def test_a_fault_that_cannot_be_ended_or_asked_for_so_is_refused(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)):
        assert "noise is not at work" in uartsim(runtime, "fault", "box", "noise", "--clear", status=2)
        assert uartsim(runtime, "fault", "box", "--clear") == "no fault was at work\n"
    assert "--list says" in uartsim(runtime, "fault", "box", "--list", status=2)
    assert "--list says" in uartsim(runtime, "fault", "--list", "--clear", status=2)
    assert "give one of them" in uartsim(runtime, "fault", "box", "--reset", "--clear", status=2)


def test_a_client_a_little_off_is_said_to_differ_and_not_to_be_garbled(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with (
        running(runtime, guest_folder(ECHO)) as machine,
        serial.Serial(str(machine.link), 117_500, timeout=patience(20)) as near,
    ):
        near.write(b"hello")
        assert near.read(5) == b"hello"
        text = uartsim(runtime, "status", "box")
        assert "\ndiffer     " in text
        assert "garbled" not in text
        near.baudrate = 9600
        near.write(b"hello")
        wait_until(lambda: bool(machine.status()["hub"]["formats_garble"]), "that it is garbled")
        assert "\ngarbled    " in uartsim(runtime, "status", "box")
