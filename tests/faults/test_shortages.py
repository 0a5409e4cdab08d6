"""The system runs out of something: room on the disk, descriptors, ptys; or somebody deletes the runtime folder."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.access.rig import (
    ECHO,
    SERVER,
    SILENT,
    RunningMachine,
    environment,
    numbered,
    read_until,
    running,
    uartsim,
    wait_until,
)
from tests.faults.rig import (
    GuestFolder,
    connect,
    cpu_seconds,
    descriptors,
    echo_folder,
    exchange,
    limit,
    open_plain,
    open_serial,
    unlimit,
)
from tests.patience import patience
from uartsim.errors import UartsimError
from uartsim.record import read_transcript

# -- no room for the record ----------------------------------------------------------------------------------


def test_a_record_that_cannot_be_written_loses_what_is_counted_and_the_machine_goes_on(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # no module's .pyc is cut short
    path = tmp_path / "record"
    options = ("--rate", "unlimited", "--record", str(path))
    with running(runtime, guest_folder(SERVER), "box", *options) as machine, open_plain(machine) as fd:
        pid = machine.process.pid
        assert read_until(fd, 6) == b"ready\n"

        def get(size: int) -> None:
            os.write(fd, b"%d\n" % size)
            assert read_until(fd, size) == numbered(size)

        get(8000)
        wait_until(lambda: b"0000999" in path.read_bytes(), "the record is no more than a second behind")
        assert machine.status()["record"]["lost_bytes"] == 0
        for _ in range(2):
            limit(pid, resource.RLIMIT_FSIZE, path.stat().st_size + 3000)  # it is full in the middle of a line
            lost = machine.status()["record"]["lost_bytes"]
            get(200_000)
            wait_until(lambda n=lost: machine.status()["record"]["lost_bytes"] > n, "it is counted")  # type: ignore[misc]
            assert "lacks" in uartsim(runtime, "status", "box").stdout
            assert "File too large" in uartsim(runtime, "status", "box").stdout
            unlimit(pid, resource.RLIMIT_FSIZE)
            get(80_000)
            wait_until(lambda: b"0009999" in path.read_bytes()[-20:], "it is written again")
        lost = machine.status()["record"]["lost_bytes"]
        _, err = machine.end()
        assert f"the record {path} lacks {lost} bytes of the line" in err
    events = list(read_transcript(str(path)))
    seconds = [event.seconds for event in events if event.kind not in "ih"]
    assert seconds == sorted(seconds)
    out = b"".join(event.data for event in events if event.kind == "o" and isinstance(event.data, bytes))
    into = b"".join(event.data for event in events if event.kind == "i" and isinstance(event.data, bytes))
    marks = [event.data for event in events if event.kind == "m" and isinstance(event.data, str)]
    missing = [int(found[1]) for mark in marks if (found := re.match(r"(\d+) bytes of the line", mark))]
    assert len(missing) >= 2  # a short line may have had room between two long ones
    assert sum(missing) == lost
    sent = 6 + 8000 + 2 * 280_000
    asked = sum(len(b"%d\n" % size) for size in (8000, 200_000, 80_000, 200_000, 80_000))
    hidden = sum(int(event.data) for event in events if event.kind == "h")  # the guest echoes nothing
    assert len(out) + len(into) + hidden + lost == sent + asked


@pytest.mark.parametrize("room", [0, 20])
def test_a_disk_that_is_full_at_the_start_is_a_sentence_and_nothing_stays(
    runtime: Path, guest_folder: GuestFolder, room: int
) -> None:
    """Files may have so many bytes: not even the lock has room, or not the note of the link."""
    done = subprocess.run(
        [sys.executable, "-m", "uartsim", "run", str(guest_folder(SILENT)), "--name", "box"],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(30),
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert re.fullmatch(r"uartsim: .*File too large.*\n", done.stderr), done.stderr
    assert done.returncode == 1
    assert os.listdir(runtime) == []


# -- no descriptors ------------------------------------------------------------------------------------------


def test_with_too_few_descriptors_for_a_start_it_is_a_sentence_and_nothing_stays(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """Each number of descriptors fails at another place."""
    folder = guest_folder(SILENT)
    failed = 0
    for count in range(5, 40):
        process = subprocess.Popen(
            [sys.executable, "-m", "uartsim", "run", str(folder), "--name", "box"],
            env=environment(runtime),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda n=count: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)),  # type: ignore[misc]
        )
        try:
            control = runtime / "box" / "control"
            wait_until(lambda p=process, c=control: p.poll() is not None or answers(c), "it runs or has failed")  # type: ignore[misc]
            if process.poll() is None:
                break
        finally:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=patience(20))
        failed += 1
        assert process.returncode == 1, (count, err)
        assert re.search("Too many open files", err), (count, err)
        assert "Traceback" not in err, (count, err)
        assert len(err.splitlines()) == 1, (count, err)
        assert os.listdir(runtime) == []
    else:
        raise AssertionError("39 descriptors are not enough")
    assert failed >= 5
    assert process.returncode == 0


def answers(control: Path) -> bool:
    """Whether a machine answers on its control socket."""
    from uartsim.access.control import ask

    try:
        ask(str(control), "status")
    except UartsimError:
        return False
    return True


def test_clients_wait_while_there_are_no_descriptors_and_are_served_when_there_are_again(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    machine = RunningMachine(runtime, guest_folder(ECHO), "box")
    machine.wait_ready()
    pid = machine.process.pid
    with open_plain(machine) as fd:
        assert exchange(fd, b"before", 6) == b"before"
        used = descriptors(pid)
        free = min(set(range(len(used) + 1)) - used)
        limit(pid, resource.RLIMIT_NOFILE, free)
        waiting = [connect(runtime / "box" / "control") for _ in range(8)]
        for connection in waiting:
            connection.sendall(b'{"do": "status"}\n')
        cpu, began = cpu_seconds(pid), time.monotonic()
        while time.monotonic() < began + 1:
            assert exchange(fd, b"meanwhile", 9) == b"meanwhile"  # who is there already is served
        assert cpu_seconds(pid) - cpu < 0.5 * (time.monotonic() - began)
        assert select.select(waiting, [], [], 0)[0] == []
        unlimit(pid, resource.RLIMIT_NOFILE)
        for connection in waiting:
            assert json.loads(connection.makefile().readline())["result"]["state"] == "running"
            connection.close()
    _, err = machine.end()
    assert err.count("a client has to wait (Too many open files)") == 1
    assert "Traceback" not in err
    machine.assert_nothing_is_left()


# -- no ptys -------------------------------------------------------------------------------------------------

#: A /dev/pts of our own with room for one pty: the system's is not touched.
PRIVATE_PTYS = """
mount --make-rprivate / 2>/dev/null  # where the root is no mount of its own (a chroot) nothing is shared either
mount -t devpts -o newinstance,ptmxmode=0666,max=1 devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx &&
{taken}exec "$@"
"""


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("kind", "taken", "sentence"),
    [
        (
            "script",
            "exec 9<>/dev/ptmx; ",
            r"no pty could be made \(No space left on device\): no ptys are left: end what uses them, or raise kernel.pty.max",
        ),
        ("process", "", r"no pty for the guest's inner tty: No space left on device; end programs that use ptys"),
    ],
)
def test_when_no_pty_is_left_it_is_a_sentence_and_nothing_stays_behind(
    runtime: Path, tmp_path: Path, kind: str, taken: str, sentence: str
) -> None:
    folder = echo_folder(kind, tmp_path / "g")
    run = [sys.executable, "-m", "uartsim", "run", str(folder), "--name", "box"]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", PRIVATE_PTYS.format(taken=taken), "sh", *run],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(30),
        check=False,
    )
    assert re.search(f"^uartsim: {sentence}", done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.returncode == 1
    assert os.listdir(runtime) == []


# -- no runtime folder ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["everything", "the machine's"])
def test_a_machine_whose_runtime_folder_is_deleted_goes_on_and_ends_cleanly(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder, what: str
) -> None:
    folder = guest_folder(ECHO)
    first = RunningMachine(runtime, folder, "box")
    first.wait_ready()
    with open_plain(first) as fd:
        if what == "everything":
            shutil.rmtree(runtime)
        else:
            shutil.rmtree(runtime / "box")
            (runtime / "box.tty").unlink()
        assert exchange(fd, b"still here", 10) == b"still here"
        assert "no machine named box is running" in uartsim(runtime, "status", "box", status=2).stderr
        assert "no machine is running" in uartsim(runtime, "list").stdout

        with running(runtime, folder) as second:  # the name is free, and the two do not meet
            _, err = first.end()
            assert err.splitlines()[-1] == "box: stopped"
            assert "Traceback" not in err
            assert first.process.returncode == 0
            assert second.status()["state"] == "running"
            with open_serial(second) as client:
                client.write(b"me too")
                assert client.read(6) == b"me too"
    assert os.listdir(runtime) == []
