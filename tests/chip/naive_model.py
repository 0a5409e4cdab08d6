"""A second 16550A and its relatives, deliberately naive: every sixteenth of a bit is stepped, nothing computed ahead.

Written from the reference text, not from the chip's code, so that a mistake has to be made twice.  In loopback the
receiver here sees levels, interval by interval, as a 16-times oversampling receiver does.  One step is one sixteenth of
a bit; a divisor other than 1 would only make every step longer, so there is none.
"""

from __future__ import annotations


class NaiveUart:
    """One chip.  Characters from the line arrive complete, as they do at the real model's face.

    Args:
        variant: the part: 8250, 16450, 16550, 16550A or 16750.
        delay_circuit: whether a lone character's empty indication comes late.
        timeout_by_word: the character timeout is 4 words and 12 bits, and not 4 frames.
    """

    def __init__(self, variant: str = "16550A", *, delay_circuit: bool = True, timeout_by_word: bool = False) -> None:
        self.variant = variant
        self.delay_circuit = delay_circuit
        self.timeout_by_word = timeout_by_word
        self.time = 0
        self.sent: list[tuple[int, int]] = []  # when its start bit began, and the character
        self.pins = 0xB0
        self.rbr = 0
        self.scr = 0
        self.master_reset()

    def master_reset(self) -> None:
        self.ier = self.fcr = self.lcr = self.mcr = 0
        # Receiver.
        self.rx: list[tuple[int, int]] = []  # character and errors; one place without FIFO
        self.line_errors = 0
        self.quiet = 0
        self.quiet_limit: int | None = None  # None: the timeout does not run
        self.timed_out = False
        self.samples: list[int] | None = None  # of the frame being received from the loop
        self.intervals = 0
        self.wants_mark = False
        # Transmitter.
        self.tx: list[int] = []
        self.levels: list[int] = []  # what is left of the frame in the shift register, a level for each step
        self.start_in = 0  # 16450 mode: steps until the waiting start bit
        self.thre = True
        self.thre_in = 0  # steps until the late indication
        self.since_thre = 0
        self.written_in_this_step = 0  # to an idle shift register, in FIFO mode
        self.immediate = False
        self.thre_latch = False
        # Modem.
        self.rts_dropped = False
        self.inputs = self.pins
        self.deltas = 0

    # -- the format ----------------------------------------------------------------------------------------

    @property
    def word(self) -> int:
        return 5 + self.lcr % 4

    @property
    def has_parity(self) -> bool:
        return bool(self.lcr & 0x08)

    def parity_of(self, character: int) -> int:
        if self.lcr & 0x20:
            return 0 if self.lcr & 0x10 else 1
        odd_number_of_ones = bin(character).count("1") % 2
        return odd_number_of_ones if self.lcr & 0x10 else 1 - odd_number_of_ones

    @property
    def stop_steps(self) -> int:
        if not self.lcr & 0x04:
            return 16
        return 24 if self.word == 5 else 32

    def frame(self, character: int) -> list[int]:
        bits = [0] + [character >> n & 1 for n in range(self.word)]
        if self.has_parity:
            bits.append(self.parity_of(character))
        return [bit for bit in bits for _ in range(16)] + [1] * self.stop_steps

    @property
    def fifo_on(self) -> bool:
        return bool(self.fcr & 1) and self.variant in ("16550A", "16750")

    @property
    def depth(self) -> int:
        if not self.fifo_on:
            return 1
        return 64 if self.fcr & 0x20 else 16

    @property
    def trigger(self) -> int:
        if not self.fifo_on:
            return 1
        return ((1, 16, 32, 56) if self.fcr & 0x20 else (1, 4, 8, 14))[self.fcr >> 6]

    @property
    def looped(self) -> bool:
        return bool(self.mcr & 0x10)

    # -- time ----------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One sixteenth of a bit passes."""
        level = self.levels[0] if self.levels else 1
        if self.lcr & 0x40:
            level = 0
        self.time += 1
        self.written_in_this_step = 0
        # The timeout first: it may expire in the step in which the next character is complete.
        if self.quiet_limit is not None:
            self.quiet += 1
            if self.quiet == self.quiet_limit:
                self.timed_out = True
                self.quiet_limit = None
        if self.looped:
            self.sample(level)
        self.step_transmitter()

    def sample(self, level: int) -> None:
        """The loop was at ``level`` during the step that is over."""
        if self.samples is None:
            if self.wants_mark:
                self.wants_mark = level == 0
            elif level == 0:
                self.samples, self.intervals = [], 1
            return
        self.intervals += 1
        if self.intervals % 16 != 8:
            return
        self.samples.append(level)
        if len(self.samples) < 1 + self.word + self.has_parity + 1:
            return
        samples, self.samples = self.samples, None
        character = sum(bit << n for n, bit in enumerate(samples[1 : 1 + self.word]))
        errors = 0
        if self.has_parity and samples[-2] != self.parity_of(character):
            errors |= 0x04
        if samples[-1] == 0:
            errors |= 0x08
            self.wants_mark = True
            if not any(samples):
                errors |= 0x10
        self.character_is_in(character, errors)

    def step_transmitter(self) -> None:
        if self.thre_in:
            self.thre_in -= 1
            if not self.thre_in:
                self.indicate_empty()
        if self.start_in:
            self.start_in -= 1
            if not self.start_in and not self.held:
                self.shift(follows=False)
        elif self.levels:
            self.levels.pop(0)
            if not self.levels and self.tx and not self.held:
                self.shift(follows=True)

    def shift(self, *, follows: bool) -> None:
        """The shift register takes the next character."""
        character = self.tx.pop(0) & (1 << self.word) - 1
        self.levels = self.frame(character)
        if not self.looped:
            self.sent.append((self.time, character))
        if self.tx:
            return
        if not self.fifo_on:
            if follows:
                self.thre_in = 8
            else:
                self.indicate_empty()
        elif self.delay_circuit and self.since_thre < 2 and not self.immediate:
            last_stop_bit = 8 if self.stop_steps == 24 else 16
            self.thre_in = len(self.levels) - last_stop_bit
        else:
            self.indicate_empty()

    def indicate_empty(self) -> None:
        self.thre = True
        self.thre_latch = True
        self.since_thre = 0
        self.immediate = False

    # -- the receiver --------------------------------------------------------------------------------------

    def receive(self, character: int, errors: int) -> None:
        if not self.looped:
            self.character_is_in(character & (1 << self.word) - 1, errors)

    def character_is_in(self, character: int, errors: int) -> None:
        if not self.fifo_on:
            if self.rx:
                self.line_errors |= 0x02
            self.rx = [(character, errors)]
            self.rbr = character
            self.line_errors |= errors
            return
        self.restart_timeout()
        if len(self.rx) == self.depth:
            self.line_errors |= 0x02
            return
        self.rx.append((character, errors))
        if len(self.rx) == 1:
            self.line_errors |= errors
        self.control_flow()

    def restart_timeout(self) -> None:
        if self.timed_out:
            return
        self.quiet = 0
        frame = 16 * (1 + self.word + self.has_parity) + self.stop_steps
        self.quiet_limit = 16 * (4 * self.word + 12) if self.timeout_by_word else 4 * frame

    def read_rbr(self) -> int:
        if not self.rx:
            return 0 if self.fifo_on else self.rbr
        character, _ = self.rx.pop(0)
        self.timed_out = False
        self.quiet_limit = None
        if self.rx:
            self.line_errors |= self.rx[0][1]
            self.restart_timeout()
        self.control_flow()
        return character

    # -- interrupts ----------------------------------------------------------------------------------------

    @property
    def identification(self) -> int:
        if self.ier & 4 and self.line_errors:
            return 6
        if self.ier & 1 and self.timed_out:
            return 0x0C
        if self.ier & 1 and len(self.rx) >= self.trigger:
            return 4
        if self.ier & 2 and self.thre_latch:
            return 2
        if self.ier & 8 and self.deltas & (0x0E if self.mcr & 0x20 else 0x0F):
            return 0
        return 1

    @property
    def irq(self) -> bool:
        return self.identification != 1 and bool(self.mcr & 8)

    @property
    def line_status(self) -> int:
        value = self.line_errors | (1 if self.rx else 0)
        if self.thre:
            value |= 0x20
            if not self.levels and not self.tx:
                value |= 0x40
        if self.fifo_on and any(errors for _, errors in self.rx):
            value |= 0x80
        return value

    # -- modem ---------------------------------------------------------------------------------------------

    @property
    def rts(self) -> bool:
        return bool(self.mcr & 2) and not self.rts_dropped

    @property
    def outputs(self) -> int:
        return 0 if self.looped else self.mcr & 0x0D | self.rts << 1

    @property
    def held(self) -> bool:
        return bool(self.mcr & 0x20) and not self.inputs & 0x10

    def control_flow(self) -> None:
        """16750: the receiver's FIFO drops RTS and raises it again."""
        level = len(self.rx)
        if self.mcr & 0x22 != 0x22 or not self.fifo_on:
            self.rts_dropped = False
        elif self.fcr >> 6 == 3:
            self.rts_dropped = level == self.depth
        elif level >= self.trigger:
            self.rts_dropped = True
        elif level == 0:
            self.rts_dropped = False
        self.look_at_inputs()

    def set_pins(self, pins: int) -> None:
        self.pins = pins
        self.look_at_inputs()

    def look_at_inputs(self) -> None:
        new = self.pins
        if self.looped:
            cts, dsr, ri, dcd = (int(self.rts), self.mcr & 1, self.mcr >> 2 & 1, self.mcr >> 3 & 1)
            new = cts * 0x10 + dsr * 0x20 + ri * 0x40 + dcd * 0x80
        for line, delta in ((0x10, 1), (0x20, 2), (0x80, 8)):
            if (new ^ self.inputs) & line:
                self.deltas |= delta
        if self.inputs & 0x40 and not new & 0x40:
            self.deltas |= 4
        self.inputs = new
        if self.tx and not self.levels and not self.start_in and not self.held:
            self.shift(follows=False)

    # -- registers (the divisor latch is left alone) -------------------------------------------------------

    def read(self, offset: int) -> int:
        if offset == 0:
            return self.read_rbr()
        if offset == 1:
            return self.ier
        if offset == 2:
            value = self.identification
            if value == 2:
                self.thre_latch = False
            return value | self.fifo_bits
        if offset == 3:
            return self.lcr
        if offset == 4:
            return self.mcr
        if offset == 5:
            value = self.line_status
            self.line_errors = 0
            return value
        if offset == 6:
            value = self.inputs | self.deltas
            self.deltas = 0
            return value
        return 0xFF if self.variant == "8250" else self.scr

    @property
    def fifo_bits(self) -> int:
        """IIR bits 7:5."""
        if not self.fcr & 1:
            return 0
        return 0x80 if self.variant == "16550" else 0xC0 | self.fcr & 0x20

    def visible(self) -> tuple[object, ...]:
        """What can be seen from outside without disturbing anything."""
        frames = len(self.sent)
        return self.irq, self.identification, self.line_status, self.inputs | self.deltas, self.outputs, frames

    def write(self, offset: int, value: int) -> None:
        if offset == 0:
            self.write_thr(value)
        elif offset == 1:
            if value & 2 and not self.ier & 2 and self.thre:
                self.thre_latch = True
            self.ier = value & 0x0F
        elif offset == 2:
            self.write_fcr(value)
        elif offset == 3:
            self.lcr = value
        elif offset == 4:
            was_looped = self.looped
            self.mcr = value & (0x3F if self.variant == "16750" else 0x1F)
            self.control_flow()
            if was_looped != self.looped:
                self.samples, self.wants_mark = None, False
        elif offset == 7:
            self.scr = value

    def write_thr(self, value: int) -> None:
        self.thre_latch = False
        if len(self.tx) == self.depth:
            if self.fifo_on:
                return
            self.tx.clear()
        self.tx.append(value)
        self.since_thre += 1
        if self.written_in_this_step:
            self.since_thre = 2  # the shift register has not had the time to take the one before
        self.thre = False
        self.thre_in = 0
        if self.levels or self.start_in:
            return
        if not self.fifo_on:
            self.start_in = 16
        elif not self.held:
            self.written_in_this_step += 1
            self.shift(follows=False)

    def write_fcr(self, value: int) -> None:
        if self.variant in ("8250", "16450"):
            return
        if (value ^ self.fcr) & 1:
            self.empty_receiver()
            self.empty_transmitter()
            self.immediate = True
        if value & 1:
            # Bit 5 can be changed only while the divisor latch is open.
            long_fifo = (value if self.lcr & 0x80 else self.fcr) & (0x20 if self.variant == "16750" else 0)
            if long_fifo != self.fcr & 0x20:
                self.empty_receiver()
                self.empty_transmitter()
                self.immediate = True
            if value & 2:
                self.empty_receiver()
            if value & 4:
                self.empty_transmitter()
            self.fcr = value & 0xC1 | long_fifo
        else:
            self.fcr &= 0xC0
        self.control_flow()

    def empty_receiver(self) -> None:
        self.rx.clear()
        self.timed_out = False
        self.quiet_limit = None

    def empty_transmitter(self) -> None:
        self.tx.clear()
        self.start_in = self.thre_in = self.since_thre = self.written_in_this_step = 0
        self.thre = True
        self.thre_latch = True
