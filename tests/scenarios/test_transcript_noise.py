"""Transcripts without what tells nothing."""

from __future__ import annotations

from tests.scenarios.transcript_files import shortened
from tests.scenarios.transcript_noise import without_keystrokes, without_repetitions

HEAD = "Minimum Emacs-like screen editing is supported.\nsetparams 'Debian'\nload_video\n"
GAP = " " * 30


def test_keys_of_an_editor_become_the_line_that_came_of_them() -> None:
    drawn = [f"linux        /boot/vmlinuz root=/dev/vda1 \\\nro{' quiet'[:length]}{GAP}" for length in (6, 5, 3, 1, 0)]
    text = f"{HEAD}{''.join(drawn)}Booting a command list\n"
    assert without_keystrokes(text) == (
        f"{HEAD}linux        /boot/vmlinuz root=/dev/vda1 \\\nro quiet\n[keys are pressed until it reads:]\n"
        "linux /boot/vmlinuz root=/dev/vda1 ro\nBooting a command list\n"
    )


def test_entry_that_scrolls_is_shown_once() -> None:
    text = f"{HEAD}linux\n/boot/vmlinuz qui\\ v\nload_video\nlinux        /boot/vmlinuz{GAP}GNU GRUB"
    assert without_keystrokes(text) == (
        f"{HEAD}linux\n/boot/vmlinuz qui\\\n[keys are pressed until it reads:]\nlinux /boot/vmlinuz\nGNU GRUB"
    )


def test_entry_that_nobody_edits_stays_as_it_is() -> None:
    text = f"{HEAD}linux        /boot/vmlinuz{GAP}Booting a command list\n"
    assert without_keystrokes(text) == text


def test_line_that_repeats_is_counted() -> None:
    assert without_repetitions("a\n" + "Waiting.\n" * 30 + "b\n") == (
        "a\nWaiting.\nWaiting.\n[28 more of the line above]\nb\n"
    )
    assert without_repetitions("\n" * 30 + "Twice.\n" * 2) == "\n" * 30 + "Twice.\n" * 2


def test_line_that_the_scenario_quotes_is_never_left_out() -> None:
    log = [f"[    1.{number:06}] usb {number}" for number in range(50)]
    log[25] += " Kernel panic - not syncing"
    kept = shortened("\n".join(log), ["Kernel panic"])
    assert log[25] in kept
    assert len(kept) < 40
