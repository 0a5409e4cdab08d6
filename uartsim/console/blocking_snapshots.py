"""The snapshots of a console, for blocking code.  Made by tools/derive_blocking.py.

Each call is handed to the console's background thread (``trio_thread.py``), and its outcome is awaited.  Call-backs, such
as ``progress``, are called on that thread.
"""

from __future__ import annotations

import os

from uartsim.console.snapshots import Checkpoint
from uartsim.console.snapshots import Snapshots as AsyncSnapshots
from uartsim.console.trio_thread import TrioThread

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class Snapshots:
    """Saving the machine behind a console, and going back, for blocking code; see :class:`uartsim.console.snapshots.Snapshots`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncSnapshots

    def __init__(self, made: AsyncSnapshots, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save the machine in a folder, from which ``restore=FOLDER`` continues in a new process; it then goes on.

        Args:
            folder: made if it is missing; an earlier snapshot in it is replaced when the new one is complete.

        Raises:
            UsageError: a guest of this kind has no snapshots, or the folder holds other files.
            UartsimError: the guest is not served register by register, a disk of its cannot be saved, or the folder cannot
                be written.
            GuestEnded: the guest has ended.
        """
        self._thread.call(self._async.save, folder)

    def checkpoint(self) -> Checkpoint:
        """Keep the present moment of guest, disks, chip, line and console, for :meth:`restore`.

        It is kept as long as the guest runs, in temporary files of QEMU's.

        Raises:
            UsageError: a guest of this kind has no snapshots.
            UartsimError: the guest is not served register by register, or has a disk that cannot go back.
            GuestEnded: the guest has ended.
        """
        return self._thread.call(self._async.checkpoint)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a moment of this run of the guest, as often as wanted.

        Everything is as it was: what the guest held and had written, the chip, the line with its faults, and what this
        console has received and read.  What was on the line, or waited to be sent, is lost, and stimuli end.

        Raises:
            UsageError: not a checkpoint, or a guest of this kind has no snapshots.
            UartsimError: the checkpoint is of another run of the guest.
            GuestEnded: the guest has ended.
        """
        self._thread.call(self._async.restore, checkpoint)

    def keep_disk(self) -> str | None:
        """Keep what the guest has written to its disk, which is otherwise removed when the machine ends.

        Returns: sentences that say where it will be, how to run it again and how to remove it; None if the guest has no
        private disk, or it goes on from a snapshot.
        """
        return self._thread.call(self._async.keep_disk)
