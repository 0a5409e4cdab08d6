"""Guests of kind ``process``: a program on an inner tty, such as agetty, a shell, or anything else that uses a terminal.

:class:`SerialDriver` writes each byte that the program writes to its tty to COM1's registers, and the program reads what
COM1 receives.  Table ``[process]`` of ``guest.toml``:

====================  ===========================================================================================
``command``           program and arguments, with placeholders: ``{tty}`` (``/dev/pts/7``), ``{tty_name}``
                      (``pts/7``), ``{folder}`` (the guest's), ``{private}`` (a directory of mode 0700 that exists
                      while the guest is switched on), and every setting
``controlling_tty``   true, the default: the tty is the program's terminal and standard streams.  false: the program
                      opens it by itself, as agetty does
``respawn``           true: when the program ends it is started again, as init does.  false, the default: the guest
                      ends with it
``poweroff_status``   an exit status by which the program asks for the machine to be switched off
``reboot_status``     an exit status by which the program asks to be started again
====================  ===========================================================================================

The setting ``baud`` (default 115200) is the tty's initial speed.  The program may set another speed, which is checked
whenever bytes move, and programmed into the chip once all earlier output has left it.  CRTSCTS, which the program may set
as well, switches the driver's RTS/CTS flow control.

The setting ``local_line`` says, in agetty's terms, whether CLOCAL is set initially: ``always`` (the default, as on Linux's
serial ports) and ``auto`` set it, ``never`` does not.  While CLOCAL is set, carrier is ignored.  Without CLOCAL the program
is started only when there is carrier, because opening such a tty waits for carrier.  When carrier is lost, the tty is hung
up: its session gets SIGHUP, and DTR is inactive until the tty is opened again.
"""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.child import Child
from uartsim.guest.inner_tty import CHUNK_BYTES, UNLIMITED_CHUNK_BYTES, InnerTty, LineModes
from uartsim.guest.placeholders import fill_in, format_of
from uartsim.guest.reaper import remove
from uartsim.machine import GuestEnd, Machine, SerialDriver

#: A program that ends sooner than this after its start counts as failing at once, in seconds.
AT_ONCE_S: Final = 1.0
#: After this many such ends in a row the guest has failed.
DEATHS_AT_ONCE: Final = 5
#: The pause before a program is started again, in seconds.
RESPAWN_PAUSE_S: Final = 0.1
#: How long the program's last output may take to leave the chip, in seconds.
DRAIN_TIMEOUT_S: Final = 30.0
#: The signals that always count as a crash of the program, and their names; other signals a person may have sent.
_CRASHES: Final = {
    int(number): number.name
    for number in (
        *(signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGKILL, signal.SIGSEGV),
        *(signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS),
    )
}
#: The values of the setting ``local_line``.
LOCAL_LINE: Final = ("always", "auto", "never")
#: How much of the program's output is kept for the report of its end, in bytes.
KEPT_BYTES: Final = 2048


