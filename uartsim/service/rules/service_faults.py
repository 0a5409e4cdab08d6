"""Switches that make the service fail, so that its errors have their cause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """What is wrong with the service now; everything is off at first.

    Attributes:
        internal_error: ``connect`` answers 500, "Server encountered an internal error".
        drop_socket: the gateway drops each new WebSocket before its first frame.
        block_gateway: the gateway's host cannot be reached: the handshake is refused.
        delay_s: the gateway speaks its first frame, and ``connect`` answers, so many seconds late.
        count: how many more times the fault happens; None for ever.
    """

    internal_error: bool = False
    drop_socket: bool = False
    block_gateway: bool = False
    delay_s: float = 0.0
    count: int | None = None
