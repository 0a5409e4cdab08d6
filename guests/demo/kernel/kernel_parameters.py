"""The kernel's command line: see kernel-command-line(7) and the kernel's admin-guide/kernel-parameters.rst."""

from __future__ import annotations

from uartsim.guest.script import LineFormat


class KernelParameters:
    """A kernel command line.

    Args:
        text: the line as GRUB hands it over, ``BOOT_IMAGE=`` included.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = text.split()

    def __contains__(self, word: str) -> bool:
        return word in self.words or self.value(word) is not None

    def value(self, name: str) -> str | None:
        """The value of the last ``name=value``, or None if there is none."""
        values = [word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")]
        return values[-1] if values else None

    def number(self, name: str, default: int) -> int:
        """The value of ``name`` as a number, or ``default`` if it is missing or not a number."""
        try:
            return int(self.value(name) or "", 0)
        except ValueError:
            return default

    @property
    def consoles(self) -> list[str]:
        """The values of ``console=`` in their order, or tty0 if there are none."""
        named = [word.removeprefix("console=") for word in self.words if word.startswith("console=")]
        return named or ["tty0"]

    @property
    def console_names(self) -> list[str]:
        """The devices in `consoles`, without their options."""
        return [console.partition(",")[0] for console in self.consoles]

    @property
    def console_is_serial(self) -> bool:
        """Whether /dev/console, where init writes, is the serial line: it is the last console named."""
        return self.console_names[-1] == "ttyS0"

    @property
    def serial_format(self) -> LineFormat | None:
        """What console=ttyS0[,BAUD[PARITY[BITS]]] programs, or None without such a console; 9600 8N1 by default."""
        for console in reversed(self.consoles):
            device, _, options = console.partition(",")
            if device == "ttyS0":
                return parse_console_options(options)
        return None


def parse_console_options(options: str) -> LineFormat:
    """The line format of ``115200n8`` and the like, read as the kernel's uart_parse_options() reads it."""
    digits = options[: len(options) - len(options.lstrip("0123456789"))]
    rest = options[len(digits) :].lower()
    parity = rest[0].upper() if rest[:1] in ("n", "o", "e") else "N"
    bits = rest[1] if rest[1:2] in ("7", "8") else "8"
    try:
        return LineFormat.from_baud(int(digits or 9600), f"{bits}{parity}1")
    except ValueError:
        return LineFormat.from_baud(9600)
