"""N_TTY: the line discipline between a serial port and the programs on it.  See termios(3) and tty_ioctl(4).

The class has no task and no clock: bytes come in, and bytes and signals go out by callbacks.  Modes have the names
that ``stty`` gives them; a mode is on if its name is in `Modes.flags`.

As in Linux:

- a canonical line holds at most 4095 bytes and its newline, and more is dropped;
- a full buffer throttles: input waits, unechoed, until a program reads;
- an unfinished line becomes readable when the canonical mode ends;
- a signal character flushes input and output first and is then echoed (``^C``);
- erasing knows the columns of tabs and control characters.

Not modelled: VTIME, VMIN above 1, EOL2, IXOFF (nothing is sent to throttle the other end), delays for old printers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

from . import columns
from .termios_modes import Modes

Signal = Literal["INT", "QUIT", "TSTP"]

#: The longest canonical line with its newline, and the size of the buffer.
BUFFER_BYTES: Final = 4096
#: How much input may wait when the buffer is full, in bytes; more is lost.
FLIP_BYTES: Final = 65536


class LineDiscipline:
    """One tty's line discipline.

    Args:
        echo: called with bytes to put on the line; output processing is done.
        signal: called when a signal character (or a break, with ``brkint``) has come; flushing is done.
        hold: called with True to stop the output (XOFF) and False to resume it.
        discard_output: called when a signal flushes the output that is not yet sent.
    """

    def __init__(
        self,
        echo: Callable[[bytes], None],
        signal: Callable[[Signal], None] = lambda _signal: None,
        hold: Callable[[bool], None] = lambda _held: None,
        discard_output: Callable[[], None] = lambda: None,
    ) -> None:
        self._modes = Modes()
        self._echo_out = echo
        self._signal = signal
        self._hold = hold
        self._discard_output = discard_output
        self._flip = bytearray()
        self._lines: list[tuple[bytes, bool]] = []  # finished lines; True: ended by EOF, which is not kept
        self._line = bytearray()  # the unfinished canonical line, or what is readable without one
        self._literal_next = False
        self._held = False
        self._column = 0
        self._line_column = 0  # where the unfinished line began on the screen

    @property
    def modes(self) -> Modes:
        """The modes in force; set them with `set_modes`."""
        return self._modes

    @property
    def readable(self) -> bool:
        """Whether `read` would return at once."""
        return bool(self._lines) or ("icanon" not in self._modes and bool(self._line))

    def set_modes(self, modes: Modes) -> None:
        """Change the modes at once (TCSANOW)."""
        was_canonical = "icanon" in self._modes
        self._modes = modes
        if was_canonical and "icanon" not in modes:
            whole = b"".join(line for line, _ in self._lines) + bytes(self._line)
            self._lines.clear()
            self._line[:] = whole
        elif not was_canonical and "icanon" in modes and self._line:
            self._lines.append((bytes(self._line), True))
            self._line.clear()
        if "ixon" not in modes and self._held:
            self._set_held(False)

    def flush_input(self) -> None:
        """Forget everything received and not read (TCIFLUSH)."""
        self._flip.clear()
        self._forget_lines()

    def _forget_lines(self) -> None:
        """Flush for a signal: what has come after the signal character is kept."""
        self._lines.clear()
        self._line.clear()
        self._literal_next = False

    def read(self, size: int = BUFFER_BYTES) -> bytes | None:
        """Take one line, or in raw mode what there is, as read(2) does.

        Returns:
            Up to ``size`` bytes, ``b""`` for an end of file (Ctrl-D), or None if read(2) would block.
        """
        if self._lines:
            line, by_eof = self._lines.pop(0)
            if len(line) > size:
                self._lines.insert(0, (line[size:], by_eof))
                line = line[:size]
        elif "icanon" not in self._modes and self._line:
            line = bytes(self._line[:size])
            del self._line[:size]
        else:
            return None
        self._work_off_flip()
        return line

    # ------------------------------------------------------------------------------------------------ from the line
    def receive(self, data: bytes) -> None:
        """Take characters that arrived without an error."""
        self._flip += data
        del self._flip[FLIP_BYTES:]
        self._work_off_flip()

    def receive_break(self) -> None:
        """Take a break: ignored, a signal, or a NUL, as the modes say."""
        if "ignbrk" in self._modes:
            return
        if "brkint" in self._modes:
            self._raise("INT")
        elif "parmrk" in self._modes:
            self._put_marked(b"\xff\x00\x00")
        else:
            self._take(0)

    def receive_error(self, byte: int) -> None:
        """Take a character with a parity or framing error."""
        if "inpck" not in self._modes:
            self._take(byte)
        elif "ignpar" in self._modes:
            return
        elif "parmrk" in self._modes:
            self._put_marked(bytes((0xFF, 0, byte)))
        else:
            self._take(0)

    def _work_off_flip(self) -> None:
        while self._flip and self._has_room():
            byte = self._flip[0]
            del self._flip[0]
            self._take(byte)

    def _has_room(self) -> bool:
        used = sum(len(line) for line, _ in self._lines) + len(self._line)
        return used < BUFFER_BYTES - 1 or ("icanon" in self._modes and not self._lines)

    def _take(self, byte: int) -> None:
        modes = self._modes
        if "istrip" in modes:
            byte &= 0x7F
        if self._literal_next:
            self._literal_next = False
            self._echo_character(byte)
            self._put(byte)
            return
        if self._take_flow_control(byte) or self._take_signal(byte):
            return
        if self._held and "ixon" in modes and "ixany" in modes:
            self._set_held(False)
        if byte == 0x0D and "igncr" in modes:
            return
        byte = self._translated(byte)
        if "icanon" in modes:
            self._take_canonical(byte)
        else:
            if "echo" in modes:
                self._echo_character(byte)
            self._put(byte)

    def _take_flow_control(self, byte: int) -> bool:
        """Handle XON and XOFF; return whether ``byte`` was one of them."""
        if "ixon" not in self._modes or not (self._is(byte, "start") or self._is(byte, "stop")):
            return False
        self._set_held(not self._is(byte, "start"))
        return True

    def _take_signal(self, byte: int) -> bool:
        """Handle signal characters; return whether ``byte`` was one of them."""
        if "isig" not in self._modes:
            return False
        for name, signal in _SIGNAL_CHARACTERS:
            if self._is(byte, name):
                self._raise(signal)
                if "echo" in self._modes:
                    self._echo_character(byte)
                return True
        return False

    def _translated(self, byte: int) -> int:
        if byte == 0x0D and "icrnl" in self._modes:
            return 0x0A
        if byte == 0x0A and "inlcr" in self._modes:
            return 0x0D
        return byte

    def _take_canonical(self, byte: int) -> None:
        modes = self._modes
        if self._is(byte, "erase"):
            self._erase_characters(1, byte)
        elif self._is(byte, "kill"):
            self._kill_line(byte)
        elif "iexten" in modes and self._take_extended(byte):
            return
        elif byte == 0x0A:
            if "echo" in modes or "echonl" in modes:
                self._emit(b"\n")
            self._finish_line(b"\n", by_eof=False)
        elif self._is(byte, "eof"):
            self._finish_line(b"", by_eof=True)
        elif self._is(byte, "eol"):
            if "echo" in modes:
                self._echo_character(byte)
            self._finish_line(bytes((byte,)), by_eof=False)
        else:
            if "echo" in modes:
                if not self._line:
                    self._line_column = self._column
                self._echo_character(byte)
            self._put(byte)

    def _take_extended(self, byte: int) -> bool:
        """Handle characters that are special with ``iexten`` only; return whether ``byte`` was one of them."""
        modes = self._modes
        if self._is(byte, "werase"):
            self._erase_word(byte)
        elif self._is(byte, "lnext"):
            self._literal_next = True
            if "echo" in modes and "echoctl" in modes:
                self._emit(b"^\b")
        elif "echo" in modes and self._is(byte, "rprnt"):
            self._echo_character(byte)
            self._emit(b"\n")
            for kept in self._line:
                self._echo_character(kept)
        else:
            return False
        return True

    def _finish_line(self, end: bytes, *, by_eof: bool) -> None:
        self._lines.append((bytes(self._line) + end, by_eof))
        self._line.clear()

    def _put(self, byte: int) -> None:
        if "parmrk" in self._modes and byte == 0xFF:
            self._put_marked(b"\xff\xff")
        elif len(self._line) >= BUFFER_BYTES - 1:
            self._line[-1] = byte  # overwritten again and again, so that a newline still fits
        else:
            self._line.append(byte)

    def _put_marked(self, data: bytes) -> None:
        self._line += data

    def _is(self, byte: int, name: str) -> bool:
        value = self._modes.characters.get(name, 0)
        return value != 0 and byte == value

    def _raise(self, signal: Signal) -> None:
        if "noflsh" not in self._modes:
            self._forget_lines()
            self._discard_output()
        if "ixon" in self._modes:
            self._set_held(False)
        self._signal(signal)

    def _set_held(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self._hold(held)

    # ---------------------------------------------------------------------------------------------------- erasing
    def _erase_characters(self, count: int, byte: int) -> None:
        for _ in range(count):
            if not self._line:
                return
            removed = self._pop_character()
            if "echo" not in self._modes:
                continue
            if "echoe" not in self._modes:
                self._echo_character(byte)
                continue
            self._rub_out(removed)

    def _pop_character(self) -> bytes:
        """Remove the last character of the line and return it; with ``iutf8`` it may have several bytes."""
        removed = bytearray((self._line.pop(),))
        if "iutf8" in self._modes:
            while removed[0] & 0xC0 == 0x80 and self._line:
                removed.insert(0, self._line.pop())
        return bytes(removed)

    def _rub_out(self, removed: bytes) -> None:
        if removed == b"\t":
            target = self._line_column
            for kept in columns.characters(bytes(self._line), utf8="iutf8" in self._modes):
                target = columns.after(target, kept, echoctl="echoctl" in self._modes)
            while self._column > target:
                self._emit(b"\b")
        elif columns.is_control(removed[0]):
            if "echoctl" in self._modes:
                self._emit(b"\b \b\b \b")
        else:
            self._emit(b"\b \b")

    def _erase_word(self, byte: int) -> None:
        count, seen = 0, False
        for character in reversed(columns.characters(bytes(self._line), utf8="iutf8" in self._modes)):
            word = character.isalnum() or character == b"_" or character[0] >= 0x80
            if seen and not word:
                break
            seen = seen or word
            count += 1
        self._erase_characters(count, byte)

    def _kill_line(self, byte: int) -> None:
        modes = self._modes
        if "echo" not in modes:
            self._line.clear()
        elif "echok" in modes and "echoke" in modes and "echoe" in modes:
            self._erase_characters(len(self._line), byte)
        else:
            self._line.clear()
            self._echo_character(byte)
            if "echok" in modes:
                self._emit(b"\n")

    # --------------------------------------------------------------------------------------------------- to the line
    def _echo_character(self, byte: int) -> None:
        if "echoctl" in self._modes and columns.is_control(byte) and byte not in b"\t\n":
            self._emit(bytes((0x5E, byte ^ 0x40)))
        else:
            self._emit(bytes((byte,)))

    def _emit(self, data: bytes) -> None:
        self._echo_out(self.process_output(data))

    def process_output(self, data: bytes) -> bytes:
        """Turn what a program has written into the bytes that go to the line (OPOST), and keep track of the column."""
        modes = self._modes
        if "opost" not in modes:
            return data
        if "onlcr" in modes:
            data = data.replace(b"\n", b"\r\n")
        if "ocrnl" in modes:
            data = data.replace(b"\r", b"\n")
        if "tab3" in modes and b"\t" in data:
            data = columns.expand_tabs(self._column, data)
        self._column = columns.after_all(self._column, data)
        return data


_SIGNAL_CHARACTERS: Final[Iterable[tuple[str, Signal]]] = (("intr", "INT"), ("quit", "QUIT"), ("susp", "TSTP"))
