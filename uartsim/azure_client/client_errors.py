"""What can go wrong between the client and the service, with the exit status of the command line."""

from __future__ import annotations

from typing import Final

from uartsim.errors import UartsimError

#: The exit statuses, as those of ``az serial-console``: a condition for the console is not met; the service refuses.
NOT_MET: Final = 1
REFUSED: Final = 3


class ConsoleError(UartsimError):
    """A console cannot be had, or a command has not been carried out.

    Attributes:
        status: the exit status of the command line.
    """

    def __init__(self, text: str, status: int = NOT_MET) -> None:
        super().__init__(text)
        self.status = status


class RefusalError(ConsoleError):
    """The service has answered with an error.

    Attributes:
        http_status: the status of its answer.
        code: the error's code in the answer's body, such as ``ResourceNotFound``; may be empty.
    """

    def __init__(self, text: str, http_status: int, code: str = "") -> None:
        super().__init__(text, REFUSED)
        self.http_status = http_status
        self.code = code


class TransientError(ConsoleError):
    """Something that may be over soon, so that it is worth trying again.

    Attributes:
        wait_s: how long the service asks to wait, in seconds; None if it does not say.
    """

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text, REFUSED)
        self.wait_s = wait_s
