"""The serial logs of all virtual machines, and which of them is written now.

A virtual machine's boot diagnostics are off, or on with a storage account, or on with managed storage.  Each machine has
one log in each account that it ever used; the logs are files in the folder ``serial-logs`` of the service's state.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Final

from uartsim.errors import UartsimError
from uartsim.own_files.folder import OwnFolder
from uartsim.service.diagnostics.ring_file import RingFile
from uartsim.service.diagnostics.serial_log import LOG_BYTES, SerialLog, now
from uartsim.service.store import ResourceId

_FOLDER: Final = "serial-logs"
_NAME: Final = re.compile(r"[0-9a-f]{32}\.log(\.new)?")
_REMEDY: Final = "move them out of the way"


class Diagnostics:
    """The serial logs of a service.  A context manager that closes them.

    Args:
        state: the service's state folder, which stays the caller's to close.
        log_bytes: how much each log keeps, in bytes.
        clock: tells the time of notes.

    Raises:
        UsageError: the folder of the logs holds other files.
    """

    def __init__(self, state: OwnFolder, log_bytes: int = LOG_BYTES, clock: Callable[[], datetime] = now) -> None:
        self.clock = clock
        self._log_bytes = log_bytes
        self._folder = state.enter(_FOLDER, "serial log", _is_ours, _REMEDY)
        self._logs: dict[str, SerialLog] = {}
        self._present: dict[ResourceId, SerialLog] = {}

    def __enter__(self) -> Diagnostics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all logs."""
        for log in self._logs.values():
            log.close()
        self._logs.clear()
        self._present.clear()
        self._folder.close()

    def log_of(self, vm_id: ResourceId, *, storage_account: str | None) -> SerialLog:
        """A machine's log in one account, whether or not it is written now; made if it is missing.

        Args:
            vm_id: the ARM id of a virtual machine or an instance of a scale set.
            storage_account: the name of the account; None for managed storage.

        Raises:
            UartsimError: the file is damaged.
        """
        log = self._opened(vm_id, storage_account, make=True)
        assert log is not None
        return log

    def existing_log_of(self, vm_id: ResourceId, *, storage_account: str | None) -> SerialLog | None:
        """A machine's log in one account, as :meth:`log_of`; None if nothing was ever logged there."""
        return self._opened(vm_id, storage_account, make=False)

    def _opened(self, vm_id: ResourceId, storage_account: str | None, *, make: bool) -> SerialLog | None:
        name = _name(vm_id, storage_account)
        if name not in self._logs:
            try:
                self._logs[name] = SerialLog(RingFile(self._folder, name, self._log_bytes, make=make), self.clock)
            except FileNotFoundError:
                return None
            except OSError as error:  # a symbolic link among others
                path = os.path.join(self._folder.path, name)
                raise UartsimError(f"{path} cannot be used ({error.strerror}): move it out of the way") from None
        return self._logs[name]

    def turn_on(self, vm_id: ResourceId, *, storage_account: str | None) -> SerialLog:
        """From now on the machine's output and the notes about it go into its log in this account, which is returned."""
        log = self._present[vm_id] = self.log_of(vm_id, storage_account=storage_account)
        return log

    def turn_off(self, vm_id: ResourceId) -> None:
        """From now on nothing of the machine is logged.  What has been logged stays."""
        self._present.pop(vm_id, None)

    def remove(self, vm_id: ResourceId, storage_accounts: Iterable[str | None]) -> None:
        """Remove a deleted machine's logs in these accounts; None stands for managed storage.

        What is not a log of ours, such as a symbolic link of the same name, stays.
        """
        self.turn_off(vm_id)
        for name in {_name(vm_id, account) for account in storage_accounts}:
            if (log := self._logs.pop(name, None)) is not None:
                log.close()
            with suppress(OSError, UartsimError):
                RingFile(self._folder, name, self._log_bytes, make=False).close()
                self._folder.remove(name)

    def present(self, vm_id: ResourceId) -> SerialLog | None:
        """The log that the machine's output goes into now; None while its boot diagnostics are off."""
        return self._present.get(vm_id)

    def record(self, vm_id: ResourceId, data: bytes) -> None:
        """Log output of the machine's guest, if its boot diagnostics are on."""
        if (log := self.present(vm_id)) is not None:
            log.write(data)


def _name(vm_id: ResourceId, storage_account: str | None) -> str:
    key = f"{vm_id.key}\n{(storage_account or '').lower()}"
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.log"


def _is_ours(folder: OwnFolder) -> bool:
    return all(_NAME.fullmatch(name) for name in folder.names())
