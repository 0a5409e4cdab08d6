"""The conformance kit: sequences and random programs that judge any UART against the datasheet."""

from uartsim.conform.judged import ALL, Access, Answer, Can, JudgedError, JudgedUart

__all__ = ["ALL", "Access", "Answer", "Can", "JudgedError", "JudgedUart"]
