"""The demo guest's magic SysRq: the key after a break, the mask, what each key prints and does."""

from __future__ import annotations

import pytest
import trio

from tests.guests.fake_tty import Line, demo_module, running_demo
from tests.machine.rig import virtual_time

sysrq = demo_module("kernel.sysrq")
HELP = (
    "sysrq: HELP : loglevel(0-9) reboot(b) crash(c) terminate-all-tasks(e) memory-full-oom-kill(f) kill-all-tasks(i) "
    "thaw-filesystems(j) sak(k) show-backtrace-all-active-cpus(l) show-memory-usage(m) nice-all-RT-tasks(n) "
    "poweroff(o) show-registers(p) show-all-timers(q) unraw(r) sync(s) show-task-states(t) unmount(u) "
    "show-blocked-tasks(w) dump-ftrace-buffer(z) \r\n"
)
DISABLED = "sysrq: This sysrq operation is disabled.\r\n"


async def answer(line: Line, key: str) -> str:
    await line.silence(0.1)
    line.sysrq(key)
    return (await line.silence(1)).decode()


@virtual_time
async def test_a_break_and_h_print_the_kernels_help() -> None:
    async with running_demo() as line:
        await line.expect("login: ")
        line.sysrq("h")
        await line.expect(HELP, 0.1)


@virtual_time
async def test_the_key_is_the_kernels_and_the_line_being_typed_goes_on() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.type("echo be")
        await line.expect("echo be")
        line.sysrq("h")
        await line.expect(HELP)
        line.type("fore\r")
        await line.expect("before\r\n")


@pytest.mark.parametrize("key", "tcplmwqzefij")
@virtual_time
async def test_debians_mask_forbids_dumps_and_signals(key: str) -> None:
    async with running_demo() as line:
        await line.log_in()
        assert (await answer(line, key)).endswith(DISABLED)


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        ("s", ["sysrq: Emergency Sync", "Emergency Sync complete"]),
        ("u", ["sysrq: Emergency Remount R/O", "EXT4-fs (vda1): re-mounted", "Emergency Remount complete"]),
        ("r", ["sysrq: Keyboard mode set to system default"]),
        ("k", ["sysrq: SAK"]),
        ("n", ["sysrq: Nice All RT Tasks"]),
        ("9", ["sysrq: Changing Loglevel", "sysrq: Loglevel set to 9"]),
        ("?", ["sysrq: HELP : "]),
        ("\r", ["sysrq: HELP : "]),
    ],
)
@virtual_time
async def test_debians_mask_allows_the_rest(key: str, texts: list[str]) -> None:
    async with running_demo() as line:
        await line.log_in()
        shown = await answer(line, key)
        places = [shown.index(text) for text in texts]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("t", "task:bash            state:S stack:0     pid:412   ppid:367"),
        ("p", "RIP: 0010:native_safe_halt"),
        ("l", "NMI backtrace for cpu 0"),
        ("m", "Mem-Info:"),
        ("w", "Show Blocked State"),
        ("q", "Timer List Version: v0.9"),
        ("z", "Dumping ftrace buffer:"),
        ("j", "Emergency Thaw"),
    ],
)
@virtual_time
async def test_an_open_mask_allows_dumps(key: str, text: str) -> None:
    async with running_demo(sysrq=1) as line:
        await line.log_in()
        assert text in await answer(line, key)


@pytest.mark.parametrize("key", "eif")
@virtual_time
async def test_killing_tasks_ends_the_session_and_the_getty_comes_back(key: str) -> None:
    async with running_demo(sysrq=1) as line:
        await line.log_in()
        line.sysrq(key)
        await line.expect("demo login: ")


@virtual_time
async def test_b_resets_at_once() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.sysrq("b")
        await line.expect("sysrq: Resetting\r\n")
        await trio.sleep(0.1)
        assert line.ended == "reboot"


@virtual_time
async def test_o_powers_off() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.sysrq("o")
        await line.expect("sysrq: Power Off\r\n")
        await trio.sleep(0.1)
        assert line.ended == "poweroff"


