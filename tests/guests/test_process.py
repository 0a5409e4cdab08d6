"""A program on an inner tty, through the chip's registers; agetty and login last."""

from __future__ import annotations

import hashlib
import os
import termios
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.guests.line import Line, alive_with, family, guest, in_trio, left_after, names_in, owner_of_a_guest
from tests.patience import patience
from uartsim.errors import UartsimError, UsageError
from uartsim.guest import process as process_module
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.child import Child
from uartsim.guest.inner_tty import as_tty_input
from uartsim.guest.make_guest import make_guest
from uartsim.guest.reaper import remove
from uartsim.machine import Flag, Received


def shell(folder: Path, script: str, **options: Any) -> GuestDefinition:
    return guest("process", folder, {"baud": 115200, "word": "some"}, command=["sh", "-c", script], **options)


NORMAL = Received(b"ab", Flag.NORMAL)
BREAK = Received(b"\0", Flag.BREAK)
PARITY = Received(b"x", Flag.PARITY)
FRAMING = Received(b"y", Flag.FRAMING)
OVERRUN = Received(b"", Flag.OVERRUN)


@pytest.mark.parametrize(
    ("received", "modes", "delivered"),
    [
        (NORMAL, 0, b"ab"),
        (BREAK, 0, b"\0"),
        (BREAK, termios.IGNBRK, b""),
        (BREAK, termios.IGNBRK | termios.BRKINT, b""),
        (BREAK, termios.BRKINT, None),
        (PARITY, 0, b"x"),
        (PARITY, termios.IGNPAR, b"x"),
        (PARITY, termios.INPCK, b"\0"),
        (PARITY, termios.INPCK | termios.IGNPAR, b""),
        (FRAMING, 0, b"y"),
        (FRAMING, termios.INPCK, b"\0"),
        (OVERRUN, termios.INPCK, b""),
    ],
)
def test_flagged_characters_reach_the_program_as_termios_has_it(
    received: Received, modes: int, delivered: bytes | None
) -> None:
    assert as_tty_input(received, modes) == delivered


@in_trio
async def test_what_the_program_writes_goes_through_the_transmitter(tmp_path: Path) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "printf 'a\\nb\\n'")) as machine:
        end = await machine.wait_ended()
        assert (end.reason, end.status) == ("exited", 0)
        assert line.received == b"a\r\nb\r\n"
        assert machine.status()["com1"]["thr_writes"] == len(line.received)


@in_trio
async def test_the_tty_is_the_programs_controlling_terminal(tmp_path: Path) -> None:
    line = Line()
    script = "echo $$ $(cut -d' ' -f6 /proc/$$/stat) $(tty) $(: </dev/tty && echo own) $TERM; stty; read x; echo got $x"
    async with line.open(shell(tmp_path, script)):
        pid, session, tty, own, terminal = (await line.expect(b"\r\n")).split()
        assert pid == session
        assert tty.startswith(b"/dev/pts/")
        assert own == b"own"
        assert terminal == b"vt102"
        assert b"speed 115200 baud" in await line.expect(b"\r\n")
        line.send(b"hello\r")
        assert b"got hello" in await line.expect(b"got hello\r\n")


@in_trio
async def test_interrupt_character_reaches_the_foreground(tmp_path: Path) -> None:
    line = Line()
    async with line.open(
        shell(tmp_path, "trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.05; done")
    ) as machine:
        await line.expect(b"ready")
        line.send(b"\x03")
        assert (await machine.wait_ended()).status == 4
        assert b"interrupted" in line.received


