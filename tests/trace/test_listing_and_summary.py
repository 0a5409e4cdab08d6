"""Names, listing and summary of traces, event by event."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.record import events
from uartsim.trace.bit_names import bit_names, printable, register_name
from uartsim.trace.listing import Listing, clock, duration, in_order
from uartsim.trace.summary import Summary, summarize

END = events.End(99 * TICKS_PER_SECOND, whole=True)
AT_115200, AT_9600 = LineFormat(), LineFormat.from_baud(9600, "7E1")
S = TICKS_PER_SECOND


# -- names -------------------------------------------------------------------------------------------------


def test_registers_have_the_names_of_the_datasheet() -> None:
    def names(written: bool, dlab: bool) -> str:
        return " ".join(register_name(offset, written, dlab) for offset in range(8))

    assert names(False, False) == "RBR IER IIR LCR MCR LSR MSR SCR"
    assert names(True, False) == "THR IER FCR LCR MCR LSR MSR SCR"
    assert names(False, True) == "DLL DLM IIR LCR MCR LSR MSR SCR"
    assert names(True, True) == "DLL DLM FCR LCR MCR LSR MSR SCR"


@pytest.mark.parametrize(
    ("register", "value", "words"),
    [
        ("RBR", 0x41, "'A'"),
        ("THR", 0x27, r"'\''"),
        ("IER", 0x0F, "ERBFI ETBEI ELSI EDSSI"),
        ("IER", 0x00, ""),
        ("IIR", 0x01, "none pending"),
        ("IIR", 0x06, "line status"),
        ("IIR", 0xC4, "received data, FIFOs on"),
        ("IIR", 0xCC, "character timeout, FIFOs on"),
        ("IIR", 0x82, "THR empty, FIFOs on but not working"),
        ("IIR", 0xE0, "modem status, FIFOs on, 64 bytes"),
        ("IIR", 0x48, "unknown interrupt 8"),
        ("FCR", 0x00, "FIFOs off"),
        ("FCR", 0x06, "FIFOs off"),
        ("FCR", 0x01, "FIFOs on, trigger 1"),
        ("FCR", 0x47, "FIFOs on, trigger 4, reset receive FIFO, reset transmit FIFO"),
        ("FCR", 0x8B, "FIFOs on, trigger 8, reset receive FIFO, DMA mode 1"),
        ("FCR", 0xC5, "FIFOs on, trigger 14, reset transmit FIFO"),
        ("FCR", 0xE1, "FIFOs on, trigger 56, 64 bytes"),
        ("LCR", 0x00, "5N1"),
        ("LCR", 0x04, "5N1.5"),
        ("LCR", 0x07, "8N2"),
        ("LCR", 0x0A, "7O1"),
        ("LCR", 0x19, "6E1"),
        ("LCR", 0x2B, "8M1"),
        ("LCR", 0x3B, "8S1"),
        ("LCR", 0xC3, "8N1 BREAK DLAB"),
        ("MCR", 0x1B, "DTR RTS OUT2 LOOP"),
        ("LSR", 0x61, "DR THRE TEMT"),
        ("MSR", 0x19, "DCTS DDCD CTS"),
        ("SCR", 0xFF, ""),
        ("DLL", 0x01, ""),
    ],
)
def test_what_a_value_means_is_said_in_a_few_words(register: str, value: int, words: str) -> None:
    assert bit_names(register, value) == words


def test_characters_are_shown_as_in_a_string_literal() -> None:
    assert printable(b" aZ~") == " aZ~"
    assert printable(b"\b\t\n\f\r\x1b\\") == r"\b\t\n\f\r\e\\"
    assert printable(b"\x00\x1f\x7f\x80\xff") == r"\x00\x1f\x7f\x80\xff"
    assert printable(b"\"'") == "\\\"'"
    assert printable(b"\"'", quote="'") == "\"\\'"


# -- times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (0, "+0.000 000 000 s"),
        (143, "+0.000 000 000 s"),
        (144, "+0.000 000 001 s"),
        (417_292 * 144, "+0.000 417 292 s"),
        (12 * S + 345_678_901 * 144, "+12.345 678 901 s"),
        (-144, "-0.000 000 001 s"),
    ],
)
def test_a_time_is_shown_to_the_nanosecond(ticks: int, text: str) -> None:
    assert clock(ticks) == text


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (S, "1 s"),
        (90 * S, "90 s"),
        (S - TICKS_PER_NS, "1000 ms"),
        (S // 1000, "1 ms"),
        (S // 1_000_000, "1 µs"),
        (S // 1_000_000 * 86 + 115_200, "86.8 µs"),
        (999 * 144, "999 ns"),
        (72, "0.5 ns"),
        (0, "0 ns"),
    ],
)
def test_a_length_of_time_is_shown_in_the_unit_that_suits_it(ticks: int, text: str) -> None:
    assert duration(ticks) == text


# -- listing -----------------------------------------------------------------------------------------------


def listed(trace: Iterable[events.Event], every: bool = False, **options: object) -> list[str]:
    """The lines without their times, up to the recording's end."""
    lines = Listing(**options).lines(trace, every)  # type: ignore[arg-type]
    return [line.split(" s  ")[-1].strip() for line in lines]


