"""The conversation on the WebSocket of a console.

    client                                  gateway
      │  GET /n/connector/C/sessions/UUID/client, upgrade
      │ ─────────────────────────────────────▶ │   the session is there, and has no other WebSocket
      │                                  101   │
      │ ◀───────────────────────────────────── │
      │                  text "Connecting..."  │   no guest output in it: clients throw this frame away
      │ ◀───────────────────────────────────── │
      │  text TOKEN                            │   may come before the frame above
      │ ─────────────────────────────────────▶ │   1011 "Connection not trusted", or:
      │                                        │   the user sits down at the console; who sat there is disconnected
      │              text: what the guest sent │   first the past that is kept, then as it comes
      │ ◀───────────────────────────────────── │
      │  text, or binary: what is typed        │   a frame for each key, or for each paste
      │ ─────────────────────────────────────▶ │
      │                       close, with why  │
      │ ◀───────────────────────────────────── │

The gateway speaks first.  A client up to 0.1.6 has its token in the URL and sends none; one of 0.1.7 or 0.1.8 has it in the
URL and sends it once or twice as well; later ones send it after the first frame, and others straight after the handshake.
So: a token in the URL counts at once, otherwise the first message is the token; and a message that is exactly the token is
never typed.  A WebSocket that has not shown its token yet, such as that of ``az serial-console send``, has not sat down: it
takes the console from nobody.

With ``frames=binary`` the guest's bytes come in binary frames, and every text frame after the first is a control message
(:mod:`uartsim.service.gateway.client_output`).

What ends the conversation is said twice: as a line of text, since the client of Azure's command line shows no close frame,
and in the close frame, for programs.  From the moment on in which it ends, no byte goes either way between client and guest.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

import trio

from uartsim.access.hub import Hub
from uartsim.error_groups import holds_no_exception
from uartsim.printable import printable_line
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.carrier import HUNG_UP, IGNORED, drop_carrier
from uartsim.service.gateway.client_output import BinaryOutput, TextOutput
from uartsim.service.gateway.close_codes import NOT_TRUSTED_TEXT, CloseCode
from uartsim.service.gateway.console_services import ConsoleServices
from uartsim.service.gateway.frame_parser import Close, Event, FrameParser, Piece, Ping, Violation
from uartsim.service.gateway.gateway_options import SocketOptions
from uartsim.service.gateway.machine_line import MachineLine
from uartsim.service.gateway.server_socket import ServerSocket
from uartsim.service.gateway.session_limits import wait_expired, wait_idle
from uartsim.service.gateway.typed_messages import PASTE_TEXT, TooBigError, TypedMessages
from uartsim.service.gateway.typed_progress import TypedProgress
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.rules.service_faults import SOCKET_CLOSED, FaultKind
from uartsim.service.store import ResourceId

#: The first frame.
CONNECTING: Final = b"Connecting..."
_log = logging.getLogger("uartsim.service")
#: What is said after an error of the gateway's own.
FAILED: Final = "The service has failed."
#: What is said when the service stops.
STOPPING: Final = "The service is stopping."
#: How long a client may take to receive the last words and to close, in seconds.
GOODBYE_S: Final = 1.0


class Conversation:
    """The conversation on one WebSocket.

    Args:
        services: what it asks.
        session_id: the session.
        machine_id: the machine.
        opened_by: who called ``connect``; the token has to be his.
        stream: what the WebSocket runs on; its handshake is done.
        options: what the client asked for in the URL.

    Attributes:
        closed: set when the WebSocket is closed.
        seated_at: since when the user sits at the console or watches, in seconds since 1970; 0 before.
    """

    def __init__(
        self,
        services: ConsoleServices,
        session_id: str,
        machine_id: ResourceId,
        opened_by: Caller,
        stream: trio.abc.Stream,
        options: SocketOptions,
    ) -> None:
        self.closed = trio.Event()
        self.seated_at = 0.0
        self._services = services
        self._session_id = session_id
        self._machine_id = machine_id
        self._opened_by = opened_by
        self._options = options
        self._socket = ServerSocket(stream)
        self._binary = BinaryOutput(self._socket) if options.binary else None
        self._output = self._binary or TextOutput(self._socket)
        self._parser = FrameParser()
        self._typed = TypedMessages(options.token, options.paste_flow, self._take_token, self._type, self._refuse_paste)
        self._token = options.token
        self._token_came = trio.Event()
        #: Set when what is typed has somewhere to go, or the conversation has ended.
        self._seated = trio.Event()
        self._caller: Caller | None = None
        self._os_type = ""  # of the machine when the caller sat down
        self._line: MachineLine | None = None
        self._progress: TypedProgress | None = None
        self._left: Hub | None = None
        self._end: tuple[int, str] | None = None
        self._ended = trio.Event()
        self._told_watching = False
        self._heard_at = self._typed_at = trio.current_time()

    # -- what others do to it --------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """Who sits at the console, or has opened the session, for a person to read."""
        return printable_line(self._opened_by.name)

    @property
    def is_over(self) -> bool:
        """It has ended, though the WebSocket may still be closing."""
        return self._end is not None

    @property
    def is_watching(self) -> bool:
        """The client asked for a console that only shows."""
        return self._options.watch

    def end(self, code: int, reason: str) -> None:
        """End it, for the first reason that is given: from now on nothing goes either way.

        Args:
            code: the close code.
            reason: the text for a person.
        """
        if self._end is not None:
            return
        self._end = code, reason
        if self._line is not None:
            self._left = self._line.leave()
        self._socket.limit_sending(GOODBYE_S)
        self._services.seats.changed.unpark_all()
        self._seated.set()
        self._ended.set()

    def review(self) -> None:
        """Conditions may have changed: end it if one of them is no longer met."""
        if self._caller is None or self.is_over:
            return
        try:
            self._services.rules.check_session(self._caller, self._machine_id)
        except ArmError as error:
            self.end(CloseCode.CONDITION, error.message)

    # -- what the client does ----------------------------------------------------------------------------------

    async def received(self, data: bytes) -> None:
        """The client has sent some bytes; returns when more may come."""
        self._heard_at = trio.current_time()
        for event in self._parser.feed(data):
            try:
                await self._take(event)
            except TooBigError as error:
                self.end(error.code, str(error))
            except trio.BrokenResourceError:
                self.vanished()
            except Exception:  # it would end the whole server, and not this conversation only
                _log.exception("A console's conversation has failed")
                self.end(CloseCode.NOT_TRUSTED, FAILED)

    def vanished(self) -> None:
        """The client has gone, without a close frame."""
        self._socket.is_broken = True
        self._socket.peer_closed.set()
        self.end(1006, "the client has gone")

    async def _take(self, event: Event) -> None:
        if isinstance(event, Close):
            self._socket.peer_closed.set()
            self.end(event.code, "the client closed")
        elif self.is_over:
            return
        elif isinstance(event, Piece):
            await self._typed.take(event)
        elif isinstance(event, Ping):
            await self._socket.pong(event.data)
        elif isinstance(event, Violation):
            self.end(event.code, event.reason)

    async def _take_token(self, token: str) -> None:
        self._token = token
        self._token_came.set()

    async def _type(self, data: bytes) -> None:
        self._typed_at = trio.current_time()
        if not self._seated.is_set():
            await self._seated.wait()
        if self._line is not None and not self.is_over:
            if self._options.watch and not self._told_watching:
                self._told_watching = True
                await self._output.note("You are watching: what you type is not sent.")
            if self._progress is None:
                await self._line.send(data)
            else:
                await self._progress.send(data)

    async def _refuse_paste(self) -> None:
        await self._seated.wait()
        if not self.is_over:
            await self._output.note(PASTE_TEXT)

    # -- the conversation --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold it; returns when the WebSocket is closed."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._speak)
                if self._services.options.ping_every_s:
                    nursery.start_soon(self._look_whether_it_lives, nursery)
                await self._ended.wait()
                nursery.cancel_scope.cancel()
        except BaseException as error:
            if holds_no_exception(error):
                self.end(CloseCode.GOING_AWAY, STOPPING)  # cancelled
            else:
                self.end(CloseCode.NOT_TRUSTED, FAILED)
            raise
        finally:
            await self._close()
        if self._services.options.logout_on_disconnect and self._left is not None and not self._options.watch:
            await self._drop_carrier(self._left)

    async def _speak(self) -> None:
        services = self._services
        try:
            late = services.faults.take(FaultKind.GATEWAY_DELAY)
            if late is not None:
                await trio.sleep(late.delay_s)
            if services.faults.take(FaultKind.DROP_SOCKET):
                self.end(CloseCode.NOT_TRUSTED, SOCKET_CLOSED)
                return
            await self._socket.send_text(CONNECTING)
            caller = await self._wait_trusted()
            if caller is None:
                self.end(CloseCode.NOT_TRUSTED, NOT_TRUSTED_TEXT)
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._wait_expired, caller)
                if services.options.idle_limit_s:
                    nursery.start_soon(self._wait_idle, services.options.idle_limit_s)
                await self._sit(caller)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            self.vanished()

    async def _wait_trusted(self) -> Caller | None:
        """The caller that the token names, if it is good and his session."""
        if self._token is None:
            with trio.move_on_after(self._services.options.token_within_s):
                await self._token_came.wait()
        if self._token is None:
            return None
        try:
            caller = self._services.tokens.read(self._token)
        except ArmError:
            return None
        return caller if caller.object_id == self._opened_by.object_id else None

    async def _sit(self, caller: Caller) -> None:
        """Sit at the console until the machine is off."""
        services, options = self._services, self._options
        machine = services.machines.get(self._machine_id)
        try:
            services.rules.check_session(caller, self._machine_id)
        except ArmError as error:
            self.end(CloseCode.CONDITION, error.message)
            return
        if machine is None:
            self.end(CloseCode.MACHINE_OFF, "The machine does not exist.")
            return
        if not self._take_seat(caller):
            return
        self._caller = caller
        if options.replay_bytes is None:
            options = replace(options, replay_bytes=services.options.replay_bytes)
        who = f"{self.user} ({self._session_id[:8]})"
        self._line = MachineLine(machine, who, self._output, options, services.boots)
        self._line.sit_down()
        if self._binary is not None and not options.watch:
            self._progress = TypedProgress(self._line, self._binary.typed)
        services.audit.connected(self._machine_id, self.user, self._session_id)
        self._os_type = services.rules.os_type(self._machine_id)
        services.rules.consoles.opened(caller, self._os_type)
        self._seated.set()
        if not options.watch and (note := services.seats.take_note(self._machine_id, machine.hub)) is not None:
            await self._output.note(note)
        async with trio.open_nursery() as nursery:
            if self._binary is not None:
                nursery.start_soon(services.seats.follow, self._machine_id, self, self._binary.holder)
            if self._progress is not None:
                nursery.start_soon(self._progress.run)
            state = await self._line.run()
            nursery.cancel_scope.cancel()
        how = "deallocated" if state is PowerState.DEALLOCATED else "stopped"
        self.end(CloseCode.MACHINE_OFF, f"The machine has been {how}.")

    def _take_seat(self, caller: Caller) -> bool:
        """Take the console, from whoever has it, or watch; returns False if it is in use and may not be taken."""
        seats = self._services.seats
        self.seated_at = self._services.clock()
        if self._options.watch:
            seats.watch(self._machine_id, self)
            return True
        holder = seats.holder(self._machine_id)
        if holder is not None and self._services.options.refuse_second:
            self.end(CloseCode.IN_USE, f"{holder.user} uses this console, and it is not taken over.")
            return False
        if holder is not None:
            holder.end(CloseCode.TAKEN_OVER, f"{self.user} has taken this console over. You have not been logged out.")
        seats.take(self._machine_id, self)
        return True

    async def _wait_expired(self, caller: Caller) -> None:
        await wait_expired(caller.expires_at, self._services.clock)
        self.end(CloseCode.TOKEN_EXPIRED, "The access token has expired. Connect again with a new one.")

    async def _wait_idle(self, limit_s: float) -> None:
        self._typed_at = trio.current_time()
        await wait_idle(limit_s, lambda: self._typed_at)
        self.end(CloseCode.IDLE, f"Nobody has typed for {limit_s:g} s.")

    async def _look_whether_it_lives(self, nursery: trio.Nursery) -> None:
        """Ping the client, and give it up when nothing has come from it for too long."""
        options = self._services.options
        while True:
            await trio.sleep(options.ping_every_s)
            if self._line is not None and self._line.is_held_up:
                self._heard_at = trio.current_time()  # it is we who do not read, since the guest does not
            if trio.current_time() - self._heard_at >= options.ping_every_s + options.pong_within_s:
                self.vanished()
            elif not self._socket.is_sending:
                nursery.start_soon(self._ping)

    async def _ping(self) -> None:
        try:
            await self._socket.ping()
        except trio.BrokenResourceError:
            self.vanished()

    # -- its end -----------------------------------------------------------------------------------------------

    async def _close(self) -> None:
        """Say why, close the WebSocket, and give up what it had."""
        assert self._end is not None
        code, reason = self._end
        services = self._services
        services.seats.leave(self._machine_id, self)
        if self._caller is not None:
            services.rules.consoles.closed(self._caller, self._os_type)
            services.audit.disconnected(self._machine_id, self.user, self._session_id, printable_line(reason))
        try:
            with trio.move_on_after(GOODBYE_S, shield=True):
                if self._caller is not None and not self._socket.peer_closed.is_set():
                    await self._output.note(reason)
        except trio.BrokenResourceError:
            pass
        await self._socket.close(code, reason, GOODBYE_S)
        self.closed.set()

    async def _drop_carrier(self, hub: Hub) -> None:
        """The last user has left: have the guest end his login, if it honours carrier."""
        services = self._services
        if services.seats.holder(self._machine_id) is not None or hub.closed:
            return
        has_hung_up = await drop_carrier(hub)
        outcome = HUNG_UP if has_hung_up else IGNORED
        services.audit.disconnected(self._machine_id, self.user, self._session_id, f"carrier was dropped: {outcome}")
        if not has_hung_up and not hub.closed:
            services.seats.leave_note(
                self._machine_id, hub, f"{self.user} could not be logged out: the guest ignores carrier (CLOCAL)."
            )
