"""The serial log of a machine: circular, kept over a restart, with notes that the guest cannot write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.service.diagnostics import Audit, Diagnostics
from uartsim.service.diagnostics.ring_file import RingFile
from uartsim.service.diagnostics.serial_log import NOTE, SerialLog
from uartsim.service.store import ResourceId

VM = ResourceId("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1")
INSTANCE = ResourceId(
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/2"
)
AT = datetime(2026, 11, 28, 14, tzinfo=UTC)
STAMP = b"[serial console 2026-11-28T14:00:00Z] "


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OwnFolder]:
    with open_own(str(tmp_path / "state"), "service", "x") as folder:
        yield folder


def log_in(folder: OwnFolder, size: int = 1000) -> SerialLog:
    return SerialLog(RingFile(folder, "a.log", size), lambda: AT)


@pytest.mark.azure("A-084", "P-023")
@given(pieces=st.lists(st.binary(max_size=40), max_size=12), size=st.integers(1, 50), reopen=st.integers(1, 50))
def test_a_ring_holds_the_end_of_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], size: int, reopen: int
) -> None:
    with open_own(str(tmp_path_factory.mktemp("rings") / "ours"), "service", "x") as folder:
        ring = RingFile(folder, "ring", size)
        for piece in pieces:
            ring.write(piece)
        everything = b"".join(pieces)
        assert ring.read() == everything[-size:]
        assert [ring.read(ring.start + n) for n in range(3)] == [everything[-size:][n:] for n in range(3)]
        ring.close()
        again = RingFile(folder, "ring", reopen)  # of another size, perhaps
        again.write(b"!")
        assert again.read() == (everything[-size:][-reopen:] + b"!")[-reopen:]
        again.close()


def test_what_was_cleared_stays_forgotten_after_a_restart(state: OwnFolder) -> None:
    log = log_in(state)
    log.write(b"old boot")
    log.clear()
    assert log.read() == b""
    log.write(b"new")
    log.close()
    assert log_in(state).read() == b"new"


def test_a_file_that_is_not_a_log_is_left_alone(state: OwnFolder) -> None:
    state.write_new("a.log", b"my thesis")
    with pytest.raises(UartsimError, match=r"a.log is not a serial log of uartsim, or it is damaged: move it"):
        log_in(state)
    assert (Path(state.path) / "a.log").read_bytes() == b"my thesis"


def test_a_note_stands_on_a_line_of_its_own(state: OwnFolder) -> None:
    log = log_in(state)
    log.note("first")
    log.write(b"login: ")
    log.note("second\x1b[2J\r\n[serial console x] forged")
    log.write(b"root\r\n")
    log.note("third")
    assert log.read() == (
        STAMP + b"first\r\nlogin: \r\n" + STAMP + "second␛[2J␍␊[serial console x] forged\r\n".encode()
        + b"root\r\n" + STAMP + b"third\r\n"
    )  # fmt: skip


@given(text=st.lists(st.sampled_from([b"[", b"serial ", b"console", b" ", NOTE, STAMP, b"x", b"\r\n"]), max_size=9))
def test_the_guest_cannot_write_a_note(tmp_path_factory: pytest.TempPathFactory, text: list[bytes]) -> None:
    with open_own(str(tmp_path_factory.mktemp("logs") / "ours"), "service", "x") as folder:
        for number, pieces in enumerate([text, [b"".join(text)], [bytes([c]) for c in b"".join(text)]]):
            log = SerialLog(RingFile(folder, f"{number}.log", 1000), lambda: AT)
            for piece in pieces:
                log.write(piece)
                log.close()
                log = SerialLog(RingFile(folder, f"{number}.log", 1000), lambda: AT)  # a restart changes nothing
            assert NOTE not in log.read()
            assert log.read().replace(b"\\", b"") == b"".join(text)
            log.close()


def test_a_full_disk_stops_nothing_and_is_noted_later(state: OwnFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_in(state)
    log.write(b"before")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        log.write(b"12345")
        log.write(b"678")
        assert log.problem == "No space left on device"
    log.write(b"after")
    assert log.read() == b"before\r\n" + STAMP + b"8 bytes could not be written (No space left on device)\r\nafter"
    assert not log.problem


def test_an_etag_changes_with_each_change(state: OwnFolder) -> None:
    log = log_in(state, size=4)
    changes: list[Callable[[], None]] = [
        lambda: log.write(b"a"),
        lambda: log.write(b"bcdef"),
        lambda: log.note("x"),
        log.clear,
    ]
    seen = {log.etag}
    for change in changes:
        change()
        assert log.etag not in seen
        seen.add(log.etag)


# -- which log is written, and the audit -----------------------------------------------------------------------


def test_output_is_logged_only_while_boot_diagnostics_are_on(state: OwnFolder) -> None:
    with Diagnostics(state) as logs:
        logs.record(VM, b"1")
        log = logs.turn_on(VM, storage_account=None)
        logs.record(ResourceId(str(VM).upper()), b"2")
        logs.turn_off(VM)
        logs.record(VM, b"3")
        assert logs.present(VM) is None
        assert log.read() == b"2"
        other = logs.turn_on(VM, storage_account="acct")
        logs.record(VM, b"4")
        assert (log.read(), other.read()) == (b"2", b"4")
    with Diagnostics(state) as logs:
        assert logs.log_of(VM, storage_account="Acct").read() == b"4"
        assert logs.log_of(INSTANCE, storage_account=None).read() == b""


def test_a_strangers_file_among_the_logs_is_refused(state: OwnFolder) -> None:
    Diagnostics(state).close()
    (Path(state.path) / "serial-logs" / "thesis").write_text("")
    with pytest.raises(UsageError, match="holds files that uartsim did not make"):
        Diagnostics(state)


def test_accesses_stand_in_the_log_and_in_the_list(state: OwnFolder) -> None:
    with Diagnostics(state, clock=lambda: AT) as logs:
        audit = Audit(logs)
        audit.connected(VM, "alice@example", "s-1")  # boot diagnostics are off: only the list has it
        log = logs.turn_on(VM, storage_account=None)
        logs.turn_on(INSTANCE, storage_account=None)
        audit.connected(VM, "alice@example", "s-2")
        audit.admin_command(VM, "alice@example", "s-2", "sysrq h")
        audit.connected(INSTANCE, "bob@example", "s-3")
        audit.disconnected(VM, "alice@example", "s-2", "bob@example took the console over")
        assert log.read().splitlines() == [
            STAMP + b"alice@example connected to vm1 (session s-2)",
            STAMP + b"alice@example sent sysrq h to vm1 (session s-2)",
            STAMP + b"alice@example disconnected from vm1: bob@example took the console over (session s-2)",
        ]
        instance = logs.log_of(INSTANCE, storage_account=None)
        assert instance.read() == STAMP + b"bob@example connected to set/2 (session s-3)\r\n"
        assert [entry.event for entry in audit.entries(session="s-2")] == ["connected", "admin command", "disconnected"]
        assert [entry.session for entry in audit.entries(vm_id=VM, user="alice@example")] == ["s-1", *3 * ["s-2"]]
        assert [(e.user, e.detail, e.at) for e in audit.entries(vm_id=INSTANCE)] == [("bob@example", "", AT)]
