"""The conformance kit: sequences and random programs that judge any UART against the datasheet."""

from uartsim.conform.dut import ALL, Access, Answer, Can, DeviceUnderTest, DutError

__all__ = ["ALL", "Access", "Answer", "Can", "DeviceUnderTest", "DutError"]