ONE_OF_EACH: list[tuple[events.Event, str]] = [
    (events.Write(1, 3, 0x83), "write  LCR 83  8N1 DLAB"),
    (events.Write(2, 0, 0x0C), "write  DLL 0C"),
    (events.Read(3, 1, 0x00), "read   DLM 00"),
    (events.Write(4, 3, 0x03), "write  LCR 03  8N1"),
    (events.Write(5, 0, 0x41), "write  THR 41  'A'"),
    (events.Programmed(6, AT_9600), "format 9600 7E1"),
    (events.Interrupt(7, True), "IRQ    rises"),
    (events.Interrupt(8, False), "IRQ    falls"),
    (events.Sent(9, b"A\n", AT_115200), r'TXD    "A\n" sent at 115200 8N1'),
    (events.SentBreak(10, True), "TXD    break begins"),
    (events.SentBreak(11, False), "TXD    break ends"),
    (events.Received(12, 0x27, 0), r"RXD    '\'' 27 received"),
    (events.Received(13, 0x41, 0x0C), "RXD    'A' 41 received with PE FE"),
    (events.Received(14, 0x00, 0x18), "RXD    break received"),
    (events.FarSent(15, b'"', AT_9600), r'far    "\"" sent at 9600 7E1'),
    (events.FarSpace(16, 144_000), "far    holds RXD at space for 1 µs"),
    (events.RxdEdges(17, ((17, 0), (17 + 144_000, 1))), "RXD    arrived other than it was sent, for 1 µs: 2 levels"),
    (events.ModemInputs(18, 0x30), "pins   in: CTS DSR"),
    (events.ModemInputs(19, 0x00), "pins   in: none"),
    (events.ModemOutputs(20, 0x0B), "pins   out: DTR RTS OUT2"),
    (events.Reset(21), "reset"),
]


def test_every_sort_of_event_has_its_words() -> None:
    trace = [event for event, _ in ONE_OF_EACH]
    words = [" ".join(text.split()) for _, text in ONE_OF_EACH]
    assert [" ".join(line.split()) for line in listed([*trace, events.End(22, whole=True)])] == [*words, "end"]
    cut_off = listed([events.Lost(1, 7), events.End(22, whole=False)])
    assert [" ".join(line.split()) for line in cut_off] == [
        "lost 7 events are missing here",
        "end the recording was cut off here",
    ]


@pytest.mark.parametrize(
    ("group", "kinds"),
    [
        ("accesses", {"Write", "Read", "Reset"}),
        (
            "line",
            {"Sent", "SentBreak", "Received", "FarSent", "FarSpace", "RxdEdges", "Programmed"},
        ),
        ("interrupts", {"Interrupt"}),
        ("modem", {"ModemInputs", "ModemOutputs"}),
    ],
)
def test_a_group_selects_its_events_and_what_is_missing_is_always_told(group: str, kinds: set[str]) -> None:
    trace = [*(event for event, _ in ONE_OF_EACH), events.Lost(22, 1), events.End(23, whole=True)]
    found = [event for event, _ in Listing(only=[group])._chosen(trace)]
    assert {type(event).__name__ for event in found} == {*kinds, "Lost"}
    cut_off = [*trace[:-1], events.End(23, whole=False)]
    assert type(list(Listing(only=[group])._chosen(cut_off))[-1][0]) is events.End