@in_trio
async def test_a_break_is_a_nul_or_with_brkint_an_interrupt(tmp_path: Path) -> None:
    script = (
        "stty -brkint -icanon -echo; echo one; head -c 3 | od -An -c; "
        "stty brkint; trap 'echo interrupted; exit 4' INT; echo two; while :; do sleep 0.05; done"
    )
    line = Line()
    async with line.open(shell(tmp_path, script)) as machine:
        await line.expect(b"one\r\n")
        line.send(b"a")
        line.send_break()
        line.send(b"b")
        assert (await line.expect(b"\r\n")).split() == [b"a", rb"\0", b"b"]
        await line.expect(b"two\r\n")
        line.send_break()
        await line.expect(b"interrupted")
        assert (await machine.wait_ended()).status == 4


@in_trio
async def test_the_speed_that_the_program_sets_is_programmed_into_the_chip(tmp_path: Path) -> None:
    line = Line()
    async with line.open(
        shell(tmp_path, "stty 9600 cstopb; echo slow; read x; stty 115200; echo fast; read x")
    ) as machine:
        await line.expect(b"slow\r\n")
        assert str(machine.com1.uart.line_format) == "9600 8N2"
        line.send(b"\r")
        await line.expect(b"fast\r\n")
        assert machine.com1.uart.divisor == 1


@in_trio
async def test_a_speed_that_com1_does_not_have_is_said_and_the_old_one_kept(tmp_path: Path) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "stty 230400; echo on; read x")) as machine:
        await line.expect(b"on\r\n")
        assert machine.com1.uart.divisor == 1
        assert "230400" in line.logged[0]


@in_trio
async def test_a_flood_is_carried_whole_in_both_directions(tmp_path: Path) -> None:
    sent = bytes(range(256)) * 400
    digest = hashlib.md5(sent).hexdigest().encode()
    script = f"stty raw -echo; echo ready; head -c {len(sent)} | md5sum; seq 50000; read x"
    line = Line()
    async with line.open(shell(tmp_path, script), unlimited=True):
        await line.expect(b"ready\n")
        line.send(sent)
        assert digest in await line.expect(b"-\n")
        assert await line.expect(b"50000\n") == b"".join(b"%d\n" % number for number in range(1, 50001))


@in_trio
async def test_a_program_that_does_not_read_holds_up_the_line_and_loses_nothing(tmp_path: Path) -> None:
    script = "stty raw -echo; echo ready; while [ ! -e go ]; do sleep 0.02; done; head -c 300000 | md5sum; sleep 1000"
    line = Line()
    async with line.open(shell(tmp_path, f"cd {tmp_path}; {script}"), unlimited=True) as machine:
        await line.expect(b"ready\n")
        data = os.urandom(300_000)
        line.send(data)
        with trio.fail_after(patience(20)):
            before = -1
            while before != machine.com1.far_pending:  # until it stands still
                before = machine.com1.far_pending
                await trio.sleep(0.1)
        assert before > 0
        (tmp_path / "go").touch()
        assert hashlib.md5(data).hexdigest().encode() in await line.expect(b"-\n")


@in_trio
async def test_placeholders_are_filled_in(tmp_path: Path) -> None:
    script = "echo '{tty} {tty_name} {folder} {word} {{x}}'; tty; stat -c '%a %F' '{private}'; echo '{private}'"
    line = Line()
    async with line.open(shell(tmp_path, script)) as machine:
        await machine.wait_ended()
        words, tty, private_is, private = line.received.decode().split("\r\n")[:4]
        assert words == f"{tty} {tty.removeprefix('/dev/')} {tmp_path} some {{x}}"
        assert private_is == "700 directory"
    assert not os.path.exists(private)  # noqa: ASYNC240


