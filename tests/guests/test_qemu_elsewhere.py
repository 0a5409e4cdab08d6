"""Machines that a QEMU of somebody else's runs, at each of the ways that it offers its serial port; and one test for all."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.access.rig import running
from tests.patience import SCALE
from uartsim import blocking
from uartsim.blocking import Console
from uartsim.console.console_errors import GuestEnded
from uartsim.errors import UartsimError
from uartsim.guest.boot_files import boot_file

U_BOOT = ("-bios", "/usr/lib/u-boot/qemu-x86_64/u-boot.rom", "-m", "128")
#: Somebody else's QEMU.
COMMAND = ("qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-nodefaults", "-monitor", "stdio")


@contextmanager
def qemu(*arguments: str, pass_fds: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A running QEMU that waits for its monitor's ``cont`` if ``-S`` is among the arguments."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=pass_fds,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def listening(way: str, folder: Path) -> Iterator[tuple[int, str]]:
    """A listening socket for QEMU, and its address."""
    if way == "unix":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(folder / "console"))
            server.listen()
            yield server.fileno(), f"unix:{folder}/console"
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.fileno(), f"{way}:127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def served_by_qemu(way: str, folder: Path, *machine: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A machine in QEMU that starts when somebody connects to its serial port; yields its address, and its process."""
    with listening(way, folder) as (fd, address):
        chardev = f"socket,id=serial0,fd={fd},server=on,wait=on,telnet={'on' if way == 'telnet' else 'off'}"
        arguments = ("-chardev", chardev, "-serial", "chardev:serial0", *machine)
        with qemu(*arguments, pass_fds=(fd,)) as process:
            yield address, process


def announced_pty(output: IO[bytes]) -> str:
    """The path of the pty that QEMU announces on its standard output."""
    said = b""
    while (found := re.search(rb"redirected to (/dev/pts/\d+) ", said)) is None:
        line = output.readline()
        assert line, said
        said += line
    return found[1].decode()


def answers_as_u_boot(console: Console) -> None:
    console.expect_exact("Hit any key to stop autoboot")
    console.send(" ")
    console.expect_exact("=> ")
    console.sendline("version")
    console.expect("U-Boot 20[0-9.]+")
    console.expect_exact("=> ")


@pytest.mark.needs(guest="u-boot")
@pytest.mark.parametrize("way", ["unix", "tcp", "telnet"])
def test_u_boot_answers_at_a_socket_and_its_end_is_seen(way: str, tmp_path: Path) -> None:
    with (
        served_by_qemu(way, tmp_path, *U_BOOT) as (address, process),
        blocking.open_console(address, timeout_scale=SCALE) as console,
    ):
        answers_as_u_boot(console)
        process.kill()
        with pytest.raises(GuestEnded, match="the other side has closed the connection"):
            console.expect_exact("nothing comes any more")


@pytest.mark.needs(guest="u-boot")
def test_u_boot_answers_at_the_pty_that_qemu_announces() -> None:
    with qemu("-serial", "pty", "-S", *U_BOOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        path = announced_pty(process.stdout)
        with blocking.open_console(f"pty:{path}", timeout_scale=SCALE) as console:
            process.stdin.write(b"cont\n")
            process.stdin.flush()
            answers_as_u_boot(console)
            process.kill()
            with pytest.raises(GuestEnded, match=f"the program behind {path} has closed it"):
                console.expect_exact("nothing comes any more")


@pytest.mark.needs(guest="u-boot")
def test_somebody_elses_monitor_is_the_reset_button() -> None:
    with tempfile.TemporaryDirectory() as folder:  # a short path, for sockets
        monitor = f"{folder}/qmp"
        with (
            served_by_qemu("unix", Path(folder), "-qmp", f"unix:{monitor},server=on,wait=off", *U_BOOT) as (address, _),
            blocking.open_console(address, settings={"qmp": monitor}, timeout_scale=SCALE) as console,
        ):
            for _ in range(2):  # the monitor is left to its owner in between
                answers_as_u_boot(console)
                console.reset()
            answers_as_u_boot(console)
            console.nmi()


@pytest.mark.needs(guest="u-boot")
def test_a_monitor_that_its_owner_uses_is_said() -> None:
    with tempfile.TemporaryDirectory() as folder:
        monitor = f"{folder}/qmp"
        with (
            served_by_qemu("unix", Path(folder), "-qmp", f"unix:{monitor},server=on,wait=off", *U_BOOT) as (address, _),
            blocking.open_console(address, settings={"qmp": monitor}, timeout_scale=SCALE) as console,
            socket.socket(socket.AF_UNIX) as owner,
        ):
            answers_as_u_boot(console)
            owner.connect(monitor)
            assert b"QMP" in owner.recv(4096)
            with pytest.raises(UartsimError, match="does not answer: is another program connected"):
                console.reset()


# -- the same test on every kind of machine ----------------------------------------------------------------------------


def linux() -> tuple[str, ...]:
    """QEMU's arguments for Debian's kernel and the small initramfs."""
    kernel, initrd = (str(boot_file(name, Path("/"), lambda said: None)) for name in ("debian-cloud", "tiny"))
    return ("-m", "256", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0,115200 sysctl.kernel.sysrq=1")


@contextmanager
def machine_of(kind: str, folder: Path) -> Iterator[str]:
    """Something of a kind with a login; yields what a user writes to test it."""
    with ExitStack() as stack:
        if kind == "demo":
            yield "demo"
        elif kind == "device":  # the pty of a machine of ours stands for a device
            runtime = folder / "r"
            runtime.mkdir()
            machine = stack.enter_context(running(runtime, "demo", "box"))
            yield f"device:{machine.link}"
        else:
            yield stack.enter_context(served_by_qemu(kind, folder, *linux()))[0]


@pytest.mark.needs(guest="linux")
@pytest.mark.parametrize("kind", ["demo", "device", "unix", "telnet"])
def test_the_same_test_runs_on_every_kind_of_machine(kind: str) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        machine_of(kind, Path(folder)) as guest,
        blocking.open_console(guest, timeout_scale=SCALE, timeout=120) as console,
    ):
        console.login("root", "toor")
        assert console.run("uname -s").output == "Linux\n"
        assert console.run("false").status == 1
        assert console.run("seq 1 500").output == "".join(f"{number}\n" for number in range(1, 501))
        if kind in ("demo", "telnet"):  # the ways that carry a break
            console.sysrq("h")
            console.expect("sysrq: HELP")


def test_a_guest_folder_names_an_address_by_a_setting(tmp_path: Path) -> None:
    (tmp_path / "guest.toml").write_text(
        '[guest]\nkind = "socket"\ndescription = "a box in the rack"\n'
        '[settings]\nport = 1\n[socket]\naddress = "tcp:127.0.0.1:{port}"\n'
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with blocking.open_console(tmp_path, settings={"port": port}, timeout_scale=SCALE) as console:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"here I am\r\n")
                console.expect_exact("here I am")
    assert os.listdir(tmp_path) == ["guest.toml"]