class ProcessGuest:
    """A guest of kind ``process``.

    Args:
        definition: the guest as its folder defines it.

    Raises:
        UsageError: a setting has an invalid value, or a placeholder is unknown.
    """

    kind = "process"

    def __init__(self, definition: GuestDefinition) -> None:
        options = definition.options
        self._definition = definition
        self._command: list[str] = list(options["command"])
        self._respawn = bool(options.get("respawn", False))
        self._controlling_tty = bool(options.get("controlling_tty", True))
        self._poweroff_status: int | None = options.get("poweroff_status")
        self._reboot_status: int | None = options.get("reboot_status")
        self._first_format = format_of(definition)
        self._first_local = _begins_local(definition)
        self._modes = LineModes(self._first_format, flow_control=False, local=self._first_local)
        self._filled_in("/dev/pts/0", Path())
        self._machine: Machine | None = None
        self._tty: InnerTty | None = None
        self._driver: SerialDriver | None = None
        self._child: Child | None = None
        self._reset_wanted = False
        self._awaiting_carrier = False
        self._carrier_lost = trio.Event()
        self._hung_up = False
        self._writing = False
        self._carrying = trio.CancelScope()
        self._last_output = b""

    def _filled_in(self, tty: str, private: Path) -> list[str]:
        definition = self._definition
        values: dict[str, Any] = {
            **definition.settings,
            "tty": tty,
            "tty_name": tty.removeprefix("/dev/"),
            "folder": definition.folder,
            "private": private,
        }
        return [fill_in(word, values, f"guest {definition.name!r}, command") for word in self._command]

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Run the program on COM1 until it ends for good; see :class:`uartsim.machine.machine.Guest`."""
        self._machine = machine
        self._driver = driver = SerialDriver(machine.com1)
        private = Path(tempfile.mkdtemp(prefix="uartsim-", dir=machine.runtime_dir))
        try:
            with InnerTty(self._first_format, self._first_local) as self._tty:
                tty = self._tty
                driver.modem.on_carrier = self._carrier
                self._open(tty, driver)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._carry, tty, driver)
                    nursery.start_soon(self._hang_up_without_carrier, tty, driver)
                    task_status.started()
                    end = await self._keep_running(tty, driver, private)
                    nursery.cancel_scope.cancel()
                return end
        finally:
            self._machine = self._tty = self._driver = None
            driver.close()
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(remove, private)

    async def reset(self) -> None:
        """The reset button: the program is killed, and started again."""
        if self._child is not None:
            self._reset_wanted = True
            await self._child.end()
        elif self._tty is not None and self._driver is not None:
            self._start_over(self._tty, self._driver)  # no program runs now, but the chip needs to be set up again

    async def nmi(self) -> None:
        """The NMI button.

        Raises:
            UsageError: always, because a process has no NMI.
        """
        raise UsageError(f"guest {self._definition.name!r} is a process and has no NMI: nothing happened")

    def status(self) -> dict[str, Any]:
        """For ``uartsim status``: whether the guest honours ``carrier``, as a text."""
        local = self._first_local if self._tty is None else self._tty.modes.local
        waits = "honoured: the program starts when carrier comes"
        return {"carrier": waits if self._awaiting_carrier else "ignored: CLOCAL" if local else "honoured"}

    # -- carrier -------------------------------------------------------------------------------------------

    def _carrier(self, up: bool) -> None:
        """The driver noticed that carrier came or was lost."""
        if not up and self._tty is not None and not self._tty.modes.local:
            self._carrier_lost.set()

    async def _hang_up_without_carrier(self, tty: InnerTty, driver: SerialDriver) -> None:
        while True:
            await self._carrier_lost.wait()
            self._carrier_lost = trio.Event()
            if self._child is None:
                continue  # no program is running
            self._hung_up = True
            self._carrying.cancel()
            driver.close()
            driver.flush_input()
            tty.hang_up()

    async def _wait_carrier(self, tty: InnerTty, driver: SerialDriver) -> None:
        """Wait for carrier, as opening a tty without CLOCAL does."""
        if tty.local:
            return
        self._awaiting_carrier = True
        try:
            await driver.modem.wait_carrier()
        finally:
            self._awaiting_carrier = False

    # -- the program ---------------------------------------------------------------------------------------

    async def _keep_running(self, tty: InnerTty, driver: SerialDriver, private: Path) -> GuestEnd:
        deaths = 0
        while True:
            await self._wait_carrier(tty, driver)
            started = trio.current_time()
            status, complaint = await self._run_once(tty, driver, private)
            if self._reset_wanted:
                self._reset_wanted = self._hung_up = False
                self._start_over(tty, driver)
                deaths = 0
                continue
            if not self._hung_up:
                await self._send_the_rest(tty, driver)
            if status == self._poweroff_status:
                return GuestEnd("poweroff")
            if self._hung_up:
                self._hung_up = False
                if not self._respawn:
                    return GuestEnd("exited", status, "carrier was lost, and the tty hung up")
                await trio.sleep(RESPAWN_PAUSE_S)
                self._open(tty, driver)
                deaths = 0
                continue
            if status == self._reboot_status:
                deaths = 0
                continue
            at_once = trio.current_time() - started < AT_ONCE_S
            deaths = deaths + 1 if at_once else 0
            if not self._respawn:
                crashed = status - 128 in _CRASHES
                if crashed:
                    complaint = f"{self._command[0]} was ended by {_CRASHES[status - 128]}\n{complaint}".strip()
                return GuestEnd("failed" if crashed or (at_once and status != 0) else "exited", status, complaint)
            if deaths >= DEATHS_AT_ONCE:
                times = f"{self._command[0]} ended {deaths} times in a row within {AT_ONCE_S:g} s of its start, "
                return GuestEnd("failed", status, f"{times}the last time with status {status}\n{complaint}".strip())
            await trio.sleep(RESPAWN_PAUSE_S)

    async def _run_once(self, tty: InnerTty, driver: SerialDriver, private: Path) -> tuple[int, str]:
        """Start the program and wait for its end; returns its exit status and its last output."""
        command = self._filled_in(tty.path, private)
        environment = {**os.environ, "TERM": "vt102"}  # our own TERM describes another terminal
        self._last_output = b""
        tty.set_fresh_modes()
        tty_fd = tty.slave if self._controlling_tty else None
        try:
            async with await Child.start(command, tty_fd=tty_fd, env=environment, folder=private) as self._child:
                if not driver.modem.carrier:  # carrier was lost while the program was being started
                    self._carrier(up=False)
                status = await self._child.wait()
                complaint = self._child.last_output()
        finally:
            self._child = None
            tty.set_idle_modes()
        said = self._last_output.decode(errors="replace").replace("\r\n", "\n").strip()
        return status, "\n".join(filter(None, (complaint, said)))

    # -- the bytes -----------------------------------------------------------------------------------------

    async def _carry(self, tty: InnerTty, driver: SerialDriver) -> None:
        """Carry bytes both ways; after a cancellation (reset, hang-up), begin again without the bytes in transit."""
        while True:
            self._writing = False
            with trio.CancelScope() as self._carrying:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._carry_out, tty, driver)
                    nursery.start_soon(self._carry_in, tty, driver)

    async def _carry_out(self, tty: InnerTty, driver: SerialDriver) -> None:
        """Carry the program's output to COM1."""
        while True:
            data = await tty.read(UNLIMITED_CHUNK_BYTES if driver.com1.uart.unlimited else CHUNK_BYTES)
            self._writing = True
            self._last_output = (self._last_output + data)[-KEPT_BYTES:]
            await self._follow_modes(tty, driver)
            await driver.write(data)
            self._writing = False

    async def _carry_in(self, tty: InnerTty, driver: SerialDriver) -> None:
        """Carry what COM1 receives to the program."""
        while True:
            received = await driver.receive()
            await self._follow_modes(tty, driver)
            await tty.write(received)

    def _start_over(self, tty: InnerTty, driver: SerialDriver) -> None:
        """After a reset: discard the bytes in transit, and open the port again."""
        self._carrying.cancel()
        tty.discard()
        driver.discard_output()
        driver.flush_input()
        self._open(tty, driver)

    def _open(self, tty: InnerTty, driver: SerialDriver) -> None:
        self._modes = tty.modes
        driver.open(self._modes.line_format)
        if self._modes.flow_control:
            driver.set_flow_control(True)

    async def _follow_modes(self, tty: InnerTty, driver: SerialDriver) -> None:
        wanted, before = tty.modes, self._modes
        if wanted == before:
            return
        self._modes = wanted
        if wanted.flow_control != before.flow_control:
            driver.set_flow_control(wanted.flow_control)
        if wanted.line_format == before.line_format:
            return
        if not driver.modem.held:  # waiting for output that CTS holds back would delay the input as well
            await driver.drain()
        try:
            driver.set_format(wanted.line_format)
        except UsageError as error:
            if self._machine is not None:
                self._machine.log(f"{self._command[0]} set a speed that COM1 cannot run at: {error}")

    async def _send_the_rest(self, tty: InnerTty, driver: SerialDriver) -> None:
        """Wait until the program's last output, which the kernel may deliver with a delay, has left the chip."""
        with trio.move_on_after(DRAIN_TIMEOUT_S):
            quiet = 0
            while quiet < 2:
                await trio.sleep(0.002)
                quiet = 0 if self._writing or tty.has_output() else quiet + 1
            await driver.drain()


def _begins_local(definition: GuestDefinition) -> bool:
    """Whether CLOCAL is set initially, by the guest's setting ``local_line``."""
    wanted = definition.settings.get("local_line", "always")
    if wanted not in LOCAL_LINE:
        raise UsageError(
            f"guest {definition.name!r}, setting 'local_line': {wanted!r} is not one of {', '.join(LOCAL_LINE)}"
        )
    return bool(wanted != "never")