@virtual_time
async def test_c_panics_when_allowed_and_then_nothing_answers() -> None:
    async with running_demo(sysrq=1) as line:
        await line.log_in()
        line.sysrq("c")
        await line.expect("sysrq: Trigger a crash\r\n")
        await line.expect("Kernel panic - not syncing: sysrq triggered crash\r\n")
        await line.expect("Call Trace:\r\n")
        await line.expect("---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n")
        line.type("\r")
        line.sysrq("h")
        assert await line.silence(100) == b""
        assert line.ended is None


@pytest.mark.parametrize("command", ["echo 1 > /proc/sys/kernel/sysrq", "sysctl -w kernel.sysrq=1"])
@virtual_time
async def test_the_mask_can_be_opened_while_it_runs(command: str) -> None:
    async with running_demo() as line:
        await line.log_in()
        assert DISABLED in await answer(line, "t")
        line.type("\r")
        await line.expect("# ")
        await line.run(command)
        assert "sysrq: Show State" in await answer(line, "t")


@pytest.mark.parametrize("word", ["sysrq_always_enabled", "sysrq_always_enabled=1", "sysctl.kernel.sysrq=1"])
@virtual_time
async def test_the_command_line_can_open_the_mask(word: str) -> None:
    async with running_demo(cmdline=f"root=/dev/vda1 ro console=ttyS0,115200 {word}") as line:
        await line.log_in()
        assert "sysrq: Show State" in await answer(line, "t")


@virtual_time
async def test_a_plain_sysctl_name_on_the_command_line_changes_nothing() -> None:
    async with running_demo(cmdline="root=/dev/vda1 ro console=ttyS0,115200 kernel.sysrq=0") as line:
        await line.log_in()
        assert HELP in await answer(line, "h")


@virtual_time
async def test_a_mask_of_zero_leaves_the_key_to_the_tty() -> None:
    async with running_demo(sysrq=0) as line:
        await line.log_in()
        assert await answer(line, "h") == "h"


@virtual_time
async def test_the_key_must_come_within_five_seconds() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.send_break()
        await trio.sleep(4.9)
        line.type("h")
        await line.expect(HELP)
        line.send_break()
        await trio.sleep(5.1)
        line.type("h")
        assert await line.silence(1) == b"h"


@virtual_time
async def test_a_second_break_disarms_and_reaches_the_tty_as_a_nul() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.type("cat\r")
        await line.expect("cat\r\n")
        line.send_break()
        line.send_break()
        await line.expect("^@")
        line.type("h")
        assert await line.silence(1) == b"h"


@virtual_time
async def test_only_the_first_byte_behind_the_break_is_the_key() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.send_break()
        line.type("secho rest\r")
        await line.expect("Emergency Sync complete\r\n")
        await line.expect("rest\r\n")


@virtual_time
async def test_sysrq_trigger_does_not_ask_the_mask() -> None:
    async with running_demo() as line:
        await line.log_in()
        line.type("echo t > /proc/sysrq-trigger\r")
        await line.expect("sysrq: Show State\r\n")
        await line.expect("# ")
        line.type("echo c > /proc/sysrq-trigger\r")
        await line.expect("Kernel panic - not syncing: sysrq triggered crash")
        await line.expect("write_sysrq_trigger+")


@virtual_time
async def test_the_loglevel_silences_the_console_but_not_the_header() -> None:
    async with running_demo() as line:
        await line.log_in()
        assert "Loglevel set to 0" in await answer(line, "0")
        line.type("echo '<3>not shown' > /dev/kmsg\r")
        await line.expect("# ")
        shown = await answer(line, "s")
        assert "sysrq: Emergency Sync" in shown
        assert "complete" not in shown
        assert "not shown" in await line.run("dmesg | tail -4")


def test_every_key_belongs_to_the_bit_that_linux_gives_it() -> None:
    bits = {key: int(operation.enable) for key, operation in sysrq.OPERATIONS.items()}
    groups = {0x2: "0123456789", 0x4: "kr", 0x8: "clmpqtwz", 0x10: "s", 0x20: "u", 0x40: "efij", 0x80: "bo", 0x100: "n"}
    assert bits == {key: bit for bit, keys in groups.items() for key in keys}
