"""A program on an inner tty is the guest: agetty, a shell, anything that talks to a terminal.

The program believes in its tty; each byte that it writes is written by :class:`SerialDriver` to COM1's registers, and
what COM1 receives it reads.  Table ``[process]`` of ``guest.toml``:

====================  ===========================================================================================
``command``           program and arguments, with placeholders: ``{tty}`` (``/dev/pts/7``), ``{tty_name}``
                      (``pts/7``), ``{folder}`` (the guest's), ``{private}`` (a directory of mode 0700 that lives
                      while the guest is switched on), and every setting
``controlling_tty``   true, the default: the tty is the program's terminal and standard streams.  false: the program
                      opens it by itself, as agetty does
``respawn``           true: when the program ends it is started again, as init does.  false, the default: the guest
                      ends with it
``poweroff_status``   an exit status with which the program says that the machine is to be switched off
``reboot_status``     the same for a restart
====================  ===========================================================================================

Setting ``baud`` (115200) is the speed at which the tty begins.  The program may set another; it is read whenever bytes
move, and programmed into the chip once what was sent before has left it.  CRTSCTS, which it may set too, switches the
RTS/CTS flow control of the driver.

Setting ``local_line`` says, in agetty's words, whether the tty begins with CLOCAL: ``always`` (the default, as Linux's
serial ports) and ``auto``, or ``never``.  While CLOCAL is set carrier is not looked at.  Without it the program is
started only when there is carrier, for the opening of such a tty waits for it, and when carrier is lost the tty is
hung up: its session gets SIGHUP, and DTR goes down until the tty is opened again.
"""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.child import Child
from uartsim.guest.inner_tty import CHUNK_BYTES, UNLIMITED_CHUNK_BYTES, InnerTty, LineModes
from uartsim.guest.placeholders import fill_in, format_of
from uartsim.guest.reaper import remove
from uartsim.line_format import UsageError
from uartsim.machine import GuestEnd, Machine, SerialDriver

#: A program that lives shorter than this has died at once, in seconds.
AT_ONCE_S: Final = 1.0
#: After so many such deaths in a row the guest has failed.
DEATHS_AT_ONCE: Final = 5
#: The pause before a program is started again, in seconds.
RESPAWN_PAUSE_S: Final = 0.1
#: How long what the program wrote last may take to leave the chip, in seconds.
DRAIN_TIMEOUT_S: Final = 30.0
#: Signals that end a program against its will, whenever that is, and their names; others a person may have sent.
_CRASHES: Final = {
    int(number): number.name
    for number in (
        *(signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGKILL, signal.SIGSEGV),
        *(signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS),
    )
}
#: What the setting ``local_line`` may be.
LOCAL_LINE: Final = ("always", "auto", "never")
#: How many of the last bytes on the tty are kept for the report.
KEPT_BYTES: Final = 2048


class ProcessGuest:
    """A guest of kind ``process``.

    Args:
        definition: the guest as its folder defines it.

    Raises:
        UsageError: a setting or placeholder that cannot be.
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
            self._start_over(self._tty, self._driver)  # between two programs: the chip has to be set up again

    async def nmi(self) -> None:
        """The NMI button.

        Raises:
            UsageError: a process does not have one.
        """
        raise UsageError(f"guest {self._definition.name!r} is a process and has no NMI: nothing happened")

    def status(self) -> dict[str, Any]:
        """Facts for ``uartsim status``: ``carrier``, what it means to the guest."""
        local = self._first_local if self._tty is None else self._tty.modes.local
        waits = "honoured: the program starts when carrier comes"
        return {"carrier": waits if self._awaiting_carrier else "ignored: CLOCAL" if local else "honoured"}

    # -- carrier -------------------------------------------------------------------------------------------

    def _carrier(self, up: bool) -> None:
        """The driver saw carrier come or go."""
        if not up and self._tty is not None and not self._tty.modes.local:
            self._carrier_lost.set()

    async def _hang_up_without_carrier(self, tty: InnerTty, driver: SerialDriver) -> None:
        while True:
            await self._carrier_lost.wait()
            self._carrier_lost = trio.Event()
            if self._child is None:
                continue  # there is nobody to hang up
            self._hung_up = True
            self._carrying.cancel()
            driver.close()
            driver.flush_input()
            tty.hang_up()

    async def _wait_carrier(self, tty: InnerTty, driver: SerialDriver) -> None:
        """What opening a tty without CLOCAL does."""
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
        """Start the program and wait for its end; returns its exit status and its last words."""
        command = self._filled_in(tty.path, private)
        environment = {**os.environ, "TERM": "vt102"}  # the terminal at the far end is not ours
        self._last_output = b""
        tty.make_sane()
        tty_fd = tty.slave if self._controlling_tty else None
        try:
            async with await Child.start(command, tty_fd=tty_fd, env=environment, folder=private) as self._child:
                if not driver.modem.carrier:  # lost while the program was started
                    self._carrier(up=False)
                status = await self._child.wait()
                complaint = self._child.last_output()
        finally:
            self._child = None
            tty.rest()
        said = self._last_output.decode(errors="replace").replace("\r\n", "\n").strip()
        return status, "\n".join(filter(None, (complaint, said)))

    # -- the bytes -----------------------------------------------------------------------------------------

    async def _carry(self, tty: InnerTty, driver: SerialDriver) -> None:
        """Carry bytes both ways; when cut off by a reset, begin again without what was in our hands."""
        while True:
            self._writing = False
            with trio.CancelScope() as self._carrying:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._carry_out, tty, driver)
                    nursery.start_soon(self._carry_in, tty, driver)

    async def _carry_out(self, tty: InnerTty, driver: SerialDriver) -> None:
        """What the program writes goes to COM1."""
        while True:
            data = await tty.read(UNLIMITED_CHUNK_BYTES if driver.com1.uart.unlimited else CHUNK_BYTES)
            self._writing = True
            self._last_output = (self._last_output + data)[-KEPT_BYTES:]
            await self._follow_modes(tty, driver)
            await driver.write(data)
            self._writing = False

    async def _carry_in(self, tty: InnerTty, driver: SerialDriver) -> None:
        """What COM1 receives goes to the program."""
        while True:
            received = await driver.receive()
            await self._follow_modes(tty, driver)
            await tty.write(received)

    def _start_over(self, tty: InnerTty, driver: SerialDriver) -> None:
        """The machine was reset: what is on its way is forgotten, and the port opened anew."""
        self._carrying.cancel()
        tty.forget()
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
        if not driver.modem.held:  # what CTS holds back would hold back the input as well
            await driver.drain()
        try:
            driver.set_format(wanted.line_format)
        except UsageError as error:
            if self._machine is not None:
                self._machine.log(f"{self._command[0]} set a speed that COM1 does not have: {error}")

    async def _send_the_rest(self, tty: InnerTty, driver: SerialDriver) -> None:
        """What the program wrote before it ended leaves the chip; the kernel may take a moment to hand it over."""
        with trio.move_on_after(DRAIN_TIMEOUT_S):
            quiet = 0
            while quiet < 2:
                await trio.sleep(0.002)
                quiet = 0 if self._writing or tty.has_output() else quiet + 1
            await driver.drain()


def _begins_local(definition: GuestDefinition) -> bool:
    """Whether the tty begins with CLOCAL, by the guest's setting ``local_line``."""
    wanted = definition.settings.get("local_line", "always")
    if wanted not in LOCAL_LINE:
        raise UsageError(
            f"guest {definition.name!r}, setting 'local_line': {wanted!r} is none of {', '.join(LOCAL_LINE)}"
        )
    return bool(wanted != "never")