@pytest.mark.parametrize(
    ("settings", "script", "words"),
    [
        ({}, "{wrod}", "unknown placeholder {wrod}"),
        ({"baud": 0}, "", "baud"),
        ({"baud": 200000}, "", "200000"),
    ],
)
def test_a_wrong_manifest_is_refused_before_anything_runs(
    tmp_path: Path, settings: dict[str, int], script: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        make_guest(guest("process", tmp_path, settings, command=["sh", "-c", script]))


@pytest.mark.parametrize(
    ("script", "reason", "status", "detail"),
    [
        ("echo last words; exit 3", "failed", 3, "last words"),
        ("exec no-such-program", "failed", 127, "no-such-program"),
        ("exit 0", "exited", 0, ""),
    ],
)
@in_trio
async def test_the_end_of_the_program_is_told(
    tmp_path: Path, script: str, reason: str, status: int, detail: str
) -> None:
    line = Line()
    async with line.open(shell(tmp_path, script)) as machine:
        end = await machine.wait_ended()
        assert (end.reason, end.status) == (reason, status)
        assert detail in end.detail


@in_trio
async def test_last_words_are_read_even_if_their_reader_never_had_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_turn(child: Child) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Child, "_take_in_output", no_turn)
    async with await Child.start(["/no/such/program"]) as child:
        assert await child.wait() == 127
        assert "cannot start /no/such/program: No such file or directory" in child.last_output()


@in_trio
async def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    line = Line()
    async with line.open(guest("process", tmp_path, command=["/no/such/program"])) as machine:
        end = await machine.wait_ended()
        assert (end.reason, end.status) == ("failed", 127)
        assert "cannot start /no/such/program: No such file or directory" in end.detail


@in_trio
async def test_respawn_starts_it_again_and_gives_up_when_it_dies_at_once(tmp_path: Path) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "echo alive; exit 9", respawn=True)) as machine:
        end = await machine.wait_ended()
        assert line.received == b"alive\r\n" * process_module.DEATHS_AT_ONCE
        assert (end.reason, end.status) == ("failed", 9)
        assert "status 9" in end.detail
        assert "alive" in end.detail


@in_trio
async def test_respawn_goes_on_for_a_program_that_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "AT_ONCE_S", 0.0)
    line = Line()
    async with line.open(shell(tmp_path, "echo alive; exit 9", respawn=True)):
        for _ in range(process_module.DEATHS_AT_ONCE + 2):
            await line.expect(b"alive\r\n")


@in_trio
async def test_statuses_that_mean_poweroff_and_reboot(tmp_path: Path) -> None:
    script = f"cd {tmp_path}; [ -e once ] && exit 130; touch once; echo first; exit 129"
    line = Line()
    async with line.open(shell(tmp_path, script, poweroff_status=130, reboot_status=129)) as machine:
        assert (await machine.wait_ended()).reason == "poweroff"
        assert line.received == b"first\r\n"


@in_trio
async def test_reset_starts_anew_and_forgets_what_was_on_its_way(tmp_path: Path) -> None:
    script = f"cd {tmp_path}; [ -e once ] && echo second && read x; touch once; yes flood"
    line = Line()
    async with line.open(shell(tmp_path, script)) as machine:
        await line.expect(b"flood\r\n")
        await machine.reset()
        rest = await line.expect(b"second\r\n", 5)
        assert len(rest) < 400  # at most what was in the chip and on the line
        assert machine.status()["com1"]["modem"]["dtr"]


@in_trio
async def test_a_process_has_no_nmi_and_says_so(tmp_path: Path) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "echo on; read x")) as machine:
        await line.expect(b"on")
        with pytest.raises(UsageError, match="is a process and has no NMI: nothing happened"):
            await machine.nmi()
        assert machine.status()["nmis"] == 0


@in_trio
async def test_switching_off_drops_dtr_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_TEST_MARKER", marker := f"uartsim-test-{tmp_path}")
    line = Line()
    definition = shell(tmp_path, "trap '' HUP TERM; setsid sleep 1000 & echo on; sleep 1001")
    async with line.open(definition, runtime_dir=tmp_path) as machine:
        await line.expect(b"on")
        assert alive_with(marker)
    assert alive_with(marker) == []
    assert names_in(tmp_path) == []
    assert not machine.com1.status()["modem"]["dtr"]


