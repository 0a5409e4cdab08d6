"""`uartsim console` against the service itself: from the login to the guest and back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.patience import patience
from tests.service.served import SECRET, Served
from uartsim.azure_client.machine_screenshot import PNG_SIGNATURE


@pytest.fixture
def owner(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The environment names the service by its state folder, and owner with his secret."""
    monkeypatch.setenv("UARTSIM_SERVE_STATE", str(served.state))
    monkeypatch.setenv("UARTSIM_RESOURCE_GROUP", "rg")
    monkeypatch.setenv("UARTSIM_USER", "owner@example.com")
    monkeypatch.setenv("UARTSIM_SECRET", SECRET)
    for name in ("ARM_ENDPOINT", "CA_FILE", "SUBSCRIPTION", "TOKEN", "TOKEN_ENDPOINT"):
        monkeypatch.delenv(f"UARTSIM_{name}", raising=False)
    return served


@pytest.fixture
def connect(owner: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Attached]]:
    """Opens terminals with ``uartsim console connect`` in them."""
    runtime = tmp_path_factory.mktemp("r")
    there: list[Attached] = []

    def open_terminal(*words: str) -> Attached:
        there.append(Attached(runtime, sys.executable, "-m", "uartsim", "console", "connect", *words))
        return there[-1]

    yield open_terminal
    for attached in there:
        attached.close()


def log_in(terminal: Attached) -> None:
    """Log in as root of the guest ``demo``."""
    terminal.send(b"root\r")
    terminal.expect(b"Password: ")
    terminal.send(b"toor\r")
    terminal.expect(b"# ")


def converse(*words: str) -> None:
    """Log in, and run a command, through pipes; a login forgets what was typed before it asks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uartsim", "console", "connect", *words, "--wait", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for text, line in (
        (b"login: ", b"root"),
        (b"Password: ", b"toor"),
        (b"# ", b"echo $((6*7))-yes"),
        (b"42-yes", b""),
    ):
        seen = b""
        while not seen.endswith(text):
            got = process.stdout.read(1)
            assert got, seen
            seen += got
        process.stdin.write(line + b"\n" * bool(line))
        process.stdin.flush()
    process.communicate(timeout=patience(60))
    assert process.returncode == 0


def console(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ``uartsim console``."""
    command = [sys.executable, "-m", "uartsim", "console", *words]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=patience(60), check=False)


def test_a_person_logs_in_and_a_second_one_takes_over(owner: Served, connect: Callable[..., Attached]) -> None:
    first = connect("vm1")
    first.expect(b"connected to vm1")
    first.expect(b"login: ")
    log_in(first)
    second = connect("vm1", "--user", "vmcontributor@example.com")
    second.expect(b"connected to vm1")
    first.expect(b"[uartsim: the socket has closed: ")
    first.expect(b'Press "Enter" to reconnect')
    second.send(b"echo still-$((40+2))\r")
    second.expect(b"still-42")
    first.send(b"\r")
    first.expect(b"connected to vm1 again")
    second.expect(b"[uartsim: the socket has closed: ")
    for terminal in (first, second):
        terminal.send(b"\x1dq")
        assert terminal.ended() == 0
        terminal.assert_as_before()


def test_a_command_is_piped_and_the_log_tells_who_was_there(owner: Served) -> None:
    converse("vm1")
    assert console("send", "nmi", "vm1").stdout == b"NMI sent successfully\n"
    log = console("log", "vm1").stdout
    assert b"42-yes" in log
    notes = [
        line.partition(b"] ")[2].partition(b" (session")[0]
        for line in log.splitlines()
        if line[:16] == b"[serial console "
    ]
    assert next(note.partition(b" ")[2] for note in notes) == b"connected to vm1"
    assert b"sent nmi to vm1" in [note.partition(b" ")[2] for note in notes]
    assert b"disconnected from vm1" in b"\n".join(notes)


def test_a_screenshot_is_a_new_file_unless_force_replaces_an_earlier_one(
    owner: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vm1.png"
    refused = console("screenshot", "vm1", "-o", str(file))
    assert (refused.returncode, file.exists()) == (3, False)
    assert b"NoDisplay" in refused.stderr
    pictures = [PNG_SIGNATURE + b"one", PNG_SIGNATURE + b"two", PNG_SIGNATURE + b"three"]
    left = iter(pictures)

    async def picture(machine: object) -> bytes:
        return next(left)

    monkeypatch.setattr("uartsim.service.portal.portal_api.screenshot", picture)
    assert console("screenshot", "vm1", "-o", str(file)).returncode == 0
    assert file.read_bytes() == pictures[0]
    again = console("screenshot", "vm1", "-o", str(file))
    assert again.returncode == 2
    assert f"the screenshot {file} exists".encode() in again.stderr
    assert console("screenshot", "vm1", "-o", str(file), "--force").returncode == 0
    assert file.read_bytes() == pictures[1]
    file.write_text("notes of a person")
    assert console("screenshot", "vm1", "-o", str(file), "--force").returncode == 2
    assert file.read_text() == "notes of a person"


def test_the_instance_of_a_scale_set_has_a_console(owner: Served) -> None:
    converse("web", "--instance-id", "1")


def test_a_refusal_shows_the_services_own_words(owner: Served) -> None:
    done = console("send", "reset", "vm1", "--user", "reader@example.com")
    assert done.returncode == 3
    assert done.stderr.startswith(b"uartsim: (AuthorizationFailed) ")
    assert console("disable", "--user", "contributor@example.com").returncode == 0
    done = console("send", "reset", "vm1")
    assert (done.returncode, b"is not enabled for this subscription" in done.stderr) == (1, True)
    assert console("enable").returncode == 0
    assert console("send", "reset", "vm1").stdout == b"Successfully Hard Reset VM\n"


def test_a_watcher_leaves_the_console_to_its_user(owner: Served, connect: Callable[..., Attached]) -> None:
    user = connect("vm1")
    user.expect(b"login: ")
    watcher = connect("vm1", "--watch", "--replay", "0")
    watcher.expect(b"connected to vm1")
    log_in(user)
    user.send(b"echo $((6*7))-yes\r")
    user.expect(b"42-yes")
    watcher.expect(b"42-yes")


def test_a_service_that_restarts_at_another_port_is_connected_to_again(
    owner: Served, connect: Callable[..., Attached], serve: Callable[..., Served]
) -> None:
    terminal = connect("vm1")
    terminal.expect(b"login: ")
    owner.close()
    terminal.expect(b"[uartsim: the connection was lost (")
    terminal.expect(b"); connecting again]")
    assert console("send", "nmi", "vm1").stderr.startswith(
        b"uartsim: no service is known: start one with 'uartsim serve'"
    )
    again = serve(state=owner.state)
    assert again.url != owner.url
    terminal.expect(b"connected to vm1 again")
    terminal.expect(b"login: ")
    log_in(terminal)
    terminal.send(b"\x1dq")
    assert terminal.ended() == 0
