"""A pause of the session in which a person uses a test's console: ``--uartsim-attach``.

The console lets go of the line meanwhile, which a pty has instead.  The machine goes on.
"""

from __future__ import annotations

import contextlib
import queue
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from uartsim.pytest_plugin.opened_consoles import consoles_of
from uartsim.pytest_plugin.plugin_options import ATTACH

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console


def check_attach(config: pytest.Config) -> None:
    """Check that there is a person's terminal where the session is to stop.

    Raises:
        pytest.UsageError: the tests run in workers of pytest-xdist.
    """
    if ATTACH.value(config) and (getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput")):
        raise pytest.UsageError(f"{ATTACH.flag} waits for a person, and workers have no terminal: use it with -n 0")


def pause_after_failure(item: pytest.Item, error: BaseException) -> None:
    """Stop the session if the options say so: a test has failed."""
    if ATTACH.value(item.config) and consoles_of(item):
        from uartsim.printable import printable

        path, _, name = item.location
        at = next((f"{path}:{line}: " for line in _lines_in(item, error)), "")
        pause(item, f"{at}{name} has failed: {printable((str(error).splitlines() or [''])[0])}")


def _lines_in(item: pytest.Item, error: BaseException) -> Iterator[int]:
    """The lines of a test's file that led to an error, the innermost first."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == str(item.path) and frame.lineno is not None:
            yield frame.lineno


def pause(item: pytest.Item, why: str) -> None:
    """Give each console of a test a pty, say where, and wait for Enter."""
    with contextlib.ExitStack() as stack:
        lines = [f"{name}: {stack.enter_context(_at_a_pty(console))}" for name, console in consoles_of(item)]
        capture: Any = item.config.pluginmanager.getplugin("capturemanager")
        with _uncaptured(capture):
            text = "\n  ".join([f"\nuartsim: {why}", *(lines or ["it has no console"])])
            print(text)
            with contextlib.suppress(EOFError):
                while words := input("Press Enter to go on, or type break, sysrq KEY, nmi or reset: ").split():
                    print(_pressed(dict(consoles_of(item)), words))


def _pressed(consoles: dict[str, Console], words: list[str]) -> str:
    """Do to a machine what a person at the pty cannot type; returns what to say of it."""
    from uartsim.access.hub_client import HubClient
    from uartsim.errors import UartsimError

    keys = words[1] if words[0] == "sysrq" and len(words) > 1 else ""
    name = words[-1] if len(words) > 1 + bool(keys) else next(iter(consoles), "")
    if words[0] not in ("break", "sysrq", "nmi", "reset") or name not in consoles or (words[0] == "sysrq" and not keys):
        return (
            f"not understood: type one of these, then the name of a machine ({', '.join(consoles) or 'there is none'})"
        )
    console = consoles[name]
    session = console._async._session
    if not isinstance(session.client, HubClient) or session.machine is None:
        return "there is no line behind this console"
    hub = session.client.hub
    try:
        if words[0] == "break":
            console._thread.call(hub.send_break)
        elif keys:
            console._thread.call(hub.sysrq, keys)
        else:
            console._thread.call(session.machine.nmi if words[0] == "nmi" else session.machine.reset)
    except (UartsimError, ValueError) as error:
        return str(error).splitlines()[0]
    return f"{' '.join(words)}: done"


@contextlib.contextmanager
def _uncaptured(capture: Any) -> Iterator[None]:
    """A block in which the terminal is the person's."""
    if capture is None:
        yield
        return
    capture.suspend(in_=True)
    try:
        yield
    finally:
        capture.resume()


@contextlib.contextmanager
def _at_a_pty(console: Console) -> Iterator[str]:
    """A block in which a console's line is at a pty too; gives a sentence that says which."""
    from uartsim.errors import UartsimError

    try:
        with _opened_pty(console) as path:
            yield f"picocom --quiet --noinit {path}"
    except UartsimError as error:
        yield str(error).splitlines()[0]


@contextlib.contextmanager
def _opened_pty(console: Console) -> Iterator[str]:
    """A block in which a pty serves a console's line.

    Raises:
        UartsimError: there is no pty, or no line that could be at it.
    """
    import trio

    from uartsim.access.hub_client import HubClient
    from uartsim.access.pty import PtyAccess
    from uartsim.access.pty_device import PtyDevice
    from uartsim.console.trio_thread import shared_thread
    from uartsim.errors import UsageError

    thread = console._thread
    if thread is not shared_thread("real"):
        raise UsageError("this console cannot be attached to: only a blocking one with the real clock can")
    session = console._async._session
    if not isinstance(session.client, HubClient):
        raise UsageError("there is no line behind this console")
    client = session.client
    paths: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
    scope, done = trio.CancelScope(), trio.Event()

    async def serve() -> None:
        try:
            session.check_running("attaching")
            held = not client.watch
            client.give_line()
            device = PtyDevice()
            try:
                with scope:
                    access = PtyAccess(client.hub, device, name="pty")
                    paths.put(device.path)
                    await access.run()
            finally:
                device.close()
                if held and not session.closed:
                    client.take_line(force=True)
        except BaseException as error:
            paths.put(error)
            if not isinstance(error, Exception):
                raise
        finally:
            done.set()

    thread.start(serve)
    path = thread.wait_for(paths)
    if isinstance(path, BaseException):
        raise path.with_traceback(None)
    try:
        yield path
    finally:
        thread.soon(scope.cancel)
        thread.call(done.wait)
