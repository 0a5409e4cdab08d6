"""The notation of the sequences: what each line gives, and where and why a line cannot be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import strategies
from tests.conform.sequence_text import text_of
from uartsim.conform.notation import NotationError, parse
from uartsim.conform.steps import (
    Break,
    Check,
    Irq,
    Modem,
    Poll,
    Read,
    Receive,
    Reset,
    Sent,
    Sequence,
    Settle,
    Step,
    Wait,
    Write,
)
from uartsim.conform.suite import SEQUENCES

CHECK = Check("x", "8.4")


def steps(*lines: str) -> list[Step]:
    """The steps of a sequence that has these lines."""
    body = "".join(f"\n    {line}" for line in lines)
    (sequence,) = parse(f'topic receiver\nsequence name "title"{body}')
    return list(sequence.steps)


# -- what lines mean -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("IER <- ETBEI | ERBFI", Write(1, 0x03)),
        ("IER <- 0x0F", Write(1, 0x0F)),
        ("LCR <- DLAB | BITS_8 | PEN", Write(3, 0x8B)),
        ("FCR <- FIFO_ENABLE | TRIGGER_14", Write(2, 0xC1)),
        ("THR <- 'A'", Write(0, 0x41)),
        ("DLM <- 18", Write(1, 18)),
        ('IIR -> FIFOS | RECEIVED_DATA "x" [8.4]', Read(2, 0xC4, CHECK)),
        ('LSR & (THRE | TEMT) -> THRE "x" [8.4]', Read(5, 0x20, CHECK, 0x60)),
        ('LSR & DR -> 0 "x" [8.4]', Read(5, 0, CHECK, 0x01)),
        ("RBR -> 'A' \"x\" [8.4, silent]", Read(0, 0x41, Check("x", "8.4", silent=True))),
        ('SCR -> 0x5A (8250: 0xFF, 16450: 1) "x" [8.4]', Read(7, 0x5A, CHECK, parts={"8250": 0xFF, "16450": 1})),
        ("read LSR", Read(5)),
        ('poll LSR & THRE -> THRE within 300 bits "x" [8.4]', Poll(5, 0x20, 0x20, 300, CHECK)),
        ('poll LSR -> 0 within 3 bits every 1.5 bits "x" [8.4]', Poll(5, 0xFF, 0, 3, CHECK, 1.5)),
        ("wait 1 bit", Wait(1)),
        ("wait 1.5 bits, at most 0.5 bits more", Wait(1.5, 0.5)),
        ("settle", Settle(20)),
        ("settle 3 frames", Settle(3)),
        ('INTR -> active "x" [8.4]', Irq(True, CHECK)),
        ('INTR -> inactive "x" [8.4]', Irq(False, CHECK)),
        ("SOUT -> 'AB' \"x\" [8.4]", Sent(b"AB", CHECK)),
        ('SOUT -> nothing "x" [8.4]', Sent(b"", CHECK)),
        ("SIN <- 'A#\\'\\\\\\r\\n\\t\\e\\x00\\xff'  # a comment", Receive(b"A#'\\\r\n\t\x1b\x00\xff")),
        ("SIN <- 'A', 0x42, 3..5", Receive(b"AB\x03\x04\x05")),
        ("SIN <- 'A' with PE | FE", Receive(b"A", 0x0C)),
        ("SIN <- break", Break()),
        ("modem <- CTS | DCD", Modem(0x90)),
        ("MR <- active", Reset()),
    ],
)
def test_a_line_gives_a_step(line: str, step: Step) -> None:
    assert steps(line) == [step]


@pytest.mark.parametrize(
    ("line", "several"),
    [
        ("FCR <- FIFO_ENABLE, RCVR_RESET, 0", [Write(2, 1), Write(2, 2), Write(2, 0)]),
        ("THR <- 'AB', 1..3, 9..9", [Write(0, n) for n in (0x41, 0x42, 1, 2, 3, 9)]),
        ("read LSR, RBR", [Read(5), Read(0)]),
        ("divisor 0x1234", [Write(3, 0x83), Write(0, 0x34), Write(1, 0x12), Write(3, 0x03)]),
        ("divisor 1, LCR <- BITS_7 | PEN", [Write(3, 0x8A), Write(0, 1), Write(1, 0), Write(3, 0x0A)]),
    ],
)
def test_a_line_gives_several_steps(line: str, several: list[Step]) -> None:
    assert steps(line) == several


@pytest.mark.parametrize(
    ("register", "names"),
    [
        ("FCR", {"TRIGGER_1": 0x00, "TRIGGER_4": 0x40, "TRIGGER_8": 0x80, "TRIGGER_14": 0xC0}),
        ("LCR", {"BITS_5": 0, "BITS_6": 1, "BITS_7": 2, "BITS_8": 3}),
    ],
)
def test_fields_of_several_bits_have_a_name_for_each_value(register: str, names: dict[str, int]) -> None:
    offset = {"FCR": 2, "LCR": 3}[register]
    assert steps(*(f"{register} <- {name}" for name in names)) == [Write(offset, value) for value in names.values()]


def test_iir_names_what_is_pending_and_the_fifos() -> None:
    names = {"FIFOS": 0xC0, "FIFO_64": 0x20, "NONE": 1, "MODEM_STATUS": 0, "THR_EMPTY": 2, "RECEIVED_DATA": 4}
    for name, value in {**names, "LINE_STATUS": 6, "CHARACTER_TIMEOUT": 0x0C}.items():
        assert steps(f'IIR -> {name} "x" [8.4]') == [Read(2, value, CHECK)]


def test_loops_repeat_their_block_for_each_row() -> None:
    assert steps("for n in 2..4", "    THR <- {n}") == [Write(0, n) for n in (2, 3, 4)]
    assert steps("for n, c in numbered 'AB'", "    THR <- {n}, {c}") == [Write(0, n) for n in (0, 0x41, 1, 0x42)]
    assert steps("for level, bits in 1 PEN|EPS, 4 0", "    FCR <- TRIGGER_{level}", "    LCR <- {bits}") == [
        *(Write(2, 0x00), Write(3, 0x18), Write(2, 0x40), Write(3, 0x00))
    ]
    assert steps("for a in 1, 2", "    for b in 3, 4", "        THR <- {a}, {b}") == [
        Write(0, n) for n in (1, 3, 1, 4, 2, 3, 2, 4)
    ]


def test_a_number_is_put_into_texts_as_decimal_or_hexadecimal() -> None:
    (step,) = steps("for n in 10", '    RBR -> {n} "character {n} is {n:X}" [8.4]')
    assert step == Read(0, 10, Check("character 10 is 0A", "8.4"))


def test_a_loop_makes_sequences() -> None:
    text = 'topic t\nfor n in 5, 6\n  sequence word-{n} "{n} bits"\n    parts 8250, 16450\n    LCR <- BITS_{n}'
    assert parse(text) == (
        Sequence("word-5", "5 bits", (Write(3, 0),), ("8250", "16450"), "t"),
        Sequence("word-6", "6 bits", (Write(3, 1),), ("8250", "16450"), "t"),
    )


def test_named_steps_are_done_where_their_name_stands() -> None:
    text = 'topic t\nsteps off\n  IER <- 0\n  MCR <- 0\nsequence s "s"\n  do off\n  SCR <- 1\n  do off'
    off = (Write(1, 0), Write(4, 0))
    assert parse(text)[0].steps == (*off, Write(7, 1), *off)


def test_comments_empty_lines_and_windows_line_ends_are_passed_over() -> None:
    assert parse('# head\r\n\r\ntopic t # why\r\nsequence s "#1"\r\n    # inside\r\n    SCR <- 1   # why\r\n') == (
        Sequence("s", "#1", (Write(7, 1),), topic="t"),
    )


# -- properties ----------------------------------------------------------------------------------------------


@given(st.lists(strategies.conformance_sequences, max_size=2, unique_by=lambda sequence: sequence.name))
def test_what_is_written_is_read_back(sequences: list[Sequence]) -> None:
    assert parse(text_of(sequences)) == tuple(sequences)


def test_our_own_sequences_are_read_back_from_their_plain_form() -> None:
    assert parse(text_of(SEQUENCES)) == SEQUENCES


@given(strategies.almost_sequences)
@example('topic t\nsequence s "s"\n  SIN <- \'a\n')
def test_any_text_gives_sequences_or_an_error_with_its_place(text: str) -> None:
    lines = text.split("\n")
    try:
        sequences = parse(text, "mine.seq")
    except NotationError as error:
        found = re.match(r"mine\.seq:(\d+):(\d+): .", str(error))
        assert found is not None
        assert 1 <= int(found[1]) <= len(lines)
        assert 1 <= int(found[2]) <= len(lines[int(found[1]) - 1]) + 1
    else:
        assert all(sequence.steps for sequence in sequences)


# -- errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("LSS -> 0", 5, "'LSS -> 0' cannot stand here: use a register, a pin or a step: RBR, THR,"),
        ("LSR <- THRX", 12, "'THRX' cannot stand here: use a bit of LSR (DR, OE, PE, FE, BI, THRE, TEMT, FIFO_ERROR)"),
        ("LSR <- |0123456789ABCDEF0123456789ABCDE", 12, "'|0123456789ABCDEF0123456789...' cannot stand here"),
        ("LSR <- |0123456789ABCDEF0123456789ABC", 12, "'|0123456789ABCDEF0123456789ABC' cannot stand here"),
        ("SCR <- 0x123", 12, "use a value from 0 to 255"),
        ("SCR <- 'ab' | 1", 17, "'| 1' cannot stand here: end the line before it"),
        ("SCR <- 1 | 'ab'", 16, "use a number such as 0x60"),
        ("RBR <- 1", 9, "use -> and what is read"),
        ("THR -> 1", 9, "use <- and what is written"),
        ("read FCR", 10, "use a register that can be read: RBR, DLL,"),
        ("LSR & (THRE -> 0", 17, "use )"),
        ("LSR & THRE | DR -> 0", 16, "use -> and what is read"),
        ("LSR -> THRE", 16, "the end of the line cannot stand here: use what is checked in double quotes"),
        ('LSR -> THRE "x"', 20, "use the datasheet's section in brackets, such as [8.4] or [8.4, silent]"),
        ('LSR -> THRE "x" [8.4] more', 27, "end the line before it"),
        ('SCR -> 1 (8251: 2) "x" [8.4]', 15, "use a part: 8250, 16450, 16550, 16550A, 16750"),
        ("THR <- 5..3", 12, "use a range that goes up"),
        ("THR <- 'a\\q'", 14, "use a character up to \\xFF, or one of"),
        ("THR <- 'é\u0100'", 14, "use a character up to \\xFF"),
        ("THR <- 'a", 12, "use characters in single quotes"),
        ("donot", 5, "'donot' cannot stand here: use a register, a pin or a step"),
        ("SIN <- break1", 12, "'break1' cannot stand here"),
        ("wait 0.12345678901 bits", 10, "use bit times from 0 to 1000000"),
        ("wait 1000001 bits", 10, "use bit times from 0 to 1000000"),
        ("wait some", 10, "use bit times from 0 to 1000000"),
        ("wait 3 frames", 12, "use bit"),
        ('poll LSR -> 0 within 3 bits every 0 bits "x" [8.4]', 5, "would read for ever"),
        ("divisor 65536", 13, "use a divisor from 0 to 65535"),
        ('INTR -> high "x" [8.4]', 13, "use the level of the pin: active, inactive"),
        ("do nothing", 5, "no steps are called nothing: use some from above; there are: none"),
        ("THR <- {n}", 12, "'{n}' is not a variable: use {NAME}, or {NAME:X} for a number; known: none here"),
        ("for n in 1, 2", 5, "the loop is empty"),
        ("SCR\t<- 1", 8, "'\\t' cannot stand here"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(line: str, column: int, what: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse(f'topic t\nsequence name "title"\n    SCR <- 1\n    {line}', "mine.seq")
    assert str(caught.value).startswith(f"mine.seq:4:{column}: ")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("  topic t", "x:1:3: the first line is indented"),
        ('topic t\nsequence s "s"\n    SCR <- 1\n  SCR <- 2', "x:4:3: this indentation fits no line above"),
        (
            'topic t\nsequence s "s"\n    SCR <- 1\n      SCR <- 2',
            "x:4:7: this line is indented below a line that takes none",
        ),
        ("topic t\n  topic u", "x:2:3: this line is indented below a line that takes none"),
        ('sequence s "s"\n  SCR <- 1', "x:1:1: the sequence has no topic"),
        ('topic t\nsequence s "s"', "x:2:1: the sequence s has no steps"),
        ('topic t\nsequence s "s"\n parts 8250', "x:2:1: the sequence s has no steps"),
        ('topic t\nsequence s "s"\n SCR <- 1\nsequence s "s"\n SCR <- 1', "x:4:1: there is a sequence s above"),
        ('topic t\nsequence s "s"\n SCR -> 1 "a" [8.4]\n SCR -> 1 "a" [8.4]', 'x:2:1: s has 2 checks "a"'),
        ('topic t\nsequence s "s"\n for n, m in 1 2, 3\n  SCR <- 1', "x:3:2: 2 variables and 1 values"),
        ('topic t\nsequence s "s"\n for n in 3..1\n  SCR <- 1', "x:3:2: '3..1' is not a range"),
        ('topic t\nsequence s "s"\n for n in 0..256\n  SCR <- 1', "x:3:2: '0..256' is not a range"),
        ('topic t\nsequence s "s"\n for n in a\n  SCR -> 1 "{n:X}" [8.4]', "x:4:13: '{n:X}' is not a variable"),
        ("SCR <- 1", "use what begins at the left margin: topic, steps, sequence, for"),
        ("steps a", "x:1:1: the steps a are empty"),
        ("steps a\n SCR <- 1\nsteps a\n SCR <- 2", "x:3:1: there are steps a above"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(text: str, what: str) -> None:
    with pytest.raises(NotationError, match=re.escape(what)):
        parse(text, "x")


def test_loops_may_make_20000_lines() -> None:
    head = 'topic t\nsequence s "s"\n for a in 0..198\n  for b in 0..98\n   SCR <- 1\n'
    rest = 20_000 - 3 - 199 - 199 * 99  # the topic, the sequence, both loops and what they make
    text = head + " SCR <- 2\n" * rest
    assert len(parse(text)[0].steps) == 199 * 99 + rest
    with pytest.raises(NotationError, match="the loops make more than 20000 lines"):
        parse(f"{text} SCR <- 3")


def test_loops_that_make_too_much_are_refused() -> None:
    loops = "".join(f"{' ' * (n + 1)}for v{n} in 0..255\n" for n in range(4))
    with pytest.raises(NotationError, match="the loops make more than 20000 lines"):
        parse(f'topic t\nsequence s "s"\n{loops}      SCR <- 1')
    groups = "steps g0\n THR <- 0..255\n" + "".join(f"steps g{n}\n" + f" do g{n - 1}\n" * 20 for n in range(1, 9))
    with pytest.raises(NotationError, match="the file makes more than 100000 steps"):
        parse(groups)
    with pytest.raises(NotationError, match="nested deeper than 20"):
        parse("topic t\n" + "".join(f"{' ' * n}for n in 1\n" for n in range(30)))
