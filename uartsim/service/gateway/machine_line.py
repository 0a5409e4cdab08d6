"""One client's place at the line of a machine, through all its boots.

Each boot of a machine has a hub of its own.  When one closes, what is left of it is shown; then the client waits until the
machine is on again, and goes on with the new boot from its first byte.  What is typed in between goes nowhere, as at a
terminal whose machine is off.

What waits at the hub goes out in one frame, up to 64 KB: a frame costs far more than its bytes.  In a flood, other tasks get
their turn before the next frame, and for as long as each turn brings more; a key's echo, or the first of a flood, leaves
at once.  A client that reads slowly falls behind in the hub's scrollback, stalls neither the
guest nor the other clients, and is told how many bytes it has missed.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.access.hub import SEND_QUEUE, Hub, HubClient, NotTheWriterError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.registers import ModemOutput
from uartsim.service.gateway.boot_ids import BootIds
from uartsim.service.gateway.client_output import ClientOutput
from uartsim.service.gateway.gateway_options import SocketOptions
from uartsim.service.gateway.shown_history import History, new_history, resumed_history
from uartsim.service.machines.virtual_machine import PowerState, VirtualMachine

#: How long the rest of a character may take, in seconds, and in characters of a slow line.
_SILENCE_S: Final = 0.1
_SILENCE_CHARACTERS: Final = 4
#: More than this at once is a flood, in bytes: no key's echo is so long.
_FLOOD: Final = 2048
#: The most turns of other tasks before the next frame of a flood.
_TURNS: Final = 16
_OFF: Final = frozenset({PowerState.STOPPED, PowerState.DEALLOCATED})


class MachineLine:
    """One client's place at a machine's line.

    Args:
        machine: the machine.
        who: the client's name at the hub.
        output: what gets the guest's output.
        options: what the client has asked for.
        boots: the names of boots.
    """

    def __init__(
        self, machine: VirtualMachine, who: str, output: ClientOutput, options: SocketOptions, boots: BootIds
    ) -> None:
        self._machine = machine
        self._who = who
        self._output = output
        self._options = options
        self._boots = boots
        resume = options.resume
        #: The boot that the client has seen, if that is over: its rest is shown first.
        self._ended = boots.ended(machine, resume.boot) if resume is not None else None
        self._hub: Hub | None = None  # the one of the boot that is shown
        self._client: HubClient | None = None
        self._has_left = False
        self._is_first = True  # no boot has been shown before
        self._history = History(0, 0)
        self._waiting_for_room: trio.CancelScope | None = None

    def sit_down(self) -> None:
        """Take the place at the present boot, if the machine is on."""
        hub = self._machine.hub
        if self._has_left or hub is None or hub.closed or hub is self._hub:
            return
        history = self._history = self._shown_of(hub)
        self._is_first = self._hub is None and self._ended is None
        self._hub = hub
        self._boots.keep(self._machine, hub)
        watch = self._options.watch
        self._client = hub.attach(self._who, watch=watch, force=not watch, start=history.start)
        if not watch:
            hub.com1.set_far_outputs(hub.com1.cable.far_outputs | ModemOutput.DTR)

    def _shown_of(self, hub: Hub) -> History:
        options = self._options
        if self._hub is not None:
            return History(hub.start, 0, lost=hub.start)
        if options.resume is not None:
            return resumed_history(hub, self._boots.id_of(hub), options.resume, options.replay_bytes)
        return new_history(hub, options.replay_bytes)

    def leave(self) -> Hub | None:
        """Leave the line at once: nothing goes either way any more; returns the hub that it has left."""
        self._has_left = True
        if self._waiting_for_room is not None:
            self._waiting_for_room.cancel()
        if self._client is None:
            return None
        self._client.detach()
        self._client = None
        return self._hub

    async def run(self) -> PowerState:
        """Show the guest's output until the machine is off; returns whether it is stopped or deallocated.

        Raises:
            trio.BrokenResourceError: the client has gone.
        """
        machine = self._machine
        if self._ended is not None:
            await self._show_rest(self._ended)
        while True:
            self.sit_down()
            if self._client is not None:
                await self._show(self._client)
                if self._client is not None:
                    self._client.detach()
                    self._client = None
            elif machine.power_state in _OFF:
                return machine.power_state
            else:
                await machine.changed.park()

    async def send(self, data: bytes) -> None:
        """Type something at the guest; returns when the line has room for more."""
        client = self._client
        if client is None or self._options.watch:
            return
        try:
            if client.hub.com1.far_pending + len(data) <= SEND_QUEUE:
                await client.send(data)  # there is room: no need for a way out
            else:
                with trio.CancelScope() as self._waiting_for_room:
                    await client.send(data)
        except NotTheWriterError:
            pass  # the console has been taken over in this moment
        finally:
            self._waiting_for_room = None

    def advance_to_now(self) -> int:
        """Bring the chip to the present moment; returns how much of what was sent is not yet on the line, in bytes.

        With a boot that is over, nothing is left of it.
        """
        if self._client is None or self._client.hub.closed:
            return 0
        com1 = self._client.hub.com1
        com1.advance(com1.clock.now())
        return com1.far_pending

    @property
    def frame_ticks(self) -> int:
        """How long a character takes on the line, in ticks; 0 where it takes no time."""
        if self._client is None or self._client.hub.com1.uart.unlimited:
            return 0
        return self._client.hub.com1.uart.line_format.frame_ticks

    @property
    def is_held_up(self) -> bool:
        """What was typed waits for the guest, and nothing more is read from the client."""
        return self._waiting_for_room is not None

    async def _show_rest(self, hub: Hub) -> None:
        """Show what a boot that is over had still to say."""
        output, boot, options = self._output, self._boots.id_of(hub), self._options
        assert options.resume is not None
        history = resumed_history(hub, boot, options.resume, options.replay_bytes)
        await output.begin(hub, history, boot, is_first=True)
        position, data = hub.read(history.start)
        while data:
            await output.show(data)
            position, data = hub.read(position + len(data))

    async def _show(self, client: HubClient) -> None:
        output, missed, is_flood = self._output, 0, False
        await output.begin(client.hub, self._history, self._boots.id_of(client.hub), is_first=self._is_first)
        while True:
            if is_flood:
                await _let_more_come(client)
            data = await _next(client, output)
            is_flood = len(data) >= _FLOOD
            if client.missed != missed:
                lost, missed = client.missed - missed, client.missed
                await output.missing(lost)
            await output.show(data)
            if not data and client.hub.closed and not client.waiting:
                return


async def _let_more_come(client: HubClient) -> None:
    """Let other tasks run, for as long as they bring more output and not a whole frame of it is there."""
    before = -1
    for _ in range(_TURNS):
        if not before < client.waiting < client.chunk:
            return
        before = client.waiting
        await trio.lowlevel.checkpoint()


async def _next(client: HubClient, output: ClientOutput) -> bytes:
    """What the guest sends next; empty when the line has closed, or is silent in the middle of a character."""
    if not output.holds:
        return await client.receive()
    com1 = client.hub.com1
    frames_s = 0.0 if com1.uart.unlimited else com1.uart.line_format.frame_ticks / TICKS_PER_SECOND
    with trio.move_on_after(max(_SILENCE_S, _SILENCE_CHARACTERS * frames_s)):
        return await client.receive()
    return b""
