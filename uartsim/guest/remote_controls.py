"""The buttons of a machine that runs elsewhere: reset, NMI, and a break on a line that carries none.

The machine's owner may offer them in two ways: by QEMU's monitor (QMP) on a socket, or by a command, such as ``virsh reset
NAME`` or one that switches a relay.  Where neither is named, the button is refused with a sentence.

The monitor is connected for one request at a time, because it takes only one connection and its owner needs it, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.child import Child
from uartsim.guest.placeholders import fill_in
from uartsim.guest.qemu_line import DELIVERY_TIMEOUT_S, PORTS, ByQmp, wait_read
from uartsim.guest.qmp import QmpClient, QmpError
from uartsim.guest.remote_address import parse_address
from uartsim.guest.stream_line import connect
from uartsim.registers import Offset

#: How long QEMU's monitor may take to greet us, in seconds.
GREETING_TIMEOUT_S: Final = 5.0
#: How long a command may run, in seconds.
COMMAND_TIMEOUT_S: Final = 60.0

_NMI: Final = "NMI"
#: A PC's ports by the names that QEMU gives to the character devices of ``-serial``.
_PORT_OF: Final = {f"serial{number}": port for number, (port, _) in enumerate(PORTS.values())}


def chosen(definition: GuestDefinition, key: str, default: Any) -> Any:
    """The guest's setting ``key``, or the key of the manifest's table, with placeholders filled in, or a default."""
    value = definition.settings.get(key, definition.options.get(key, default))
    if key in definition.settings or not isinstance(value, str | list):
        return value
    values = {**definition.settings, "folder": definition.folder}
    where = f"guest {definition.name!r}, {key}"
    if isinstance(value, str):
        return fill_in(value, values, where)
    return [fill_in(word, values, where) for word in value]


class RemoteControls:
    """The buttons of one machine.

    Args:
        definition: the guest.

    Raises:
        UsageError: the address of the monitor is wrong, or a placeholder is unknown.
    """

    def __init__(self, definition: GuestDefinition) -> None:
        self._name = definition.name
        self._kind = definition.kind
        self._chardev: str = chosen(definition, "chardev", "serial0")
        self._commands: dict[str, list[str]] = {
            "reset": chosen(definition, "reset_command", []),
            _NMI: chosen(definition, "nmi_command", []),
        }
        qmp: str = chosen(definition, "qmp", "")
        self._qmp = parse_address(qmp if ":" in qmp else f"unix:{qmp}") if qmp else None

    @property
    def has_monitor(self) -> bool:
        """QEMU's monitor is named."""
        return self._qmp is not None

    def check(self, button: str) -> None:
        """Raise UsageError if the machine does not have the button ``"reset"`` or ``"NMI"``."""
        if self._qmp is None and not self._commands[button]:
            qmp = "QEMU's monitor (--set qmp=PATH), or " if self._kind == "socket" else ""
            raise UsageError(
                f"guest {self._name!r} runs elsewhere, and no {button} button of it is known: nothing happened; name "
                f"{qmp}a command ({button.lower()}_command in a guest.toml)"
            )

    async def reset(self) -> None:
        """Reset the machine.

        Raises:
            UsageError: there is no such button.
            UartsimError: the monitor or the command has failed.
        """
        await self._press("reset", "system_reset")

    async def nmi(self) -> None:
        """Send the machine an NMI.

        Raises:
            UsageError: there is no such button.
            UartsimError: the monitor or the command has failed.
        """
        await self._press(_NMI, "inject-nmi")

    async def _press(self, button: str, qmp_command: str) -> None:
        self.check(button)
        if command := self._commands[button]:
            await _run(command)
            return
        await self._ask(lambda by_qmp: by_qmp(qmp_command))

    async def send_break(self) -> None:
        """Send a break through QEMU's monitor, to the character device of the serial port.

        It waits a moment for the guest to read what QEMU's port has received, see :func:`uartsim.guest.qemu_line.wait_read`.

        Raises:
            UartsimError: the monitor does not answer, or has no such device.
        """
        await self._ask(self._break_by_qmp)

    async def _break_by_qmp(self, by_qmp: ByQmp) -> None:
        if (port := _PORT_OF.get(self._chardev)) is not None:
            with trio.move_on_after(DELIVERY_TIMEOUT_S):
                await wait_read(by_qmp, port + Offset.LSR)
        await by_qmp("chardev-send-break", id=self._chardev)

    async def _ask(self, ask: Callable[[ByQmp], Awaitable[Any]]) -> None:
        """Connect to the monitor for one request.

        Raises:
            UartsimError: it cannot be reached, does not answer, or refuses.
        """
        assert self._qmp is not None
        failure: UartsimError | None = None
        stream = trio.SocketStream(await connect(self._qmp))
        async with stream, trio.open_nursery() as nursery:
            client = QmpClient(stream, _ignore_event)
            nursery.start_soon(_read_answers, client)
            try:
                with trio.move_on_after(GREETING_TIMEOUT_S):
                    await client.ready.wait()
                if not client.ready.is_set():
                    raise QmpError(
                        f"QEMU's monitor at {self._qmp} does not answer: is another program connected? It takes only one"
                    )
                await ask(partial(_execute, client))
            except UartsimError as error:
                failure = error  # raised below, so that the nursery does not wrap it
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure


async def _execute(client: QmpClient, command: str, **arguments: object) -> Any:
    return await client.execute(command, **arguments)


async def _read_answers(client: QmpClient) -> None:
    try:
        await client.run()
    except QmpError:
        client.ready.set()  # it is not a monitor; the request is told that it has ended


async def _ignore_event(name: str, data: dict[str, Any]) -> None:
    """What happens in QEMU concerns its owner."""


async def _run(command: list[str]) -> None:
    with trio.move_on_after(COMMAND_TIMEOUT_S) as limit:
        async with await Child.start(command) as child:
            status = await child.wait()
            if status:
                raise UartsimError(
                    f"{' '.join(command)} ended with status {status}: {child.last_output() or 'it said nothing'}"
                )
    if limit.cancelled_caught:
        raise UartsimError(f"{' '.join(command)} did not end within {COMMAND_TIMEOUT_S:g} s")
