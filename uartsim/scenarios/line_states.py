"""Enter does nothing: what has happened to the line, or to a machine that ran."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import AppendText, KernelParameters
from uartsim.scenarios.begin_steps import BeginFault, Pause, PressNmi
from uartsim.scenarios.scenario import Scenario
from uartsim.scenarios.systemd_units import serial_getty, service_at_boot

_LINUX: Final = frozenset({"linux"})
_DEBIAN: Final = frozenset({"disk", "grub", "systemd"})

SCENARIOS: Final = (
    Scenario(
        name="xoff-received",
        group="no-answer",
        summary="the guest has received an XOFF, such as by Ctrl-S, and sends nothing",
        cause="The fault xoff sends an XOFF (0x13) to a shell, and no XON after it.",
        shown="Nothing, not even an echo; bash begins no command before its output has left.",
        way_out="Ctrl-Q: all that was held comes, and the commands that were typed are carried out.",
        test="test_output_that_was_stopped_comes_after_ctrl_q",
        needs=_LINUX,
        concerns=frozenset({"flow-control"}),
        start="shell",
        begin=(BeginFault("xoff"),),
    ),
    Scenario(
        name="cts-low",
        group="no-answer",
        summary="the far end does not let the guest send: CTS is low",
        cause="agetty uses hardware flow control (--flow-control), and the fault lost-cts holds CTS inactive.",
        shown="Nothing; Enter is answered only when CTS has come back.",
        way_out="The far end lets CTS come back (uartsim fault NAME off lost-cts): all that was held comes.",
        test="test_guest_that_waits_for_cts_goes_on_when_it_comes",
        needs=_DEBIAN,
        concerns=frozenset({"flow-control", "getty"}),
        start="login",
        image=(serial_getty("flow-control", "/sbin/agetty --flow-control 115200 ttyS0 vt220"),),
        options={"fault": ["lost-cts"]},
    ),
    Scenario(
        name="echo-off",
        group="no-answer",
        summary="what is typed is not shown",
        cause="root's .profile switches the terminal's echo off, as a script that asked for a password and was interrupted.",
        shown="A prompt, and none of what is typed; commands are carried out.",
        way_out="stty sane, typed blindly; the line is taken out of .profile.",
        test="test_echo_is_switched_on_blindly",
        needs=_DEBIAN,
        concerns=frozenset({"profile"}),
        start="login",
        image=(AppendText("/root/.profile", "stty -echo\n"),),
    ),
    Scenario(
        name="stuck-writer",
        group="no-answer",
        summary="a program holds the line with output that never ends",
        cause="A service writes to /dev/ttyS0 as fast as the line goes.",
        shown="The same line for ever, with a prompt now and then in the middle of it; Enter seems to do nothing.",
        way_out="Somebody logs in blindly, and stops the service for good.",
        test="test_writer_that_never_ends_is_stopped_blindly",
        needs=_DEBIAN,
        concerns=frozenset({"flood"}),
        start="boot",
        image=(
            *service_at_boot(
                "writer",
                "[Unit]\nDescription=Writes to the console without end\nAfter=serial-getty@ttyS0.service\n"
                "[Service]\nExecStart=/bin/sh -c 'exec yes watchdog: all is well >/dev/ttyS0'\n",
            ),
        ),
    ),
    Scenario(
        name="paused",
        group="no-answer",
        summary="the machine is paused: its processor stands still",
        cause="The machine's processor is stopped, as 'uartsim pause' or a cloud's maintenance does.",
        shown="Nothing at all, not even an echo.",
        way_out="The machine goes on (uartsim resume): what was typed is answered.",
        test="test_paused_machine_answers_when_it_goes_on",
        needs=frozenset({"qemu", "linux"}),
        concerns=frozenset({"processor"}),
        start="login",
        begin=(Pause(),),
    ),
    Scenario(
        name="panicked",
        group="no-answer",
        summary="the kernel has panicked, and stands still",
        cause="unknown_nmi_panic on the kernel's line, and an NMI before anybody looked.",
        shown='"Kernel panic - not syncing: NMI: Not continuing" to those who look back, and nothing more.',
        way_out="Reset.",
        test="test_machine_that_has_panicked_is_reset",
        needs=_LINUX,
        concerns=frozenset({"nmi", "panic"}),
        start="login",
        kernel=KernelParameters(add="unknown_nmi_panic"),
        begin=(PressNmi(),),
    ),
)
