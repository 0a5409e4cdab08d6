"""What the command line does to the line of a running machine: faults, modem lines, recordings, another chip."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import ECHO, SERVER, environment, numbered, open_serial, running, wait_until

GuestFolder = Callable[[str], Path]


def uartsim(runtime: Path, *arguments: str, status: int = 0) -> str:
    """What a command prints; its errors where it fails."""
    command = [sys.executable, "-m", "uartsim", *arguments]
    done = subprocess.run(command, env=environment(runtime), capture_output=True, text=True, timeout=60, check=False)
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
        ("nois:rate=1", "'nois' is no fault"),
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
