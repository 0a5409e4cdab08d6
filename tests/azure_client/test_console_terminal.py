"""A person's terminal on a console: keys, menu, pastes, what a hostile guest sends, and a socket that closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.azure_client.stub_service import SECRET, StubService
from tests.patience import patience
from uartsim.access.keys import PASTE_GAP_S

Connect = Callable[..., Attached]

MENU = b"| Press n for NMI | s for SysRq | r to Reset VM |\r\n| q to quit Console | CTRL + ] to forward input |\r\n"


def begin(connected: Connect, service: StubService, *options: str) -> Attached:
    """A terminal that is connected."""
    terminal = connected(*options)
    terminal.expect(b"connected to vm1; Ctrl-] opens the menu, Ctrl-] q leaves]\r\n")
    service.wait_sessions(1)
    return terminal


def leave(terminal: Attached) -> None:
    """Quit by the menu."""
    terminal.send(b"\x1d")
    while MENU not in terminal.seen:
        assert terminal.read(patience(20)), terminal.seen
        if b"a pasted Ctrl-] went to the guest]" in terminal.seen:  # it was pressed too soon after a paste
            while terminal.read(2 * PASTE_GAP_S):  # pressed at once, it would belong to the paste again
                pass
            terminal.seen = b""
            terminal.send(b"\x1d")
    terminal.send(b"q")
    assert terminal.ended() == 0
    assert terminal.seen.endswith(b"uartsim: left vm1\r\n")
    terminal.assert_as_before()


def test_keys_reach_the_guest_and_its_output_the_screen(alice: StubService, connected: Connect) -> None:
    terminal = connected()
    terminal.expect(b"For more information on the Azure Serial Console, see <https://aka.ms/serialconsolelinux>.")
    terminal.expect(b"Connecting to console of VM vm1")
    terminal.expect(b"\x1b[2J\x1b[H")
    alice.wait_sessions(1)
    terminal.send(b"l\x03\x1b[A\xc3")
    terminal.send(b"\xa4\x1a")
    alice.wait_frames("l", "\x03", "\x1b[A", "ä", "\x1a")
    alice.send("größe")
    alice.send(b"\xe2\x82")
    alice.send(b"\xac\xff.")
    terminal.expect(b"gr\xc3\xb6\xc3\x9fe\xe2\x82\xac\xff.")
    leave(terminal)
    assert b"Connecting..." not in terminal.seen


def test_the_menu_sends_what_it_says_after_asking(alice: StubService, connected: Connect) -> None:
    terminal = begin(connected, alice)
    for key, question, answer, said in (
        (b"n", b"Send an NMI to the VM? (Y/n): ", b"Y", b"[uartsim: NMI sent successfully]"),
        (b"r", b"Reset the VM? (Y/n): ", b"y", b"[uartsim: Successfully Hard Reset VM]"),
        (
            b"s",
            b"Which SysRq command would you like to send? Press h for help: ",
            b"h",
            b"Successfully sent SysRq command]",
        ),
    ):
        terminal.send(b"\x1d")
        terminal.expect(MENU)
        terminal.send(key)
        terminal.expect(question)
        terminal.send(answer)
        terminal.expect(said)
    assert [sent["command"] for sent, _ in alice.admin] == ["nmi", "reset", "sysrq"]
    assert alice.admin[2][0]["commandParameters"] == {"SysRqCommand": "h"}
    alice.refuse("nmi", 409, "OperationNotAllowed", "The machine is off.")
    terminal.send(b"\x1dnY")
    terminal.expect(b"[uartsim: Failed to send NMI: (OperationNotAllowed) The machine is off.]")
    terminal.send(b"\x1dr\r\x1dsn\x1d\x1dx")
    alice.wait_frames("\x1d", "x")
    alice.wait(lambda: [sent["command"] for sent, _ in alice.admin][3:] == ["sysrq"], "SysRq")
    leave(terminal)


def test_a_menu_for_windows_has_no_sysrq(alice: StubService, connected: Connect) -> None:
    alice.resources["/subscriptions/sub-1/resourcegroups/group/providers/microsoft.compute/virtualmachines/vm1"][
        "properties"
    ]["instanceView"]["osName"] = "Windows Server 2022"
    terminal = connected()
    terminal.expect(b"If you do not see SAC> in the console below after the connection is made, SAC is not enabled.")
    terminal.expect(b"connected to vm1")
    terminal.send(b"\x1d")
    terminal.expect(b"| Press n for NMI | r to Reset VM |\r\n")
    terminal.send(b"s")
    terminal.expect(b"'s' means nothing here")
    terminal.send(b"\x1dq")
    assert terminal.ended() == 0


@pytest.mark.parametrize("size", [100, 2048, 5000])
def test_a_paste_is_sent_in_few_frames_and_whole(alice: StubService, connected: Connect, size: int) -> None:
    terminal = begin(connected, alice)
    text = "".join(chr(0x100 + n % 500) for n in range(size))
    terminal.send(text.encode())
    alice.wait(lambda: len("".join(alice.sessions[0][1:])) >= size, "the paste")
    frames = alice.sessions[0][1:]
    assert "".join(frames) == text
    assert max(map(len, frames)) <= 2048
    if size == 100:
        assert len(frames) == 1
    leave(terminal)


def test_a_hostile_guest_gets_neither_answers_nor_the_clipboard(alice: StubService, connected: Connect) -> None:
    alice.history = "old\x1b[6n\x1b[c\x1b]11;?\x07text"
    terminal = begin(connected, alice)
    terminal.expect(b"oldtext")
    alice.send("\x1b]52;c;ZXZpbA==\x07now")
    terminal.expect(b"now")
    alice.send("\x1b[?1000h\x1b[?2004h")
    terminal.expect(b"\x1b[?2004h")
    terminal.send(b"\x1dq")
    assert terminal.ended() == 0
    assert b"\x1b[?1000l" in terminal.seen
    assert b"\x1b[?2004l" in terminal.seen
    assert b"52;" not in terminal.seen


def test_a_restart_of_the_service_is_one_sentence_and_a_reconnect(alice: StubService, connected: Connect) -> None:
    terminal = begin(connected, alice)
    alice.stop()
    terminal.expect(b"[uartsim: the connection was lost (")
    terminal.expect(b"); connecting again]")
    terminal.expect(b"cannot be reached (Connection refused)")
    terminal.send(b"x")
    terminal.expect(b"[uartsim: there is no connection: what you type is not sent]")
    alice.start()
    terminal.expect(b"[uartsim: connected to vm1 again]")
    alice.wait_sessions(2)
    terminal.send(b"y")
    alice.wait_frames("y")
    leave(terminal)


def test_a_take_over_is_said_and_undone_only_when_enter_is_pressed(alice: StubService, connected: Connect) -> None:
    terminal = begin(connected, alice)
    alice.close(1008, "bob has taken the\x1b[2J console over")
    terminal.expect("[uartsim: the socket has closed: bob has taken the␛[2J console over (1008)]".encode())
    terminal.expect(b'Connection Closed: Press "Enter" to reconnect')
    assert len(alice.sessions) == 1
    alice.refuse("connect", 409, "Conflict", "Not now.")
    terminal.send(b"\r")
    terminal.expect(b"[uartsim: (Conflict) Not now.]")
    terminal.send(b"\r")
    terminal.expect(b"connected to vm1 again")
    alice.wait_sessions(2)
    leave(terminal)


def test_what_was_shown_before_is_not_shown_again(alice: StubService, connected: Connect) -> None:
    alice.history = "".join(f"line {number}\r\n" for number in range(300))
    terminal = begin(connected, alice)
    terminal.expect(b"line 299\r\n")
    alice.history += "said in between\r\n"
    alice.close(1012, "restart")
    terminal.expect(b"connected to vm1 again]\r\n")
    while b"said in between\r\n" not in terminal.seen:
        assert terminal.read(patience(20))
    assert b"line" not in terminal.seen
    alice.wait_sessions(2)
    alice.history = "another boot\r\n"
    alice.close(1012, "restart")
    terminal.expect(b"connected to vm1 again]\r\n")
    terminal.expect(b"another boot\r\n")
    leave(terminal)


def test_a_service_that_always_closes_soon_is_not_asked_for_ever(alice: StubService, connected: Connect) -> None:
    terminal = begin(connected, alice)
    for number in range(1, 4):
        alice.wait_sessions(number)
        alice.close(1012, "restart")
    terminal.expect(b"[uartsim: the socket has closed: restart (1012)]")
    terminal.expect(b'Press "Enter"')
    terminal.send(b"\x1dq")
    assert terminal.ended() == 0


def test_a_token_that_has_expired_in_mid_session_is_replaced(alice: StubService, connected: Connect) -> None:
    terminal = begin(connected, alice)
    alice.token = "token-2"
    alice.close(1012, "restart")
    terminal.expect(b"connected to vm1 again")
    alice.wait_sessions(2)
    assert alice.sessions[-1][0] == "token-2"
    leave(terminal)


def test_a_secret_is_asked_for_and_not_shown(
    alice: StubService, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UARTSIM_SECRET")
    terminal = connected()
    terminal.expect(b"Secret of alice: ")
    terminal.send(SECRET.encode() + b"\n")
    while b"connected to vm1;" not in terminal.seen:
        assert terminal.read(patience(20)), terminal.seen
    assert SECRET.encode() not in terminal.seen
    leave(terminal)


def test_a_token_that_cannot_be_replaced_is_said_and_can_be_tried_again(
    alice: StubService, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UARTSIM_USER")
    monkeypatch.setenv("UARTSIM_TOKEN", "token-1")
    terminal = begin(connected, alice)
    alice.token = "token-2"
    alice.close(4004, "the token has expired")
    terminal.expect(b"[uartsim: the connection was lost (the token has expired (4004)); connecting again]")
    terminal.expect(b"[uartsim: (InvalidToken) The token has expired.]")
    terminal.expect(b'Press "Enter"')
    alice.token = "token-1"
    terminal.send(b"\r")
    terminal.expect(b"connected to vm1 again]")
    alice.wait_sessions(2)
    leave(terminal)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_and_the_terminal_is_as_before(
    alice: StubService, connected: Connect, number: signal.Signals, status: int
) -> None:
    terminal = begin(connected, alice)
    terminal.process.send_signal(number)
    assert terminal.ended() == status
    assert f"uartsim: left vm1: ended by {number.name}".encode() in terminal.seen
    terminal.assert_as_before()


def test_a_stop_signal_gives_the_terminal_back_for_as_long_as_it_lasts(alice: StubService, tmp_path: Path) -> None:
    """A shell with job control, as a person has it; Ctrl-Z itself goes to the guest."""
    shell = Attached(
        tmp_path,
        "bash",
        "-c",
        f"set -m; {sys.executable} -m uartsim console connect vm1; echo STOPPED; read x; fg; echo DONE; read x",
    )
    try:
        shell.expect(b"connected to vm1")
        [pid] = [int(pid) for pid in children_of(shell.process.pid)]
        alice.wait_sessions(1)
        os.kill(pid, signal.SIGTSTP)
        shell.expect(b"STOPPED")
        shell.assert_as_before()
        shell.send(b"\n")
        shell.wait_raw()
        shell.send(b"k")
        alice.wait_frames("k")
        shell.send(b"\x1dq")
        shell.expect(b"DONE")
        shell.assert_as_before()
    finally:
        shell.close()


def children_of(pid: int) -> list[str]:
    """The processes that a process has started."""
    return [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.read_text().rpartition(")")[2].split()[1] == str(pid)
    ]


def test_a_terminal_on_one_side_only_is_refused(alice: StubService, connected: Connect) -> None:
    _, slave = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "uartsim", "console", "connect", "vm1"],
        stdin=slave,
        capture_output=True,
        timeout=patience(60),
        check=False,
    )
    os.close(slave)
    os.close(_)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"uartsim: connect needs a terminal for input and output, or an input that is not")


def test_the_log_obeys_nothing_on_a_terminal(alice: StubService, tmp_path: Path) -> None:
    alice.log = b"boot\r\n\x1b]0;title\x07\x1b[2Jend\xff\r\n"
    shown = Attached(tmp_path, sys.executable, "-m", "uartsim", "console", "log", "vm1", "--follow")
    try:
        shown.expect("boot\r\n␛]0;title␇␛[2Jend\ufffd\r\n".encode())
        alice.log += b"more\r\n"
        shown.expect(b"more\r\n")
    finally:
        shown.close()
