"""What goes wrong is seen at once, and what only looks like it is left alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.problems import problem_catalogue
from uartsim.console.problems.problem_catalogue import (
    Catalogue,
    Entry,
    is_problem,
    load_catalogue,
    quick_texts,
    read_entry,
)
from uartsim.console.problems.problem_lines import Quick
from uartsim.console.problems.problem_watch import KEPT_OF_ONE, Problem, ProblemWatch
from uartsim.errors import UsageError

STANDARD = Catalogue.standard()
ENTRIES = [entry for entry in STANDARD.entries.values() if entry.match]
BOOT = "[    0.000000] Linux version 6.1.0\n" + "".join(f"[    0.{n:06d}] boot {n}\n" for n in range(1, 12))

ORDINARY = """\
[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)
[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=UUID=8a5b ro console=ttyS0,115200 panic=30
[    0.000000] BIOS-provided physical RAM map:
[    0.004000] Kernel command line: root=/dev/vda1 panic=-1 oops=panic softlockup_panic=1
[    0.102030] rcu: Hierarchical RCU implementation.
[    0.110000] NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
[    0.120000] INFO: lockdep is turned off.
[    0.130000] ACPI: Added _OSI(Module Device)
[    1.234567] EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.
[    1.300000] systemd[1]: Inserted module 'autofs4'
[    2.000000] microcode: opcode table loaded
Loading Linux 6.1.0-18-amd64 ...
Loading initial ramdisk ...
error: no suitable video mode found.
Begin: Running /scripts/init-premount ... done.
[  OK  ] Started serial-getty@ttyS0.service - Serial Getty on ttyS0.
[  OK  ] Reached target emergency.target - Emergency Mode is off.
         Starting systemd-fsck-root.service - File System Check on Root Device...
demo login: root
Last login: Sun Nov 22 10:00:00 UTC 2026 on ttyS0
root@demo:~# echo "error: nothing"
root@demo:~# grep -c panic /etc/sysctl.conf
0 errors, 0 warnings, 12 failed over
"""


def problems(text: str, **options: Any) -> list[Problem]:
    watch = ProblemWatch(STANDARD, **options)
    return watch.feed(text) + watch.finish()


def ids(text: str, **options: Any) -> list[str]:
    return [problem.id for problem in problems(text, **options)]


# -- the catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_entry_is_found_in_its_examples_by_the_watch(entry: Entry) -> None:
    assert entry.examples
    for line in entry.examples:
        assert entry.id in ids(line + "\n")
        assert entry.id in ids(line)
        assert entry.id not in ids(line, allow=[entry.id])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_entry_has_texts_for_a_quick_look_and_they_are_in_every_match(entry: Entry) -> None:
    texts = quick_texts(entry.match)
    assert texts
    assert min(map(len, texts)) >= 3
    for line in entry.examples:
        assert any(text in line for text in texts)


@pytest.mark.parametrize("mark", STANDARD.marks, ids=lambda mark: mark.stage)
def test_each_mark_of_a_boot_matches_its_examples(mark: Any) -> None:
    assert mark.examples
    for line in mark.examples:
        assert any(regex.search(line) for regex in mark.match)


def test_ordinary_boot_is_no_problem() -> None:
    assert problems(ORDINARY) == []


def test_lines_that_look_like_a_problem_and_are_none_are_left_alone() -> None:
    lines = [(entry, line) for entry in ENTRIES for line in entry.not_examples]
    assert lines
    assert [(e.id, line) for e, line in lines if is_problem(e, line)] == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"match": ["(unclosed"]}, "regular expression"),
        ({"match": ["x*"]}, "every line"),
        ({"match": []}, "either match"),
        ({"match": "x"}, "a list of texts"),
        ({"watch": "reboot"}, "either match"),
        ({"severity": "bad"}, "info, warn, error, fatal"),
        ({"phase": "moon"}, "firmware"),
        ({"id": "No Id"}, "small letters"),
        ({"cause": "{nothing} is wrong"}, "no group 'nothing'"),
        ({"cause": "{open"}, "brace"),
        ({"causes": "x"}, "did you mean 'cause'"),
        ({"prompt": "yes"}, "true or false"),
        ({"examples": ["something else"]}, "does not match"),
        ({"not_examples": ["oh boom"]}, "in not_examples"),
        ({"cause": None}, "give a text"),
        ({"next": "(unclosed"}, "regular expression"),
        ({"booted_with": "x*"}, "every line"),
        ({"settled_by": "x"}, "a list of texts"),
        ({"unless_found": ["no such"]}, "'no such' is not an id"),
    ],
)
def test_wrong_entry_is_refused_in_one_sentence(changes: Mapping[str, Any], word: str) -> None:
    entry = {"id": "app.boom", "severity": "error", "match": ["boom"], "cause": "it burst", "advice": "mend it"}
    assert read_entry(entry, "here").id == "app.boom"
    with pytest.raises(UsageError, match=word) as caught:
        read_entry({**entry, **changes}, "here")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [("[[problem]", "not TOML"), ("[[trouble]]\n", "'trouble' is unknown"), ("[[problem]]\nid = 'a'\n", "is missing")],
)
def test_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=word):
        load_catalogue(path)
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        load_catalogue([tmp_path / "none.toml"])


def test_own_entries_are_added_and_replace_those_of_the_same_id(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[[problem]]\nid = 'app.boom'\nseverity = 'fatal'\nmatch = ['boom (?P<n>\\d+)']\n"
        "cause = 'burst number {n}'\nadvice = 'mend it'\n"
    )
    milder = {"id": "linux.panic", "severity": "info", "match": ["Kernel panic"], "cause": "panic", "advice": "-"}
    watch = ProblemWatch(load_catalogue([str(path), milder]))
    found = watch.feed("boom 7\nKernel panic\n")
    assert [(p.id, p.severity, p.cause) for p in found] == [
        ("app.boom", "fatal", "burst number 7"),
        ("linux.panic", "info", "panic"),
    ]


def test_unknown_id_to_allow_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'linux.panic'"):
        ProblemWatch(STANDARD, allow=["linux.panik"])


# -- the watch -------------------------------------------------------------------------------------------------------


def test_panic_names_its_cause() -> None:
    (problem,) = problems("[    1.5] x\n[    1.500000] Kernel panic - not syncing: VFS: Unable to mount root fs\n")
    assert problem.cause == "kernel panic: VFS: Unable to mount root fs"
    assert problem.values == {"why": "VFS: Unable to mount root fs"}
    assert problem.is_fatal
    assert problem.is_severe


def test_cause_without_its_group_is_still_a_sentence() -> None:
    assert problems("Kernel panic - not syncing:\n")[0].cause == "kernel panic"


def test_place_and_time_of_a_problem_are_those_of_its_line() -> None:
    watch = ProblemWatch(STANDARD)
    text = "demo\nYou are in emer[    1.000000] usb\ngency mode\n[    2.000000] kernel BUG at x\nend"
    found = watch.feed(text[:30], 1.0) + watch.feed(text[30:70], 2.0) + watch.feed(text[70:], 3.0)
    assert [p.id for p in found] == ["systemd.emergency", "linux.bug"]
    assert text[found[0].start : found[0].end] == "You are in emer[    1.000000] usb\ngency mode"
    assert text[found[1].start : found[1].end] == "[    2.000000] kernel BUG at x\n"
    assert [p.at for p in found] == [2.0, 2.0]


def test_prompt_without_a_line_end_is_seen_at_a_pause_and_once() -> None:
    watch = ProblemWatch(STANDARD)
    assert watch.feed("\n(initramfs) ") == []
    assert [p.id for p in watch.pause()] == ["initrd.shell"]
    assert watch.pause() == []
    assert watch.feed("ls\nbin\n(initramfs) ") == []
    assert watch.pause() == []


def test_line_seen_at_a_pause_is_not_reported_again_when_it_is_complete() -> None:
    watch = ProblemWatch(STANDARD)
    watch.feed("oh: Login incorrect\nLogin incorr")
    assert watch.pause() == []
    watch.feed("ect")
    assert [p.id for p in watch.pause()] == ["login.denied"]
    assert watch.feed("\n") == []


def test_grub_prompt_is_a_problem_without_a_menu_and_none_after_it() -> None:
    assert ids("   Minimal BASH-like line editing is supported.\n\ngrub> ") == ["grub.prompt"]
    assert ids("Use the ^ and v keys to select which entry is highlighted.\ngrub> ") == []


def test_echo_of_what_was_typed_is_no_problem_and_its_output_is() -> None:
    watch = ProblemWatch(STANDARD)
    watch.typed("echo 'Kernel panic - not syncing: x'")
    watch.feed("# echo 'Kernel panic - not syncing: x'")
    assert watch.pause() == []
    watch.typed("\r")
    assert watch.feed("\n") == []
    watch.typed(b"grep 'Login incorrect' log\r")
    assert watch.feed("# grep 'Login incorrect' log\n") == []
    assert [p.id for p in watch.feed("Login incorrect\n")] == ["login.denied"]


def test_repeated_problem_is_counted_and_reported_once() -> None:
    watch = ProblemWatch(STANDARD)
    line = "[    5.000000] Out of memory: Killed process 7 (x)\n"
    assert len(watch.feed(line)) == 1
    assert watch.feed("[    6.000000] Out of memory: Killed process 7 (x)\n") == []
    assert watch.counts["linux.oom"] == 2


def test_flood_of_different_problems_is_bounded() -> None:
    watch = ProblemWatch(STANDARD)
    for n in range(3 * KEPT_OF_ONE):
        watch.feed(f"[{n + 5:5d}.000000] EXT4-fs error (device vda1): block {n}\n")
    assert len(watch.problems) == KEPT_OF_ONE
    assert watch.counts["linux.fs"] == 3 * KEPT_OF_ONE


def test_log_that_somebody_reads_is_no_news() -> None:
    watch = ProblemWatch(STANDARD)
    line = "[    7.000000] kernel BUG at x\n"
    assert len(watch.feed(line, 7.0)) == 1
    watch.counts.clear()
    watch.feed("# dmesg\n" + line, 60.0)
    assert watch.counts["linux.bug"] == 0


def test_second_start_is_a_problem_unless_it_was_asked_for() -> None:
    again = BOOT.replace("boot ", "start ")
    later = "[    1.000000] later\n"

    def boot_twice(*typed: str, firmware: str = "", expected: bool = False) -> list[str]:
        watch = ProblemWatch(STANDARD)
        watch.feed(firmware + BOOT, 0.5)
        watch.feed(later + "demo login: ", 2.0)
        watch.pause(2.5)
        for line in typed:
            watch.typed(line + "\r")
        if expected:
            watch.expect_boot()
        watch.feed(f"\n{firmware}{again}", 9.0)
        watch.feed(later, 10.0)
        return [p.id for p in watch.problems]

    assert boot_twice() == ["linux.reboot"]
    assert boot_twice(firmware="SeaBIOS (version 1.16.2)\n") == ["linux.reboot"]
    assert boot_twice("systemctl reboot") == []
    assert boot_twice(expected=True) == []
    assert boot_twice(firmware="SeaBIOS (version 1.16.2)\n", expected=True) == []


def test_one_boot_from_firmware_to_login_is_one_start() -> None:
    stages = ["SeaBIOS (version 1.16)\n", "Welcome to GRUB!\n", "     GNU GRUB  version 2.06\n", "EFI stub: x\n", BOOT]
    watch = ProblemWatch(STANDARD)
    for n, text in enumerate([*stages, "Welcome to Debian!\n", "[    3.000000] x\n", "demo login: "]):
        watch.feed(text, float(n))
    watch.pause()
    assert list(watch.problems) == []


def test_banner_whose_line_the_kernel_cuts_is_of_the_same_start() -> None:
    watch = ProblemWatch(STANDARD)
    watch.feed("SeaBIOS (version" + BOOT, 0.1)
    watch.feed("[    2.000000] later\n", 2.0)
    watch.feed("\nWelcome to Debian!\n", 3.0)
    assert list(watch.problems) == []


def test_crash_that_was_typed_is_no_problem_and_help_that_was_typed_asks_for_none() -> None:
    panic = "[    9.000000] Kernel panic - not syncing: sysrq triggered crash\n"
    for key, found in (("c", 0), ("h", 1)):
        watch = ProblemWatch(STANDARD)
        watch.typed(f"echo {key} > /proc/sysrq-trigger\r")
        assert len(watch.feed(panic)) == found


def test_reboot_that_was_typed_may_take_the_guest_down() -> None:
    watch = ProblemWatch(STANDARD)
    line = "[   49.812345] reboot: Power down\n"
    watch.typed("poweroff\r")
    assert watch.feed(line) == []
    assert ids(line) == ["guest.off"]


def test_count_down_that_repeats_each_second_is_one_report() -> None:
    line = "\r[ ***  ] A start job is running for Wait for Network ({}min {}s / no limit)"
    found = problems("".join(line.format(n // 60, n % 60) for n in range(50, 130)) + "\n")
    assert [(p.id, p.cause) for p in found] == [("systemd.hang", "the guest waits without limit for Wait for Network")]
    stuck = "[{0:5d}.000000] watchdog: BUG: soft lockup - CPU#1 stuck for {0}s! [sh:1]\n"
    assert ids("".join(stuck.format(n) for n in (22, 48, 74))) == ["linux.softlockup"]
    assert ids(stuck.format(22) + stuck.format(48).replace("CPU#1", "CPU#2")) == ["linux.softlockup"] * 2


@pytest.mark.parametrize("prefix", ["(XEN) ", "(XEN) [2026-01-01 10:00:00] ", "(XEN) [    3.123456] "])
def test_cause_on_the_next_line_is_told_however_the_text_was_cut(prefix: str) -> None:
    lines = ["****", "Panic on CPU 0:", "Could not construct domain 0", "****", "Reboot in five seconds..."]
    text = "".join(f"{prefix}{line}\n" for line in lines)
    for cut in range(len(text)):
        watch = ProblemWatch(STANDARD)
        found = watch.feed(text[:cut]) + watch.feed(text[cut:]) + watch.finish()
        assert [p.cause for p in found] == ["Xen stopped: Could not construct domain 0"]


def test_problem_whose_next_line_does_not_come_is_told_at_a_pause() -> None:
    watch = ProblemWatch(STANDARD)
    assert watch.feed("(XEN) Panic on CPU 0:\n") == []
    assert [p.cause for p in watch.pause()] == ["Xen stopped"]
    assert watch.feed("(XEN) Could not construct domain 0\n") == []


def test_wait_that_ended_well_is_for_information_and_one_that_does_not_end_is_an_error() -> None:
    waiting, mounted = (
        "[    1.500000] Waiting for root device /dev/vda2...\n",
        "[    1.600000] VFS: Mounted root (ext4).\n",
    )
    watch = ProblemWatch(STANDARD)
    assert watch.feed(waiting, 1.0) == []
    assert watch.overdue(5.0) == []
    assert [(p.severity, p.at) for p in watch.feed(mounted, 6.0)] == [("info", 1.0)]
    assert watch.finish() == []
    late = ProblemWatch(STANDARD)
    late.feed(waiting, 1.0)
    assert [(p.severity, p.cause) for p in late.overdue(11.5)] == [
        ("error", "the kernel waited for its root device /dev/vda2")
    ]
    assert late.feed(mounted, 12.0) == []
    assert [p.severity for p in problems(waiting)] == ["error"]


def test_what_follows_from_a_problem_is_no_news_until_the_guest_starts_again() -> None:
    crash = "Fatal trap 12: page fault while in kernel mode\npanic: page fault\nKDB: enter: panic\n"
    watch = ProblemWatch(STANDARD)
    watch.feed(">> FreeBSD/i386 BOOT\n" + crash)
    assert watch.feed("db> ") + watch.pause() == []
    assert [p.id for p in watch.problems] == ["bsd.trap"]
    watch.feed("\n>> FreeBSD/i386 BOOT\npanic: another\n")
    assert [p.id for p in watch.problems] == ["bsd.trap", "linux.reboot", "bsd.panic"]


def test_panic_of_a_program_under_linux_is_none_of_the_system() -> None:
    crash = "panic: open /etc/x: permission denied\n\ngoroutine 1 [running]:\n"
    assert ids(BOOT + crash) == []
    assert ids("panic: runtime error: index out of range [5] with length 3\n") == []


def test_rescue_that_the_kernel_was_started_with_is_no_problem_in_that_boot() -> None:
    shell = "Give root password for maintenance\n"
    start = "[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=/dev/vda1 {}\n[    0.100000] x\n"
    for options, found in (("systemd.unit=rescue.target", []), ("single", []), ("quiet", ["systemd.emergency"])):
        watch = ProblemWatch(STANDARD)
        watch.feed(start.format(options))
        assert [p.id for p in watch.feed(shell)] == found
        assert len(watch.excused) == (not found)


def test_allowed_and_expected_problems_are_kept_apart() -> None:
    watch = ProblemWatch(STANDARD, allow=["linux.panic"])
    watch.feed("[    9.000000] Kernel panic - not syncing: x\n[    9.100000] WARNING: CPU: 0 PID: 1 at a.c:1 f+1/2\n")
    assert [p.id for p in watch.problems] == ["linux.warning"]
    assert [p.line for p in watch.excused] == ["Kernel panic - not syncing: x"]


@pytest.mark.parametrize("before", ["[11:41:12:058] ", "02:58:27.819: ", "[2026-01-01 10:00:00.123] "])
def test_time_of_day_that_a_terminal_program_wrote_before_each_line_is_left_out(before: str) -> None:
    assert ids(f"{before}ERROR: can't get kernel image!\n") == ["uboot.image"]


def test_every_file_of_the_packages_catalogue_has_ids_of_its_own() -> None:
    folder = Path(problem_catalogue.__file__).parent
    entries = [e for path in sorted(folder.glob("*.toml")) for e in Catalogue.load(path).entries.values()]
    assert len(entries) == len(STANDARD.entries)
    for entry in entries:
        assert set(entry.unless_found) <= set(STANDARD.entries)


PARTS = [
    "Kernel panic - not syncing: x",
    "\n",
    "(initramfs) ",
    "[    1.000000] ",
    "Login incorrect",
    "lo",
    "\r",
    "y" * 3000,
]


WORDS = ["panic", "not", "a", " b ", "x:", "BUG: ", "\n", "Kernel panic - not syncing", " ", "login: ", "y" * 20]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("".join), max_size=6),
    st.lists(st.sampled_from(WORDS), max_size=20).map("".join),
)
def test_quick_look_finds_each_line_that_has_a_text(texts: list[str], block: str) -> None:
    items = [frozenset([text]) for text in texts if "\n" not in text]
    found = Quick(items).lines(block)
    start = 0
    for line in block.split("\n"):
        wanted = {number for number, (text,) in enumerate(items) if text in line}
        assert wanted <= found.get((start, start + len(line)), set())
        start += len(line) + 1


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.lists(st.integers(0, 9000), max_size=6))
def test_problems_do_not_depend_on_how_the_text_was_cut(text: str, cuts: list[int]) -> None:
    watch = ProblemWatch(STANDARD)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for a, b in itertools.pairwise(places):
        watch.feed(text[a:b])
    whole = ProblemWatch(STANDARD)
    whole.feed(text)
    for w in (watch, whole):
        w.pause()
    assert sorted(watch.problems, key=place) == sorted(whole.problems, key=place)
    assert watch.counts == whole.counts


def place(problem: Problem) -> tuple[int, str]:
    return problem.start, problem.id


@pytest.mark.parametrize(
    ("command_line", "shown", "expected"),
    [
        ("root=/dev/vda1 ro single", "Give root password for maintenance", []),
        ("root=/dev/vda1 systemd.unit=rescue.target quiet", "You are in rescue mode. After logging in", []),
        ("root=/dev/vda1 ro emergency", "You are in emergency mode. After logging in", []),
        ("root=/dev/vda1 rd.break=mount", "Entering emergency mode. Exit the shell to continue.", []),
        ("root=/dev/vda1 break=premount", "(initramfs) ", []),
        ("root=/dev/mapper/rescue-root ro", "Give root password for maintenance", ["systemd.emergency"]),
        ("root=/dev/vda1 ro", "(initramfs) ", ["initrd.shell"]),
    ],
)
def test_rescue_that_the_kernels_command_line_asks_for_is_no_problem(
    command_line: str, shown: str, expected: list[str]
) -> None:
    watch = ProblemWatch()
    boot = f"[    0.000000] Linux version 6.1\r\n[    0.000000] Command line: BOOT_IMAGE=/vmlinuz {command_line}\r\n"
    watch.feed(boot + f"[    1.000000] Run /init as init process\r\n{shown}")
    watch.finish()
    assert [problem.id for problem in watch.problems] == expected


def test_rescue_that_was_asked_for_in_one_boot_is_a_problem_in_the_next() -> None:
    watch = ProblemWatch()
    for addition in (" single", ""):
        watch.expect_boot()
        watch.feed(
            f"[    0.000000] Linux version 6.1\n[    0.000000] Command line: root=/dev/vda1{addition}\n"
            "[    1.000000] Run /init as init process\nGive root password for maintenance\n"
        )
    watch.finish()
    assert [problem.id for problem in watch.problems] == ["systemd.emergency"]
