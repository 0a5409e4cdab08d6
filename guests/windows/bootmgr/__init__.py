"""The Windows Boot Manager on the serial line: its menu, the advanced options, the memory diagnostic."""
