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
from uartsim.service.gateway.guest_text import GuestText
from uartsim.service.gateway.server_socket import ServerSocket
from uartsim.service.gateway.shown_history import history_start, past_filter
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
        socket: where the guest's output goes.
        watch: it only reads.
        replay_bytes: how much of the past it is shown; None for all that is kept.
    """

    def __init__(
        self, machine: VirtualMachine, who: str, socket: ServerSocket, *, watch: bool, replay_bytes: int | None
    ) -> None:
        self._machine = machine
        self._who = who
        self._socket = socket
        self._watch = watch
        self._replay_bytes = replay_bytes
        self._hub: Hub | None = None  # the one of the boot that is shown
        self._client: HubClient | None = None
        self._has_left = False
        self._past_bytes = 0
        self._waiting_for_room: trio.CancelScope | None = None

    def sit_down(self) -> None:
        """Take the place at the present boot, if the machine is on."""
        hub = self._machine.hub
        if self._has_left or hub is None or hub.closed or hub is self._hub:
            return
        is_first = self._hub is None
        self._hub = hub
        start = history_start(hub, self._replay_bytes) if is_first else hub.start
        self._past_bytes = hub.end - start if is_first else 0
        self._client = hub.attach(self._who, watch=self._watch, force=not self._watch, start=start)
        if not self._watch:
            hub.com1.set_far_outputs(hub.com1.cable.far_outputs | ModemOutput.DTR)

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
        if client is None or self._watch:
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

    @property
    def is_held_up(self) -> bool:
        """What was typed waits for the guest, and nothing more is read from the client."""
        return self._waiting_for_room is not None

    async def _show(self, client: HubClient) -> None:
        socket, past, text, missed = self._socket, past_filter(self._past_bytes), GuestText(), 0
        is_flood = False
        while True:
            if is_flood:
                await _let_more_come(client)
            data = await _next(client, text)
            is_flood = len(data) >= _FLOOD
            if client.missed != missed:
                lost, missed = client.missed - missed, client.missed
                rest = text.feed(past.end()) + text.flush()
                await socket.send_text(rest + b"\r\n[%d bytes are missing here: they were not read in time]\r\n" % lost)
            payload = text.feed(past.feed(data)) if data else text.flush()
            if payload:
                await socket.send_text(payload)
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


async def _next(client: HubClient, text: GuestText) -> bytes:
    """What the guest sends next; empty when the line has closed, or is silent in the middle of a character."""
    if not text.holds:
        return await client.receive()
    com1 = client.hub.com1
    frames_s = 0.0 if com1.uart.unlimited else com1.uart.line_format.frame_ticks / TICKS_PER_SECOND
    with trio.move_on_after(max(_SILENCE_S, _SILENCE_CHARACTERS * frames_s)):
        return await client.receive()
    return b""
