"""Saving a console's machine, and going back: guest, disks, chip, line and console together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from uartsim.console.console_state import ConsoleState
from uartsim.console.session import Session
from uartsim.console.shell.run import Runner
from uartsim.errors import UsageError
from uartsim.printable import quoted


@runtime_checkable
class CheckpointGuest(Protocol):
    """A guest that can be saved and can go back."""

    async def save(self, folder: Path, note: Callable[[], dict[str, Any]]) -> None:
        """Save it and its port in a folder, with what ``note`` returns while it is stopped; it goes on."""

    async def checkpoint(self, note: Callable[[], None]) -> Any:
        """Keep the present moment; ``note`` is called while it is stopped."""

    async def go_back(self, checkpoint: Any, note: Callable[[], None]) -> None:
        """Go back to a moment; ``note`` is called just before it runs again."""


@runtime_checkable
class DiskGuest(Protocol):
    """A guest that may have a private disk."""

    def keep_disk(self) -> str | None:
        """Keep the disk after the machine's end; returns what there is to say about it, or None if there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A moment of a running machine: made by :meth:`Snapshots.checkpoint`.

    Attributes:
        guest: the guest's part.
        console: what the console knew.
        session: the session of the console that it was made with.
    """

    guest: Any
    console: ConsoleState
    session: Session


class Snapshots:
    """Saving the machine behind a console, and going back: ``console.snapshots``.

    Args:
        session: the console's session.
        runner: what knows the guest's shell.
    """

    def __init__(self, session: Session, runner: Runner) -> None:
        self._session = session
        self._runner = runner

    async def save(self, folder: str | os.PathLike[str]) -> None:
        """Save the machine in a folder, from which ``restore=FOLDER`` continues in a new process; it then goes on.

        Args:
            folder: made if it is missing; an earlier snapshot in it is replaced when the new one is complete.

        Raises:
            UsageError: a guest of this kind has no snapshots, or the folder holds other files.
            UartsimError: the guest is not served register by register, a disk of its cannot be saved, or the folder cannot
                be written.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        guest = self._guest("snapshots.save()")
        with self._session.one_wait("snapshots.save()"):
            await guest.save(Path(folder), lambda: self._state().content())

    async def checkpoint(self) -> Checkpoint:
        """Keep the present moment of guest, disks, chip, line and console, for :meth:`restore`.

        It is kept as long as the guest runs, in temporary files of QEMU's.

        Raises:
            UsageError: a guest of this kind has no snapshots.
            UartsimError: the guest is not served register by register, or has a disk that cannot go back.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        guest = self._guest("snapshots.checkpoint()")
        states: list[ConsoleState] = []
        with self._session.one_wait("snapshots.checkpoint()"):
            kept = await guest.checkpoint(lambda: states.append(self._state()))
        return Checkpoint(kept, states[0], self._session)

    async def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a moment of this run of the guest, as often as wanted.

        Everything is as it was: what the guest held and had written, the chip, the line with its faults, and what this
        console has received and read.  What was on the line, or waited to be sent, is lost, and stimuli end.

        Raises:
            UsageError: not a checkpoint, or a guest of this kind has no snapshots.
            UartsimError: the checkpoint is of another run of the guest.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        guest = self._guest("snapshots.restore()")
        if not isinstance(checkpoint, Checkpoint):
            raise UsageError(f"snapshots.restore({quoted(checkpoint)}): give what snapshots.checkpoint() has returned")
        with self._session.one_wait("snapshots.restore()"):
            await guest.go_back(checkpoint.guest, lambda: self.become(checkpoint.console))

    async def keep_disk(self) -> str | None:
        """Keep what the guest has written to its disk, which is otherwise removed when the machine ends.

        Returns: sentences that say where it will be, how to run it again and how to remove it; None if the guest has no
        private disk, or it goes on from a snapshot.
        """
        guest = getattr(self._session.machine, "guest", None)
        return guest.keep_disk() if isinstance(guest, DiskGuest) else None

    def become(self, state: ConsoleState) -> None:
        """Give the console a state; its machine must have gone back to the same moment."""
        state.put_into(self._session)
        self._runner.know_prompts(state.prompts)

    def _state(self) -> ConsoleState:
        return ConsoleState.of(self._session, self._runner.known_prompts())

    def _guest(self, what: str) -> CheckpointGuest:
        __tracebackhide__ = True
        self._session.check_running(what)
        guest = getattr(self._session.machine, "guest", None)
        if isinstance(guest, CheckpointGuest):
            return guest
        kind = getattr(guest, "kind", None)
        if kind is None:
            raise UsageError(f"{what}: there is no machine behind this console, only its line")
        hint = "it starts in no time under clock='virtual', so start it anew" if kind == "script" else "start it anew"
        raise UsageError(f"{what}: a guest of kind {kind} has no snapshots, only one of kind qemu; {hint}")
