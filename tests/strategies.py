"""All Hypothesis strategies of the tests, in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hypothesis import strategies as st

from uartsim.conform import steps as conform
from uartsim.line_format import BIT_AT_DIVISOR_1, CRYSTAL_PERIOD, PARITIES, LineFormat
from uartsim.registers import LSR

# -- the line ----------------------------------------------------------------------------------------------

characters = st.integers(0, 0xFF)

#: LSR bits that a character can bring: none, mostly.
character_errors = st.sampled_from(
    [0, 0, 0, 0, int(LSR.PE), int(LSR.FE), int(LSR.PE | LSR.FE), int(LSR.BI | LSR.FE), int(LSR.BI | LSR.FE | LSR.PE)]
)


def line_formats(divisors: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[LineFormat]:
    """Formats that a 16550 can be programmed to.

    Args:
        divisors: of the baud generator; 1 to 65535 if not given.
    """

    def build(divisor: int, data_bits: int, parity: str, long_stop: bool) -> LineFormat:
        stop_halves = 2 if not long_stop else 3 if data_bits == 5 else 4
        return LineFormat(divisor * BIT_AT_DIVISOR_1, data_bits, parity, stop_halves)

    return st.builds(
        build,
        divisors if divisors is not None else st.integers(1, 0xFFFF),
        st.integers(5, 8),
        st.sampled_from(PARITIES),
        st.booleans(),
    )


# -- programs for a chip -----------------------------------------------------------------------------------


class Read(NamedTuple):
    """A register is read."""

    offset: int


class Write(NamedTuple):
    """A register is written."""

    offset: int
    value: int


class WriteRun(NamedTuple):
    """THR is written several times; the divisor latch is not open."""

    data: bytes


class Receive(NamedTuple):
    """A character from the line is complete."""

    character: int
    errors: int


class Pins(NamedTuple):
    """The cable drives the modem inputs."""

    inputs: int


class Wait(NamedTuple):
    """Time passes, in ticks."""

    ticks: int


class Reset(NamedTuple):
    """Master reset."""


Step = Read | Write | WriteRun | Receive | Pins | Wait | Reset

#: Values that a driver writes, and any other.
register_values = {
    0: characters,
    1: st.sampled_from([0, 1, 2, 3, 5, 7, 0x0F]) | characters,
    2: st.sampled_from([0, 1, 3, 5, 7, 0x41, 0x81, 0xC1, 0xC7, 0x21]) | characters,
    3: st.sampled_from([3, 3, 3, 0x83, 0x43, 0xBF, 0x1B, 0x07, 0x00, 0x04]) | characters,
    4: st.sampled_from([0, 8, 0x0B, 0x0F, 0x1B, 0x18, 0x1F, 0x2B]) | characters,
    5: characters,
    6: characters,
    7: characters,
}

reads = st.builds(Read, st.sampled_from([0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7]))
writes = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 7]).flatmap(
    lambda offset: st.builds(Write, st.just(offset), register_values[offset])
)
receptions = st.builds(Receive, characters, character_errors)

#: Around everything that has a length at 115200 8N1, in sixteenths of a bit, and any other time.
sixteenths = st.one_of(
    st.sampled_from([0, 1, 8, 15, 16, 17, 24, 143, 144, 145, 151, 152, 153, 159, 160, 161, 320, 639, 640, 641]),
    st.integers(0, 400),
    st.integers(0, 3000),
)
waits = st.builds(Wait, sixteenths.map(lambda n: n * CRYSTAL_PERIOD) | st.integers(0, 10**9))

steps: st.SearchStrategy[Step] = st.one_of(
    reads, writes, waits, receptions, waits, writes, st.builds(Pins, characters), st.builds(Reset)
)

#: A program that begins as a driver does, so that most of what follows has an effect.
programs = st.builds(
    lambda fcr, ier, mcr, lcr, rest: [
        *(Write(3, 0x80), Write(0, 1), Write(1, 0), Write(3, lcr), Write(2, fcr), Write(1, ier), Write(4, mcr)),
        *rest,
    ],
    st.sampled_from([0, 1, 0x41, 0xC1]),
    st.sampled_from([0, 1, 2, 3, 0x0F]),
    st.sampled_from([0x08, 0x0B, 0x1B]),
    st.sampled_from([3, 3, 0x1B, 0x04]),
    st.lists(steps, max_size=40),
)

#: What a chip can be built with.
chip_options = st.fixed_dictionaries(
    {
        "variant": st.sampled_from(["16550A", "16550A", "16550A", "16750", "16550", "16450", "8250"]),
        "thre_delay": st.booleans(),
        "out2_gate": st.sampled_from(["bit", "pin", "none"]),
        "timeout_rule": st.sampled_from(["frames", "word"]),
        "unlimited": st.sampled_from([False, False, False, True]),
    }
)


# -- streams -----------------------------------------------------------------------------------------------


def cut_in_pieces(stream: bytes) -> st.SearchStrategy[list[bytes]]:
    """Any pieces of a stream, in their order."""
    cuts = st.lists(st.integers(0, len(stream)), max_size=8).map(sorted)
    return cuts.map(lambda at: [stream[a:b] for a, b in zip([0, *at], [*at, len(stream)], strict=True)])


# -- conformance sequences ---------------------------------------------------------------------------------

_quoted = st.text(
    st.characters(exclude_characters='"{}[]', exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=20
)
_sections = st.sampled_from(["8.4", "8.1, 8.8", "table IV", "6, pin OUT 2; IBM PC", "TL16C750"])
_bytes = st.integers(0, 0xFF)
_offsets = st.integers(0, 7)
_bit_times = st.integers(0, 20_000).map(lambda n: n / 16)


_checks = st.builds(conform.Check, _quoted, _sections, st.booleans())
_masks = st.integers(1, 0xFF)
_parts = st.sampled_from(conform.ALL_PARTS)
_steps: st.SearchStrategy[conform.Step] = st.one_of(
    st.builds(conform.Write, _offsets, _bytes),
    st.builds(conform.Read, _offsets),
    st.builds(conform.Read, _offsets, _bytes, _checks, _masks, st.dictionaries(_parts, _bytes, max_size=3)),
    st.builds(conform.Poll, _offsets, _masks, _bytes, st.integers(0, 9999), _checks, _bit_times.filter(bool)),
    st.builds(conform.Wait, _bit_times, _bit_times),
    st.builds(conform.Settle, st.integers(0, 999)),
    st.builds(conform.Irq, st.booleans(), _checks),
    st.builds(conform.Sent, st.binary(max_size=20), _checks),
    st.builds(conform.Receive, st.binary(min_size=1, max_size=20), _bytes),
    st.builds(conform.Modem, _bytes),
    st.sampled_from([conform.Break(), conform.Reset()]),
)


def _sequence(name: str, title: str, steps: list[conform.Step], parts: tuple[str, ...], topic: str) -> conform.Sequence:
    """A sequence whose checks have texts of their own."""
    numbered = []
    for number, step in enumerate(steps):
        if isinstance(step, (conform.Read, conform.Poll, conform.Irq, conform.Sent)) and step.check is not None:
            step = replace(step, check=replace(step.check, what=f"{step.check.what}{number}"))
        numbered.append(step)
    return conform.Sequence(name, title, tuple(numbered), parts, topic)


#: Any sequence that the notation can hold.
conformance_sequences = st.builds(
    _sequence,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}", fullmatch=True),
    _quoted,
    st.lists(_steps, min_size=1, max_size=8),
    st.lists(_parts, min_size=1, unique=True).map(tuple) | st.just(conform.ALL_PARTS),
    st.sampled_from(["receiver", "Linux", "memtest86+"]),
)

_words = st.sampled_from(
    [
        *("topic t", "steps s", 'sequence a "b"', "parts 8250", "do s", "for n in 0..3", "for n, c in numbered 'ab'"),
        *("LSR", "THR", "IIR", "FCR", "<-", "->", "&", "|", "(", ")", ",", ":", "..", "THRE", "TRIGGER_14", "0x41"),
        *("'a\\n'", "'\\x4", '"what"', "[8.4]", "[8.4, silent]", "poll", "within", "300", "bits", "every", "0", "1.5"),
        *(
            "wait",
            "settle",
            "read",
            "modem",
            "MR",
            "active",
            "SIN",
            "SOUT",
            "nothing",
            "break",
            "with",
            "INTR",
            "divisor",
        ),
        *("{n}", "{n:X}", "{", "}", "#", "\t", "é", "16550A", "99999999999999999999"),
    ]
)
#: Lines that are nearly a file of sequences.
almost_sequences = st.lists(
    st.builds(
        lambda indentation, words: " " * indentation + " ".join(words),
        st.sampled_from([0, 0, 4, 4, 8, 3]),
        st.lists(_words | st.text(max_size=3), max_size=8),
    ),
    max_size=12,
).map("\n".join)
