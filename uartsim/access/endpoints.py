"""The endpoints of a machine: its name, pty, link, control socket and attach socket, opened before anything serves them.

A client may connect while the heavy imports are still under way: what it sends waits in the kernel until
:class:`uartsim.access.machine_server.MachineServer` serves it.  Only the standard library is used here.
"""

from __future__ import annotations

import os
import signal
import socket

from uartsim.access.machine_folder import MachineFolder
from uartsim.access.pty_device import PtyDevice
from uartsim.errors import UartsimError

#: The signals that end a process, whatever it is doing.
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: The endpoints that this process has opened and not released.
OPEN: list[Endpoints] = []


class Endpoints:
    """A machine's name, pty and sockets.

    Attributes:
        folder: the machine's folder, with its lock and its link.
        device: the pty; another takes its place where it cannot be used any more.
        control: the listening control socket.
        attach: the listening attach socket.
    """

    def __init__(self, folder: MachineFolder, device: PtyDevice, control: socket.socket, attach: socket.socket) -> None:
        self.folder = folder
        self.device = device
        self.control = control
        self.attach = attach

    def release(self) -> None:
        """Close the descriptors and remove the sockets, the link, the lock and the folder.  No signal ends that half-way."""
        while True:
            try:
                before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
                self.control.close()
                self.attach.close()
                self.device.close()
                self.folder.release()
                if self in OPEN:
                    OPEN.remove(self)
                break
            except KeyboardInterrupt:
                continue  # a signal came before they were blocked; each step can be done again
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def open_endpoints(name: str, link: str | None = None) -> Endpoints:
    """Lock a machine's name, make its pty and bind its sockets.

    Args:
        name: the machine's name.
        link: the path of the link to the pty; ``NAME.tty`` in the runtime folder if not given.

    Raises:
        UsageError: the name or the link is taken or not possible.
        UartsimError: the system has no pty left, or a socket cannot be bound.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)  # nothing is left half made
    try:
        endpoints = _open(name, link)
        OPEN.append(endpoints)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return endpoints


def _open(name: str, link: str | None) -> Endpoints:
    folder = MachineFolder(name, link)
    try:
        device = PtyDevice()
        try:
            folder.make_link(device.path)
            control = listen(folder.control)
            try:
                attach = listen(folder.attach)
            except BaseException:
                control.close()
                raise
        except BaseException:
            device.close()
            raise
    except BaseException:
        folder.release()
        raise
    return Endpoints(folder, device, control, attach)


def listen(path: str) -> socket.socket:
    """Bind a unix socket, mode 0600, in the private folder that holds it.

    Raises:
        UartsimError: it cannot be bound.
    """
    listener = None
    before = os.umask(0o177)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(128)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise UartsimError(
            f"the socket {path} cannot be made ({error.strerror}): set UARTSIM_RUNTIME_DIR to another folder"
        ) from None
    finally:
        os.umask(before)
    return listener