def test_a_stretch_includes_both_its_ends_and_a_cut_is_told_whatever_is_selected() -> None:
    trace: list[events.Event] = [events.Read(at, 7, at) for at in range(10)]
    whole, cut_off = events.End(20, whole=True), events.End(1, whole=False)

    def values(begin: int, end: int | None, *, last: events.End) -> list[object]:
        found = Listing(begin, end).objects([*trace, last])
        return [each.get("value", each["event"]) for each in found]

    assert values(3, 5, last=whole) == [3, 4, 5]
    assert values(8, None, last=whole) == [8, 9, "end"]
    assert values(0, 9, last=whole) == [*range(10)]
    assert values(8, 20, last=whole) == [8, 9, "end"]
    assert values(8, 20, last=cut_off) == [8, 9, "end"]
    assert values(3, 5, last=cut_off) == [3, 4, 5]


def test_reads_of_one_value_are_counted_and_anything_between_begins_anew() -> None:
    read: list[events.Event] = [events.Read(number * S, 5, 0x60) for number in range(9)]
    trace: list[events.Event] = [
        read[0],
        events.Write(S, 7, 1),
        *read[2:4],
        events.Read(4 * S, 5, 0x61),
        *read[5:8],
        events.Read(8 * S, 6, 0x60),
        END,
    ]
    assert listed(trace) == [
        "read   LSR 60  THRE TEMT",
        "write  SCR 01",
        "read   LSR 60  THRE TEMT",
        "... once more, at +3.000 000 000 s",
        "read   LSR 61  DR THRE TEMT",
        "read   LSR 60  THRE TEMT",
        "... 2 times more, until +7.000 000 000 s",
        "read   MSR 60  DSR RI",
        "end",
    ]
    assert len(listed(trace, every=True)) == len(trace)
    assert listed([read[0], read[1], events.Lost(S, 1)])[1] == "... once more, at +1.000 000 000 s"
    assert list(Listing().lines([*read[:2], events.Settled(2 * S)]))[-1].endswith("... once more, at +1.000 000 000 s")


def test_events_that_were_recorded_late_are_put_in_order_once_nothing_earlier_can_come() -> None:
    trace: list[events.Event] = [
        *(events.Read(5, 7, 0), events.Sent(1, b"a", AT_115200), events.Read(5, 7, 1), events.Settled(5)),
        *(events.Read(9, 7, 2), events.Sent(5, b"b", AT_115200), events.Lost(7, 3), events.Read(8, 7, 3)),
        events.End(9, whole=True),
    ]
    assert [event[1] if isinstance(event, events.Sent) else event[-1] for event in in_order(trace)] == [
        *(b"a", 0, 1, b"b", 2, 3, 3, True),
    ]
    more: list[events.Event] = [events.Read(5, 7, 0), events.Settled(5), events.Read(6, 7, 1), events.Settled(6)]
    assert [event.at for event in in_order(more)] == [5], "what comes at the settled moment may still be preceded"


def test_plain_values_are_exact() -> None:
    found, end = Listing().objects([events.Sent(144, b"a\xff", AT_9600), END])
    assert end["whole"] is True
    assert found == {
        "ticks": 144,
        "seconds": 1e-9,
        "event": "sent",
        "characters": "a\xff",
        "line_format": "9600 7E1",
    }


# -- summary -----------------------------------------------------------------------------------------------


