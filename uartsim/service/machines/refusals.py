"""What a machine refuses, as errors for the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from uartsim.errors import UartsimError
from uartsim.service.arm_error import ArmError


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn what a guest refuses, or fails at, into an error for the client.

    Args:
        what: the operation.

    Raises:
        ArmError: 409, with the guest's own sentence.
    """
    try:
        yield
    except ArmError:
        raise
    except UartsimError as error:
        raise ArmError(409, "OperationNotAllowed", f"Operation '{what}' is not possible: {error}") from None


def machine_is_off(what: str) -> ArmError:
    """The operation needs a machine that runs."""
    return ArmError(
        409,
        "OperationNotAllowed",
        f"Operation '{what}' needs a running virtual machine: start the virtual machine first.",
    )


class NotStartedError(ArmError):
    """The machine could not be switched on.

    Args:
        why: the reason, as a clause.
    """

    def __init__(self, why: str) -> None:
        super().__init__(409, "VMStartFailed", f"The virtual machine could not be started: {why}")
