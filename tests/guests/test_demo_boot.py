"""The demo guest's boot: the log, what the kernel's command line changes, rescue modes, shutdown, NMI."""

from __future__ import annotations

import re
from typing import Any

import pytest
import trio

from tests.guests.fake_tty import Line, demo_module, running_demo
from tests.machine.rig import virtual_time
from uartsim.line_format import LineFormat

parameters = demo_module("kernel.kernel_parameters")
ROOT = "root=/dev/vda1 ro"
SERIAL = f"{ROOT} console=tty0 console=ttyS0,115200"


def booted(command_line: str = SERIAL, **settings: Any) -> Any:
    return running_demo(cmdline=command_line, **settings)


@virtual_time
async def test_the_boot_log_has_the_lines_that_tools_look_for_in_their_order() -> None:
    async with booted() as line:
        for text in (
            "[    0.000000] Linux version 6.1.0-18-cloud-amd64 (",
            "[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/vda1 ro",
            "printk: console [tty0] enabled\r\n",
            "printk: console [ttyS0] enabled\r\n",
            "00:04: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A\r\n",
            "Run /init as init process\r\n",
            "systemd[1]: systemd 252",
            "Welcome to \x1b[1mDebian GNU/Linux 12 (bookworm)\x1b[0m!\r\n",
            "[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mmulti-user.target\x1b[0m - Multi-User System.\r\r\n",
            "\r\r\nDebian GNU/Linux 12 demo ttyS0\r\n",
            "demo login: ",
        ):
            await line.expect(text)


@virtual_time
async def test_time_stamps_never_run_backwards_and_match_the_clock() -> None:
    async with booted() as line:
        await line.expect("Linux version")
        start = trio.current_time()
        await line.expect("demo login: ")
        took = trio.current_time() - start
        stamps = [float(stamp) for stamp in re.findall(rb"^\[ *(\d+\.\d{6})\] ", line.output, re.MULTILINE)]
    assert stamps == sorted(stamps)
    assert len(stamps) > 70
    assert 0.8 < stamps[-1] < took + 0.1
    assert 1.4 < took < 1.7


@virtual_time
async def test_boot_seconds_scales_the_boot() -> None:
    async with booted(boot_seconds=10.0) as line:
        await line.expect("Linux version")
        start = trio.current_time()
        await line.expect("demo login: ")
        assert 9.5 < trio.current_time() - start < 10.5


@virtual_time
async def test_quiet_prints_no_log_and_no_status() -> None:
    async with booted(f"{SERIAL} quiet") as line:
        await line.expect("demo login: ")
        assert b"Linux version" not in line.output
        assert b"OK" not in line.output


@virtual_time
async def test_without_a_serial_console_the_line_stays_silent_and_deaf() -> None:
    async with booted(f"{ROOT} console=tty0") as line:
        await line.expect("Loading initial ramdisk ...\n\r")
        assert await line.silence(60) == b""
        line.type("\r\r")
        line.sysrq("h")
        assert await line.silence(60) == b""


@virtual_time
async def test_with_the_screen_as_last_console_the_log_comes_but_no_status_lines() -> None:
    async with booted(f"{ROOT} console=ttyS0,115200 console=tty0") as line:
        await line.expect("Linux version")
        await line.expect("demo login: ")
        assert b"OK" not in line.output


@virtual_time
async def test_a_masked_getty_leaves_the_line_without_a_prompt() -> None:
    async with booted(f"{SERIAL} systemd.mask=serial-getty@ttyS0.service") as line:
        await line.expect("Graphical Interface.\r\r\n")
        await trio.sleep(1)
        line.type("\r")
        assert await line.silence(60) == b""


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("console=ttyS0", LineFormat.from_baud(9600)),
        ("console=ttyS0,9600", LineFormat.from_baud(9600)),
        ("console=ttyS0,115200n8", LineFormat.from_baud(115200)),
        ("console=ttyS0,57600e7", LineFormat.from_baud(57600, "7E1")),
        ("console=ttyS0,nonsense", LineFormat.from_baud(9600)),
    ],
)
def test_the_console_option_says_the_line_format(option: str, expected: LineFormat) -> None:
    assert parameters.KernelParameters(option).serial_format == expected


@virtual_time
async def test_another_speed_is_programmed_for_kernel_and_getty() -> None:
    async with booted(f"{ROOT} console=ttyS0,9600") as line:
        await line.expect("Linux version")
        assert line.tty.line_format.baud == 9600
        await line.log_in()
        assert await line.run("stty speed") == "9600\n"


@pytest.mark.parametrize("word", ["single", "1", "rescue", "systemd.unit=rescue.target"])
@virtual_time
async def test_rescue_mode_asks_for_the_root_password(word: str) -> None:
    async with booted(f"{SERIAL} {word}") as line:
        await line.expect('You are in rescue mode. After logging in, type "journalctl -xb" to view\r\n')
        await line.expect("Give root password for maintenance\r\n(or press Control-D to continue): ")
        line.type("wrong\r")
        await line.expect("\r\r\nLogin incorrect\r\n\r\nGive root password for maintenance\r\n")
        await line.expect("continue): ")
        line.type("toor\r")
        await line.expect("\r\r\nroot@demo:~# ")
        assert await line.run("echo works") == "works\n"
        line.type("exit\r")
        await line.expect("Starting default.target\r\r\n")
        await line.expect("demo login: ")


