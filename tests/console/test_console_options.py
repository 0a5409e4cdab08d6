"""Options have one name everywhere: of ``uartsim run``, open_console, the fixture's mark and the factory."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import click
import pytest
import trio
import trio.testing

import uartsim
from tests.console.fakes import write_guest
from uartsim import blocking
from uartsim.cli.run_command import run
from uartsim.console import console_options as options
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.machine import open_machine
from uartsim.record import read_transcript

QUICK = {"grub_timeout": 0, "time_scale": 0.0}


def test_every_option_of_run_is_one_of_a_console_or_said_not_to_be() -> None:
    command: click.Command = run
    flags = {
        option.removeprefix("--").replace("-", "_")
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    flags -= {"help"}
    flags = {{"set": "settings"}.get(flag, flag) for flag in flags}
    assert flags <= {*options.NAMES, *options.ONLY_OF_RUN}
    assert not {*options.NAMES} & {*options.ONLY_OF_RUN}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("strct_line", "did you mean strict_line?"),
        ("strict", "did you mean strict_line?"),
        ("set", "did you mean settings?"),
        ("recrod", "did you mean record?"),
        ("register", "did you mean registers?"),
        ("flow_contrl", "there are allow, clock, "),
        ("link", "a console has no pty"),
        ("no_attach", "attaches no terminal"),
    ],
)
def test_unknown_option_is_a_type_error_with_the_nearest_name(wrong: str, words: str) -> None:
    given: dict[str, Any] = {wrong: True}
    for opens in (blocking.open_console, uartsim.open_console):
        with pytest.raises(TypeError) as caught:
            opens("demo", **given)
        assert str(caught.value).startswith(f"open_console() has no option {wrong!r}: ")
        assert words in str(caught.value)


def test_machine_refuses_an_unknown_option_as_well() -> None:
    async def main() -> None:
        from uartsim.guest.make_guest import make_guest

        given: dict[str, Any] = {"strct_line": True}
        async with open_machine(make_guest(find_guest("demo")), **given):
            raise AssertionError("it was accepted")

    with pytest.raises(TypeError, match="did you mean strict_line"):
        trio.run(main)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rate": "fast"}, "rate is 'fast': use 'line' or 'unlimited'"),
        ({"flow": True}, "flow is True: use 'none' or 'rtscts'"),
        ({"strict_line": "yes"}, "strict_line is 'yes': use True or False"),
        ({"uart": "16551"}, "uart is '16551': use one of 8250, "),
        ({"fault": "noize"}, "noize"),
        ({"fault": 3}, "fault is 3: give a text"),
        ({"fault": [3]}, "give a text"),
        ({"line_policy": "polite"}, "line_policy is 'polite': use 'refuse' or 'take-over'"),
        ({"registers": True}, "only a guest of kind qemu"),
        ({"registers": "off"}, "registers is 'off': use True, False"),
        ({"restore": "/nowhere"}, "only one of kind qemu has snapshots"),
        ({"record": "/nowhere/at/all"}, "cannot be made"),
        ({"record": "same", "trace": "same"}, "same file"),
        ({"clock": "fast"}, "'fast'"),
        ({"clock": 3}, "clock is 3: use 'real' or 'virtual'"),
        ({"settings": "x"}, "settings is 'x': give names with their values"),
        ({"settings": {"grub_timeout": 10**5000}}, "settings is <dict>: give names"),
        ({"timeout": -1}, "timeout is -1: give seconds"),
        ({"timeout": True}, "timeout is True: give seconds"),
        ({"timeout_scale": 0}, "timeout_scale is 0: use a factor"),
        ({"problems": 3}, "problems is 3: give a file"),
        ({"allow": "linux.panic"}, "allow is 'linux.panic': give a list"),
        ({"name": "a\nb"}, "name is 'a.*b': give a text"),
        ({"log": "x"}, "log is 'x': give a function"),
        ({"uart": []}, r"uart is \[\]: use one of"),
        ({"unlimited": "x"}, "unlimited is 'x': use True or False"),
        ({"trace": 3}, "trace is 3: use the path of a new file"),
        ({"vcd": b"x"}, "vcd is b'x': use the path"),
        ({"restore": lambda console: None}, "restore is <function .*: give the folder of a snapshot"),
        ({"fault": "dcd-drop", "faults": "dcd-drop"}, "faults is the older name of fault"),
    ],
)
def test_impossible_value_is_refused_in_a_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words), blocking.open_console("demo", **{"settings": QUICK, **given}):
        pass


def test_clock_in_async_code_is_the_one_that_trio_has() -> None:
    async def main(clock: str) -> None:
        async with uartsim.open_console("demo", settings=QUICK, clock=clock):
            pass

    trio.run(main, "virtual", clock=trio.testing.MockClock(autojump_threshold=0))
    trio.run(main, "real")
    with pytest.raises(UsageError, match="MockClock"):
        trio.run(main, "virtual")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rate": "unlimited"}, ("unlimited", "none", [])),
        ({"unlimited": True}, ("unlimited", "none", [])),
        ({"flow": "rtscts", "uart": None, "fault": None}, ("line", "rtscts", [])),
        ({"flow_control": True}, ("line", "rtscts", [])),
        ({"fault": "lost:rate=0.01,seed=1"}, ("line", "none", ["lost"])),
        ({"fault": ["lost:rate=0.01,seed=1", "dcd-drop"]}, ("line", "none", ["lost", "dcd-drop"])),
        ({"faults": ["lost:rate=0.01,seed=1"]}, ("line", "none", ["lost"])),
    ],
)
def test_line_is_as_asked_for_by_either_name(given: dict[str, Any], expected: tuple[str, str, list[str]]) -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual", **given) as console:
        status = console.line.status
        rate = "unlimited" if status["baud"] is None else "line"
        assert (rate, status["flow_control"], [fault.split(":")[0] for fault in status["faults"]]) == expected


def test_one_thing_under_two_names_is_refused() -> None:
    with (
        pytest.raises(UsageError, match="unlimited is the older name of rate"),
        blocking.open_console("demo", rate="line", unlimited=True),
    ):
        pass


def test_record_and_trace_are_written_and_passwords_masked(tmp_path: Path) -> None:
    record, trace, vcd = tmp_path / "line.jsonl", tmp_path / "a.trace", tmp_path / "a.vcd"
    with blocking.open_console(
        "demo", settings=QUICK, clock="virtual", uart="16450", record=record, trace=trace, vcd=str(vcd)
    ) as console:
        console.login("root", "toor")
        assert console.line.status["uart"] == "16450"
        assert console.run("echo recorded").output == "recorded\n"
    events = list(read_transcript(str(record)))
    sent = b"".join(event.data for event in events if event.kind == "i" and isinstance(event.data, bytes))
    assert b"root\r\r" in sent
    assert [event.data for event in events if event.kind == "h"] == ["4"]
    assert b"recorded" in b"".join(
        event.data for event in events if event.kind == "o" and isinstance(event.data, bytes)
    )
    assert json.loads(record.read_text().splitlines()[0])["name"] == "demo"
    assert trace.stat().st_size > 1000
    assert vcd.stat().st_size > 1000
    with pytest.raises(UsageError, match="exists"), blocking.open_console("demo", settings=QUICK, record=record):
        pass


def test_record_of_a_machine_that_does_not_start_is_not_left(tmp_path: Path) -> None:
    folder = write_guest(tmp_path / "broken", "pass")
    (folder / "guest.py").write_text("def main(:\n")
    record = tmp_path / "line.jsonl"
    with pytest.raises(uartsim.UartsimError), blocking.open_console(folder, record=record) as console:
        console.expect("never")
    assert not record.exists() or record.stat().st_size > 0


def test_record_that_cannot_be_written_any_more_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    said: list[str] = []
    with blocking.open_console(
        "demo", settings=QUICK, clock="virtual", record=tmp_path / "record", log=said.append
    ) as console:
        monkeypatch.setattr("uartsim.record.record_writer.os.pwritev", full)
        console.login()
    assert said == [f"the record {tmp_path / 'record'} is not whole: No space left on device"]


def test_newest_client_takes_the_line_where_the_policy_says_so() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual", line_policy="take-over") as console:
        hub = console._async._session.client.hub  # type: ignore[attr-defined]
        other = console._thread.read(lambda: hub.attach("another"))
        assert not other.watch


@pytest.mark.needs(guest="u-boot")
def test_guest_in_qemu_is_served_as_asked_for_and_goes_on_from_a_snapshot(tmp_path: Path) -> None:
    async def main() -> None:
        async with uartsim.open_console("u-boot", timeout=60, registers=False) as console:
            machine: Any = console._session.machine
            assert machine.status()["guest"]["served"] == "bytes"
        async with uartsim.open_console("u-boot", timeout=60, registers=True) as console:
            machine = console._session.machine
            assert machine.status()["guest"]["served"] == "registers"
            await console.expect("=> $")
            await console.run("setenv marker kept")
            await machine.guest.save(tmp_path / "saved")
        async with uartsim.open_console("u-boot", timeout=60, registers=True, restore=tmp_path / "saved") as console:
            await console.send("\r")
            await console.expect("=> $")
            assert (await console.run("echo $marker")).output == "kept\n"

    trio.run(main)


@pytest.mark.parametrize("option", ["record", "trace", "vcd"])
def test_true_is_no_file_outside_of_pytest(option: str) -> None:
    words = f"{option} is True: use the path of a new file; only pytest's mark and factories choose one for True"
    with pytest.raises(UsageError, match=words), blocking.open_console("demo", **{option: True}):  # type: ignore[arg-type]
        pass
