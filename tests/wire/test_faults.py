"""Faults: how they are written down, and that a wrong one is refused with what is possible."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import fault_table
from uartsim.line_format import LineFormat
from uartsim.wire.channel import Channel
from uartsim.wire.faults import FAULT_KINDS, LARGEST_SEED, Fault, FaultKind, parse_fault
from uartsim.wire.injection import inject


def test_a_fault_is_read_from_one_line() -> None:
    fault = parse_fault(" noise: rate = 1e-3, seed=7 ,direction=in")
    assert fault == Fault("noise", {"rate": 0.001}, 7, "in")
    assert str(fault) == "noise:rate=0.001,seed=7,direction=in"
    assert (fault.level, fault.applies_to("in"), fault.applies_to("out")) == ("line", True, False)


def test_what_is_left_out_has_its_default() -> None:
    fault = parse_fault("glitches:rate=5")
    assert dict(fault.parameters) == {"rate": 5, "width": 1000}
    assert str(fault) == "glitches:rate=5,width=1000,seed=0,direction=both"
    assert str(parse_fault("cut")) == "cut:seconds=0,direction=both"


def test_the_two_directions_have_seeds_of_their_own() -> None:
    seeds = {parse_fault(f"noise:rate=0,seed={seed}").seed_of(way) for seed in range(50) for way in ("in", "out")}
    assert len(seeds) == 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noice:rate=1", r"'noice' is not a fault: use one of noise, glitches, lost,"),
        ("", r"'' is not a fault"),
        ("noise", r"noise needs rate: it takes rate, seed, direction"),
        ("noise:", r"'' in 'noise:' is not of the form name=value: it takes rate, seed, direction"),
        ("noise:rate", r"'rate' in 'noise:rate' is not of the form name=value"),
        ("noise:rate=", r"'rate=' in 'noise:rate=' is not of the form name=value"),
        ("noise:ber=0.1", r"noise has no 'ber': it takes rate, seed, direction"),
        ("noise:rate=0.1,rate=0.2", r"rate is given twice"),
        ("noise:rate=much", r"noise: rate is 'much', which is not a number"),
        ("noise:rate=1.5", r"noise: rate is 1.5: use a number from 0 to 1"),
        ("noise:rate=nan", r"noise: rate is nan: use a number from 0 to 1"),
        ("noise:rate=-0.1", r"noise: rate is -0.1"),
        ("noise:rate=0.1,seed=-3", r"noise: seed is '-3': use a whole number from 0 to"),
        ("noise:rate=0.1,seed=x", r"noise: seed is 'x'"),
        ("noise:rate=0.1,seed=18446744073709551616", r"seed is 18446744073709551616: use a whole number from 0"),
        (f"noise:rate=0.1,seed={'9' * 5000}", r"use a whole number from 0"),
        ("noise:rate=0.1,direction=up", r"'up' is not a direction of noise: use in, out, both"),
        ("stuck-mark:seed=4", r"stuck-mark: seed is 4: it has no seed"),
        ("stuck-mark:seconds=-1", r"stuck-mark: seconds is -1: use a number from 0 to 1e\+06 s"),
        ("glitches:rate=0", r"glitches: rate is 0: use a number above 0 to 1e\+06 Hz"),
        ("glitches:rate=1000,width=600000", r"1000 a second of 600000 ns fill more than half of the time"),
        ("drift:ppm=1e6", r"drift: ppm is 1e\+06: use a number from -500000 to 500000 ppm"),
        ("delay:seconds=0", r"delay: seconds is 0: use a number above 0 to 3600 s"),
        ("xoff:seconds=1", r"xoff has no 'seconds': it takes direction"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


def test_a_fault_made_in_code_is_checked_the_same() -> None:
    with pytest.raises(ValueError, match="noise has no 'ber'"):
        Fault("noise", {"ber": 0.1})
    with pytest.raises(ValueError, match="lost: rate is 2"):
        Fault("lost", {"rate": 2})
    with pytest.raises(ValueError, match="seed is -1: use a whole number from 0 to"):
        Fault("lost", {"rate": 1}, -1)


@given(st.sampled_from(list(FAULT_KINDS.values())), st.integers(0, LARGEST_SEED), st.data())
def test_what_is_written_reads_as_the_same_fault(row: FaultKind, seed: int, data: st.DataObject) -> None:
    parameters = {
        parameter.name: data.draw(
            st.floats(parameter.low, min(parameter.high, 400), exclude_min=parameter.above_low, allow_subnormal=False)
        )
        for parameter in row.parameters
    }
    direction = data.draw(st.sampled_from(row.directions))
    fault = Fault(row.name, parameters, seed if row.seeded else 0, direction)
    assert parse_fault(str(fault)) == fault


@given(
    st.text(max_size=40)
    | st.sampled_from(list(FAULT_KINDS)).flatmap(lambda name: st.text(max_size=20).map(f"{name}:".__add__))
)
def test_any_text_is_a_fault_or_a_value_error(text: str) -> None:
    try:
        fault = parse_fault(text)
    except ValueError:
        return
    assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize("row", FAULT_KINDS.values(), ids=lambda row: row.name)
def test_the_table_says_what_each_does(row: FaultKind) -> None:
    assert row.help
    assert all(parameter.help for parameter in row.parameters)
    fault = Fault(row.name, {p.name: max(p.low, 0.25) for p in row.parameters if p.default is None})
    if row.level == "line":
        assert inject(fault, 0, random.Random(0)).fault == fault
    else:
        with pytest.raises(ValueError, match="the port applies it"):
            inject(fault, 0, random.Random(0))


def test_the_documentation_has_every_kind() -> None:
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    assert [row for row in fault_table.kinds() if row not in text.splitlines()] == []


def test_a_fault_with_chance_in_it_needs_a_generator() -> None:
    with pytest.raises(ValueError, match=r"noise needs a generator, such as random.Random\(7\)"):
        Channel(LineFormat()).add_fault(parse_fault("noise:rate=0.1,seed=7"), None, 0)
