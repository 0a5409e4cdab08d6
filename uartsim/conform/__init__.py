"""The conformance kit: tests any UART against the datasheet, by sequences of steps and by random programs."""

from uartsim.conform.dut import ALL, Access, Answer, Can, DeviceUnderTest, DutError

__all__ = ["ALL", "Access", "Answer", "Can", "DeviceUnderTest", "DutError"]
