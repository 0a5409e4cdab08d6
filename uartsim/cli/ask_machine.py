"""Which running machine a command means, and asking it.  Nothing heavy is imported, so that small commands start fast."""

from __future__ import annotations

from typing import Any, Final

from uartsim.errors import UsageError

#: How long a machine may take to answer a question that it can answer at once, in seconds.
ANSWER_S: Final = 5.0


def chosen(name: str | None) -> str:
    """The machine that is meant: the one that was named, or the only one that runs.

    Raises:
        UsageError: none was named, and none runs or several do.
    """
    from uartsim.access.runtime_folder import only_machine

    return only_machine() if name is None else name


def machine_and_word(words: tuple[str, ...], what: str) -> tuple[str, str]:
    """The machine and the word of a command that takes both, in either order; the machine may be left out.

    Args:
        words: what was given.
        what: what the word is, for the message.

    Raises:
        UsageError: there are too few or too many words, or it cannot be told which is which.
    """
    from uartsim.access.runtime_folder import running_machines

    if not words:
        raise UsageError(f"which {what}? give it, and the machine's name where several run")
    if len(words) == 1:
        return chosen(None), words[0]
    if len(words) > 2:
        raise UsageError(f"{len(words)} words are too many: give {what} and the machine's name")
    running = running_machines()
    first, second = words
    if second not in running and first in running:
        return first, second
    return second, first


def ask_machine(name: str, do: str, timeout_s: float = ANSWER_S, **parameters: Any) -> Any:
    """Ask a running machine over its control socket, and return what it answers.

    Args:
        name: the machine's name.
        do: what it is asked, see :class:`uartsim.access.control_requests.ControlRequests`.
        timeout_s: how long the answer may take, in seconds.  If that is long, the machine is asked first whether it
            answers at all.
        parameters: of the request.

    Raises:
        UsageError: no machine of that name runs, or it has refused; the message is its own.
        UartsimError: it could not do it, or it does not answer.
    """
    from uartsim.access.control import ask
    from uartsim.access.runtime_folder import socket_path

    path = socket_path(name)
    if timeout_s > ANSWER_S:
        ask(path, "status", ANSWER_S)
    return ask(path, do, timeout_s, **parameters)