def test_a_folder_in_which_something_is_mounted_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "with space"
    (folder / "root" / "usr").mkdir(parents=True)
    mounts = f"30 20 8:1 / {tmp_path}/with\\040space/root/usr rw - ext4 /dev/sda1 rw\n"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", lambda path: mounts)
        remove(folder)
    assert (folder / "root" / "usr").is_dir()
    remove(folder)
    assert not folder.exists()


@in_trio
async def test_no_pty_left_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> tuple[int, int]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "openpty", full)
    with pytest.raises(UartsimError, match="no pty for the guest's inner tty: No space left on device"):
        async with Line().open(shell(tmp_path, "true")):
            pass


# -- the real agetty and login -----------------------------------------------------------------------------

ACCOUNTS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/var/log/wtmp", "/var/log/lastlog", "/run/utmp")


@pytest.mark.needs(guest="agetty")
@in_trio
async def test_agetty_lets_root_in_with_accounts_of_its_own() -> None:
    def host() -> list[object]:
        return [(path, os.stat(path).st_mtime_ns) for path in ACCOUNTS if os.path.exists(path)]

    before, host_name = host(), os.uname().nodename
    line = Line()
    async with line.open(find_guest("agetty")):
        await line.expect(b"login: ")
        line.send(b"root\r")
        await line.expect(b"Password: ")
        line.send(b"wrong\r")
        assert b"Login incorrect" in await line.expect(b"login: ")
        line.send(b"root\r")
        await line.expect(b"Password: ")
        line.send(b"toor\r")
        await line.expect(b":~# ")
        assert await line.run("id -un; hostname; pwd; wc -l < /etc/passwd") == "root\r\nagetty\r\n/root\r\n1"
        assert (await line.run("tty; stty")).startswith("/dev/pts/")
        assert "Read-only" in await line.run("touch /usr/here")
        assert await line.run("who | wc -l; ls /dev/sd* /dev/vd* 2>/dev/null | wc -l") == "1\r\n0"
        line.send(b"kill -9 -1\r")  # everything that it can see, and that is not us
        await line.expect(b"login: ")
    assert host() == before
    assert os.uname().nodename == host_name


@pytest.mark.needs(guest="agetty")
@in_trio
async def test_agetty_comes_back_after_logout_reboot_and_reset_and_goes_after_poweroff() -> None:
    line = Line()
    async with line.open(find_guest("agetty")) as machine:
        await line.log_in()
        await line.run("touch kept")
        line.send(b"exit\r")
        await line.log_in()
        assert await line.run("ls") == "kept"
        line.send(b"reboot\r")
        await line.log_in()
        await machine.reset()
        await line.log_in()
        line.send(b"poweroff\r")
        assert (await machine.wait_ended()).reason == "poweroff"


@pytest.mark.needs(guest="agetty")
@in_trio
async def test_control_c_interrupts_in_agettys_shell() -> None:
    line = Line()
    async with line.open(find_guest("agetty")):
        await line.log_in()
        line.send(b"sh -c 'echo started; exec sleep 1000'\r")
        await line.expect(b"\r\nstarted\r\n")  # earlier the tty is still bash's, and the signal too
        line.send(b"\x03")
        await line.expect(b":~# ")
        assert await line.run("echo $?") == "130"


OWNER = """
import trio
from tests.guests.line import Line
from uartsim.guest.catalogue import find_guest

async def main():
    line = Line()
    async with line.open(find_guest("agetty")) as machine:
        await line.log_in()
        await line.run("setsid sleep 1000 & sleep 1001 &")
        print("up", flush=True)
        await machine.wait_ended()

trio.run(main)
"""


@pytest.mark.needs(guest="agetty")
def test_kill_9_leaves_no_agetty_login_or_shell(tmp_path: Path) -> None:
    with owner_of_a_guest(OWNER, TMPDIR=str(tmp_path)) as owner:
        started = family(owner.pid, "login", "bash", "sleep")
        owner.kill()
        owner.wait()
        assert left_after(started) == set()
        assert names_in(tmp_path) == []