@virtual_time
async def test_emergency_mode_goes_on_with_control_d() -> None:
    async with booted(f"{SERIAL} systemd.unit=emergency.target") as line:
        await line.expect("You are in emergency mode")
        await line.expect("continue): ")
        line.type("\x04")
        await line.expect("Reloading system manager configuration\r\r\n")
        await line.expect("demo login: ")


@virtual_time
async def test_bash_as_init_is_root_without_login_and_its_end_is_a_panic() -> None:
    async with booted(f"{SERIAL} init=/bin/bash") as line:
        await line.expect("bash: no job control in this shell\r\n")
        await line.expect("root@(none):/# ")
        assert await line.run("id -u") == "0\n"
        line.type("exit\r")
        await line.expect("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000")


@virtual_time
async def test_a_shell_without_job_control_does_not_hear_ctrl_c() -> None:
    async with booted(f"{SERIAL} init=/bin/bash") as line:
        await line.expect("root@(none):/# ")
        line.type("sleep 5\r")
        await trio.sleep(1)
        line.type("\x03")
        await line.expect("^C")
        start = trio.current_time()
        await line.expect("root@(none):/# ")
        assert trio.current_time() - start > 3


@virtual_time
async def test_a_missing_root_ends_in_the_initramfs_shell() -> None:
    async with booted("root=/dev/sda9 console=ttyS0") as line:
        await line.expect("ALERT!  /dev/sda9 does not exist.  Dropping to a shell!\r\n")
        await line.expect("(initramfs) ")
        assert "root=/dev/sda9" in await line.run("cat /proc/cmdline", "(initramfs) ")


@virtual_time
async def test_reboot_shuts_down_and_says_so() -> None:
    async with booted() as line:
        await line.log_in()
        line.type("reboot\r")
        await line.expect("- System Reboot.\r\r\n")
        await line.expect("systemd-shutdown[1]: Rebooting.\r\n")
        await line.expect("reboot: Restarting system\r\n")
        await trio.sleep(1)
        assert line.ended == "reboot"


@virtual_time
@pytest.mark.parametrize("command", ["poweroff", "shutdown now", "systemctl poweroff"])
async def test_poweroff_shuts_down_and_says_so(command: str) -> None:
    async with booted() as line:
        await line.log_in()
        line.type(f"{command}\r")
        await line.expect("reboot: Power down\r\n")
        await trio.sleep(1)
        assert line.ended == "poweroff"


@virtual_time
async def test_halt_stops_everything_and_leaves_the_power_on() -> None:
    async with booted() as line:
        await line.log_in()
        line.type("halt\r")
        await line.expect("reboot: System halted\r\n")
        line.type("\r")
        assert await line.silence(60) == b""
        assert line.ended is None


@virtual_time
async def test_a_forced_reboot_has_no_shutdown() -> None:
    async with booted() as line:
        await line.log_in()
        line.type("reboot -f\r")
        await line.expect("Rebooting.\r\n")
        await trio.sleep(1)
        assert line.ended == "reboot"
        assert b"Stopped" not in line.output


async def panicked(line: Line, why: str) -> None:
    await line.expect(f"Kernel panic - not syncing: {why}\r\n")
    await line.expect("CPU: 0 PID: ")
    await line.expect("Call Trace:\r\n")
    await line.expect(f"---[ end Kernel panic - not syncing: {why} ]---\r\n")
    line.type("\r")
    line.sysrq("b")
    assert await line.silence(100) == b""
    assert line.ended is None


@virtual_time
async def test_an_nmi_is_unknown_and_survived() -> None:
    async with booted() as line:
        await line.log_in()
        line.host.on_nmi()
        await line.expect("Uhhuh. NMI received for unknown reason 21 on CPU 0.\r\n")
        await line.expect("Dazed and confused, but trying to continue\r\n")
        assert await line.run("echo alive") == "alive\n"


@virtual_time
async def test_unknown_nmi_panic_on_the_command_line_makes_an_nmi_fatal() -> None:
    async with booted(f"{SERIAL} unknown_nmi_panic") as line:
        await line.expect("demo login: ")
        line.host.on_nmi()
        await panicked(line, "NMI: Not continuing")


@virtual_time
async def test_unknown_nmi_panic_can_be_switched_on_while_it_runs() -> None:
    async with booted() as line:
        await line.log_in()
        assert await line.run("sysctl -w kernel.unknown_nmi_panic=1") == "kernel.unknown_nmi_panic = 1\n"
        line.host.on_nmi()
        await panicked(line, "NMI: Not continuing")


@virtual_time
async def test_panic_equals_a_number_reboots_after_as_many_seconds() -> None:
    async with booted(f"{SERIAL} panic=10 unknown_nmi_panic") as line:
        await line.expect("demo login: ")
        line.host.on_nmi()
        await line.expect("Rebooting in 10 seconds..\r\n")
        assert b"end Kernel panic" not in line.output
        await trio.sleep(9.5)
        assert line.ended is None
        await trio.sleep(1)
        assert line.ended == "reboot"


@virtual_time
async def test_an_idle_machine_has_no_timers() -> None:
    async with booted() as line:
        await line.log_in()
        await trio.sleep(5)
        statistics = trio.lowlevel.current_statistics()
        assert statistics.seconds_to_next_deadline > 10_000  # the time limit of the test itself
