"""The requests that a running machine answers; :mod:`uartsim.access.control` carries them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from uartsim.access.control import Handler
from uartsim.access.hub_client import BREAK_SECONDS, check_break
from uartsim.errors import UartsimError, UsageError
from uartsim.machine import Machine, SavingGuest
from uartsim.machine.last_output import noted
from uartsim.machine.pausable_guest import pausable
from uartsim.machine.port_options import read_fault
from uartsim.registers import ModemOutput
from uartsim.wire.faults import FAULT_KINDS

if TYPE_CHECKING:
    from uartsim.access.machine_server import MachineServer

#: How long a break or a SysRq may wait for a guest that does not read, in seconds; then the request fails.
PATIENCE_S: Final = 15.0


class ControlRequests:
    """The requests to one machine.

    Args:
        server: what serves its endpoints.
        machine: the machine.

    Attributes:
        handlers: the coroutine function that answers each word; an error that it raises is an answer too.
    """

    def __init__(self, server: MachineServer, machine: Machine) -> None:
        self._server = server
        self._machine = machine
        self._hub = server.hub
        self.handlers: dict[str, Handler] = {
            "status": self._status,
            "break": self._break,
            "sysrq": self._sysrq,
            "nmi": self._nmi,
            "reset": self._reset,
            "pause": self._pause,
            "resume": self._resume,
            "stop": self._stop,
            "history": self._history,
            "pty": self._pty,
            "modem": self._modem,
            "fault": self._fault,
            "save": self._save,
            "clear_faults": self._clear_faults,
        }

    async def _status(self, request: Mapping[str, Any]) -> Any:
        return self._server.status()

    async def _break(self, request: Mapping[str, Any]) -> Any:
        duration_s = check_break(request.get("seconds", BREAK_SECONDS))
        with self._patience(duration_s):
            await self._hub.send_break(duration_s)

    @contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        """Wait ``seconds`` and a while for the line to carry something; then say why it does not."""
        with trio.move_on_after(seconds + PATIENCE_S) as scope:
            yield
        if scope.cancelled_caught:
            raise UartsimError(
                f"the guest does not read: {self._hub.com1.far_pending} characters and breaks wait on the line; "
                "they go out as soon as it does"
            )

    async def _sysrq(self, request: Mapping[str, Any]) -> Any:
        """A break and the key; answers with what the guest said after it."""
        start = self._hub.end
        keys = str(request.get("keys", ""))
        with self._patience(0.25 * len(keys)):
            await self._hub.sysrq(keys)
        said = b""
        with trio.move_on_after(float(request.get("wait_s", 1.0))):
            # The kernel answers within milliseconds; what follows within a quarter of a second belongs to it.
            quiet_s = 1.0
            while True:
                before = self._hub.end
                with trio.move_on_after(quiet_s):
                    await self._hub.wait_news()
                quiet_s = 0.25
                if self._hub.end == before:
                    break
        said = self._hub.read(start)[1]
        return said.decode(errors="replace")

    async def _nmi(self, request: Mapping[str, Any]) -> Any:
        await self._machine.nmi()

    async def _reset(self, request: Mapping[str, Any]) -> Any:
        await self._machine.reset()

    async def _pause(self, request: Mapping[str, Any]) -> Any:
        await pausable(self._machine).let_run(False)

    async def _resume(self, request: Mapping[str, Any]) -> Any:
        await pausable(self._machine).let_run(True)

    async def _stop(self, request: Mapping[str, Any]) -> Any:
        self._machine.power_off()

    async def _pty(self, request: Mapping[str, Any]) -> Any:
        """One more pty, or one less."""
        if (number := request.get("remove")) is not None:
            return await self._server.more.remove(int(number))
        link = request.get("link")
        if link is not None and (not isinstance(link, str) or not os.path.isabs(link) or "\n" in link):
            raise ValueError(f"a link at {link!r}: give an absolute path")
        return self._server.more.add(watch=bool(request.get("watch")), link=link)

    async def _save(self, request: Mapping[str, Any]) -> Any:
        """A snapshot of the guest and its port."""
        guest = self._machine.guest
        if not isinstance(guest, SavingGuest):
            raise UsageError(f"a guest of kind {guest.kind} cannot be saved: only one of kind qemu has snapshots")
        folder = str(request.get("folder", ""))
        if not os.path.isabs(folder):
            raise ValueError(f"a snapshot in {folder!r}: give an absolute path")
        await guest.save(Path(folder), lambda: noted(self._hub.history()))

    async def _modem(self, request: Mapping[str, Any]) -> Any:
        """This end's DTR and RTS; answers with all modem lines, as the guest sees them."""
        com1 = self._hub.com1
        outputs = com1.cable.far_outputs
        for word, line in (("dtr", ModemOutput.DTR), ("rts", ModemOutput.RTS)):
            if (wanted := request.get(word)) is not None:
                outputs = outputs | line if wanted else outputs & ~line
        if outputs != com1.cable.far_outputs:
            self._hub.mark(f"the far end drives {outputs!r}")
            com1.set_far_outputs(outputs)
        return com1.status()["modem"]

    async def _fault(self, request: Mapping[str, Any]) -> Any:
        """One more fault, if one is asked for; answers with those at work and what they have done."""
        com1 = self._hub.com1
        if request.get("reset"):
            com1.reset_fault_counters()
        if (text := request.get("fault")) is not None:
            com1.add_fault(read_fault(str(text)))
        return {"faults": [str(fault) for fault in com1.faults()], "counters": com1.fault_counters()}

    async def _clear_faults(self, request: Mapping[str, Any]) -> Any:
        kind = request.get("kind")
        if kind is not None and kind not in FAULT_KINDS:
            raise ValueError(f"{kind!r} is not a fault: use one of {', '.join(FAULT_KINDS)}")
        return self._hub.com1.clear_faults(kind)

    async def _history(self, request: Mapping[str, Any]) -> Any:
        size = request.get("bytes")
        if size is not None and int(size) < 0:
            raise ValueError(f"the last {size} bytes: give 0 or more")
        kept = self._hub.history(None if size is None else int(size))
        return kept.decode("latin-1") if request.get("raw") else kept.decode(errors="replace")
