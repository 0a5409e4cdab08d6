"""Nothing outlives us: whatever ends the command's owner ends the command and all that it started."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid

import pytest
import trio

from tests.guests.line import alive_with, in_trio, owner_of_a_guest, wait_until
from tests.patience import patience
from uartsim.guest.child import KEPT_OUTPUT_BYTES, Child

#: Processes in sessions and groups of their own, an orphan among them, and one that ignores every polite signal.
FAMILY = (
    "setsid sleep 1000 & (setsid sh -c 'setsid sleep 1001 & exec sleep 1002' &) ; sleep 1003 & "
    "trap '' TERM HUP INT QUIT; echo ready; while :; do sleep 1004; done"
)
FAMILY_SIZE = 6


def gone_within(marker: str, timeout_s: float = 2.0) -> list[int]:
    """What is left with ``marker``, at the latest after ``timeout_s``."""
    give_up_at = time.monotonic() + patience(timeout_s)
    while (left := alive_with(marker)) and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return left


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"uartsim-test-{uuid.uuid4().hex}"
    monkeypatch.setenv("UARTSIM_TEST_MARKER", name)
    return name


async def family_is_up(marker: str) -> None:
    await wait_until(lambda: len(alive_with(marker)) >= FAMILY_SIZE)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -INT $$", 130), ("kill -KILL $$", 137)]
)
@in_trio
async def test_the_status_is_what_a_shell_would_say(script: str, status: int) -> None:
    async with await Child.start(["sh", "-c", script]) as child:
        assert await child.wait() == status


@in_trio
async def test_a_program_that_does_not_exist_ends_with_127_and_says_why() -> None:
    async with await Child.start(["no-such-program"]) as child:
        assert await child.wait() == 127
        assert child.last_output() == "cannot start no-such-program: No such file or directory"


@in_trio
async def test_what_the_command_wrote_last_is_kept_and_bounded() -> None:
    async with await Child.start(["sh", "-c", "seq 100000; echo the end >&2"]) as child:
        assert await child.wait() == 0
        assert child.last_output().endswith("99999\n100000\nthe end")
        assert len(child.last_output()) <= KEPT_OUTPUT_BYTES


@in_trio
async def test_the_command_has_no_input_and_its_own_session_and_default_signals() -> None:
    script = "cat; cut -d' ' -f6 /proc/$$/stat; echo $$; grep -E 'Sig(Ign|Blk)' /proc/self/status"
    async with await Child.start(["sh", "-c", script]) as child:
        assert await child.wait() == 0
        session, pid, blocked, ignored = child.last_output().split("\n")
    assert session.strip() == pid
    assert int(blocked.split()[1], 16) == int(ignored.split()[1], 16) == 0


@in_trio
async def test_a_descriptor_is_the_commands_alone() -> None:
    ours, theirs = trio.socket.socketpair()
    with ours:
        with theirs:
            script = f"exec sleep 1000 {theirs.fileno()}>&-"
            child = await Child.start(["bash", "-c", script], pass_fds=[theirs.fileno()])
        async with child:
            with trio.fail_after(patience(5)):
                assert await ours.recv(1) == b""  # nobody has the other end: not the command, not its reaper


@in_trio
async def test_end_leaves_nothing_and_is_quick(marker: str) -> None:
    child = await Child.start(["sh", "-c", FAMILY])
    await family_is_up(marker)
    started = time.monotonic()
    await child.end()
    assert alive_with(marker) == []
    assert time.monotonic() - started < 1.0


@in_trio
async def test_what_the_command_left_behind_ends_with_it(marker: str) -> None:
    async with await Child.start(["sh", "-c", "setsid sleep 1000 & setsid sleep 1001 & exit 3"]) as child:
        assert await child.wait() == 3
        assert alive_with(marker) == []


@in_trio
async def test_cancelling_leaves_nothing(marker: str) -> None:
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            async with await Child.start(["sh", "-c", FAMILY]) as child:
                await child.wait()

        nursery.start_soon(run)
        await family_is_up(marker)
        nursery.cancel_scope.cancel()
    assert alive_with(marker) == []


@in_trio
async def test_a_stopped_command_ends_too(marker: str) -> None:
    child = await Child.start(["sh", "-c", FAMILY])
    await family_is_up(marker)
    for pid in alive_with(marker):
        if pid != child._process.pid:
            os.kill(pid, signal.SIGSTOP)
    await child.end()
    assert alive_with(marker) == []


@in_trio
async def test_the_command_ends_when_the_reaper_is_killed(marker: str) -> None:
    async with await Child.start(["sleep", "1000"]) as child:
        await wait_until(lambda: len(alive_with(marker)) == 2)
        os.kill(child._process.pid, signal.SIGKILL)
        assert await child.wait() == 137
    assert gone_within(marker) == []


@in_trio
async def test_the_command_outlives_the_thread_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio._core._thread_cache.IDLE_TIMEOUT", 0.01)  # otherwise 10 s
    async with await Child.start(["sh", "-c", "sleep 0.3; exit 5"]) as child:
        await wait_until(lambda: not any("trio" in thread.name.lower() for thread in threading.enumerate()))
        assert await child.wait() == 5


OWNER = """
import os, sys, trio
from uartsim.guest.child import Child

async def main():
    child = await Child.start(["sh", "-c", sys.argv[1]])
    {extra}
    print("up", flush=True)
    await child.wait()

trio.run(main)
"""
#: Somebody forks from the owner, as multiprocessing does, and so has the write end of the life line too.
FORK = "os.fork() or (os.environb.clear(), os.execve('/bin/sleep', ['sleep', '20'], {}))"
KEEP_LIFE_LINE = "os.set_inheritable(child._life_line.fileno(), True)"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_owner_is_killed(marker: str, number: signal.Signals) -> None:
    with owner_of_a_guest(OWNER.format(extra="pass"), FAMILY) as owner:
        trio.run(family_is_up, marker)
        owner.send_signal(number)
        owner.wait()
        assert gone_within(marker) == []


def test_nothing_is_left_when_the_owners_group_is_killed(marker: str) -> None:
    with owner_of_a_guest(OWNER.format(extra="pass"), FAMILY) as owner:
        trio.run(family_is_up, marker)
        os.killpg(owner.pid, signal.SIGKILL)
        owner.wait()
        assert gone_within(marker) == []


def test_nothing_is_left_when_a_fork_of_the_owner_lives_on(marker: str) -> None:
    with owner_of_a_guest(OWNER.format(extra=f"{KEEP_LIFE_LINE}; {FORK}"), FAMILY) as owner:
        trio.run(family_is_up, marker)
        owner.kill()
        owner.wait()
        assert gone_within(marker) == []
