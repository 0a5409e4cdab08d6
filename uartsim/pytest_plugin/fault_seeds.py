"""The session's seed for faults in which chance is, where none of their own is given."""

from __future__ import annotations

from typing import Any


def with_seeds(faults: Any, seed: int) -> Any:
    """Faults of the option ``fault``, with a seed.

    Args:
        faults: a fault, or a list of them.
        seed: for faults that have a seed and are not given one; 0 is what they have anyway.
    """
    if seed == 0:
        return faults
    if isinstance(faults, (list, tuple)):
        return [_with_seed(fault, seed) for fault in faults]
    return _with_seed(faults, seed)


def _with_seed(fault: Any, seed: int) -> Any:
    from uartsim.wire.faults import FAULT_KINDS

    if not isinstance(fault, str):
        return fault
    name, _, parameters = fault.partition(":")
    kind = FAULT_KINDS.get(name.strip())
    if kind is None or not kind.seeded or any(each.strip().startswith("seed=") for each in parameters.split(",")):
        return fault  # one that is wrong is refused where it is read
    return f"{name}:{parameters},seed={seed}" if parameters.strip() else f"{name}:seed={seed}"