def test_a_summary_adds_up_what_happened() -> None:
    found = summarize(
        [
            *(events.Write(0, 3, 0x83), events.Write(1, 0, 0x0C), events.Write(2, 1, 0x01), events.Write(3, 3, 0x03)),
            *(events.Read(4, 0, 1), events.Read(5, 5, 0x60), events.Read(6, 5, 0x61), events.Write(7, 0, 0x41)),
            *(events.Write(8, 1, 1), events.Write(9, 1, 3), events.Write(10, 1, 1), events.Write(11, 7, 9)),
            *(events.Programmed(10, AT_115200), events.Programmed(30, AT_9600), events.Programmed(60, AT_115200)),
            *(events.Sent(12, b"abc", AT_115200), events.SentBreak(13, True), events.SentBreak(14, False)),
            *(events.Received(15, 1, 0), events.Received(16, 1, 0x04), events.Received(17, 1, 0x08)),
            *(events.Received(18, 0, 0x18), events.FarSent(19, b"zz", AT_9600), events.ModemInputs(19, 0)),
            *(events.Interrupt(20, True), events.Interrupt(22, True), events.Interrupt(25, False)),
            *(events.Interrupt(26, False), events.Interrupt(30, True), events.Interrupt(37, False)),
            *(events.Lost(50, 4), events.Lost(51, 3), events.Settled(70), events.Reset(80), events.Interrupt(90, True)),
            events.End(100, whole=True),
        ]
    )
    assert found.reads == {"RBR": 1, "LSR": 2}
    assert found.writes == {"LCR": 2, "DLL": 1, "DLM": 1, "THR": 1, "IER": 3, "SCR": 1}
    assert found.accesses == 12
    assert found.settings == {"FCR": {}, "LCR": {0x83: 1, 0x03: 1}, "IER": {1: 2, 3: 1}, "MCR": {}}
    assert found.last == {"LCR": 0x03, "IER": 1}
    assert found.divisors == [0x010C]
    assert found.formats == {AT_115200: 20 + 40, AT_9600: 30}
    assert (found.characters_out, found.characters_in, found.errors_in) == (3, 3, 2)
    assert (found.breaks_out, found.breaks_in) == (1, 1)
    assert (found.interrupts, found.interrupt_ticks, found.longest_interrupt) == (3, 5 + 7 + 10, 10)
    assert (found.resets, found.lost, found.end, found.whole) == (1, 7, 100, True)
    assert found.events == 34


def test_a_divisor_counts_when_the_latch_is_closed_and_only_if_it_is_another() -> None:
    def divisors(*writes: tuple[int, int]) -> list[int]:
        return summarize(events.Write(at, *write) for at, write in enumerate(writes)).divisors

    assert divisors((3, 0x80), (3, 0x00)) == []
    assert divisors((3, 0x80), (0, 5)) == []
    assert divisors((3, 0x80), (0, 5), (3, 0x80), (3, 0x00)) == [5]
    assert divisors((3, 0x80), (0, 5), (3, 0), (3, 0x80), (3, 0), (3, 0x80), (1, 1), (3, 0)) == [5, 0x105]
    assert divisors((0, 5), (3, 0x03)) == []
    assert divisors((3, 0x80), (1, 0), (3, 0)) == [12]  # the other half as it is after power-on


def test_a_summary_is_said_in_lines_and_as_plain_values() -> None:
    found = Summary(
        reads={"LSR": 1, "RBR": 3},
        settings={"LCR": {3: 1, 0x83: 2}, "IER": {}},
        last={"IER": 0, "LCR": 3},
        divisors=[1, 12],
        formats={AT_115200: S},
        interrupts=2,
        interrupt_ticks=S // 1000,
        longest_interrupt=S // 2000,
        end=3 * S,
        events=4,
    )
    assert found.lines() == [
        "length      3 s, 4 events; it was cut off",
        "divisors    1, 12",
        "formats     115200 8N1 for 1 s",
        "last set    IER 00 (nothing), LCR 03 (8N1)",
        "LCR values  03, 83 2 times",
        "reads       RBR 3 LSR 1",
        "writes      none",
        "line        0 characters out, 0 in (0 with errors); breaks 0 out, 0 in",
        "interrupt   2 times, 1 ms in all, at most 500 µs",
    ]
    assert Summary(lost=2, whole=True, resets=1).lines()[0] == "length      0 ns, 0 events; 2 events are missing"
    assert Summary(resets=1).lines()[-1] == "resets      1"
    plain = found.as_json()
    assert plain["formats"] == {"115200 8N1": 1.0}
    assert (plain["interrupt_s"], plain["longest_interrupt_s"], plain["end_s"]) == (0.001, 0.0005, 3.0)
    assert plain["accesses"] == 4
    assert "end" not in plain
    assert "interrupt_ticks" not in plain
