"""Pictures: what is in a stretch is found, and drawn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.record.rig import AT_115200, BIT
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.record.tap import RecordHeader, Tap
from uartsim.record.trace_writer import TraceWriter
from uartsim.record.vcd import VcdWriter
from uartsim.registers import LineError
from uartsim.trace.plot import draw
from uartsim.trace.waveform import Waveform, read_waveform

FRAME = AT_115200.frame_ticks
EVEN = LineFormat(BIT, 8, "E", 2)


def happen(tap: Tap) -> None:
    """Characters each way, a parity error, a break, modem lines and the interrupt."""
    tap.programmed(10, EVEN)
    tap.sent(FRAME, b"Hi\r\n", EVEN)
    tap.far_sent(2 * FRAME, b"q\x7f", EVEN)
    tap.rxd_edges([(8 * FRAME, 0), (8 * FRAME + BIT, 1), (8 * FRAME + 12 * BIT, 1)])
    tap.received(8 * FRAME + EVEN.sampled_ticks, 0xFF, int(LineError.PE))
    tap.interrupt(8 * FRAME + EVEN.sampled_ticks, True)
    tap.sent_break(10 * FRAME, True)
    tap.sent_break(13 * FRAME, False)
    tap.modem_inputs(11 * FRAME, 0x20)
    tap.interrupt(30 * FRAME, False)
    tap.settled(40 * FRAME)
    tap.close()


@pytest.fixture(params=["vcd", "trace"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a.{request.param}"
    happen(VcdWriter(str(path), RecordHeader()) if request.param == "vcd" else TraceWriter(str(path), RecordHeader()))
    return path


def texts(path: Path) -> list[str]:
    """What is written in an SVG."""
    return ["".join(e.itertext()).strip() for e in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_a_picture_shows_characters_errors_breaks_and_the_pins_that_move(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    said = draw(read_waveform(str(recording), 0, 20 * FRAME / TICKS_PER_SECOND), str(out), "a title")
    assert said == "0 µs to 1736.11 µs of a longer recording: 5 characters on TXD, 3 characters on RXD"
    written = texts(out)
    assert "a title" in written
    for label in ("H", "i", "CR", "LF", "q", "DEL", "FF PE", "break 0.2604 ms"):
        assert any(label in text for text in written), label
    assert [text for text in written if text in ("TXD", "RXD", "CTS", "DSR", "DCD", "IRQ")] == [
        *("TXD", "RXD", "CTS", "DCD", "IRQ"),
    ]
    assert "unchanged: DTR 0, RTS 0, DSR 1, RI 0, OUT1 0, OUT2 0" in written


def test_close_by_the_bits_are_written_and_far_away_they_are_not(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    draw(read_waveform(str(recording), 0.9 * FRAME / TICKS_PER_SECOND, 2.2 * FRAME / TICKS_PER_SECOND), str(out))
    bits = [text for text in texts(out) if re.fullmatch("S|T|P?[01]", text)]
    # H is 48: 00010010 from the lowest bit, even parity 0.
    assert "".join(bits).startswith("S00010010P0T")
    draw(read_waveform(str(recording), 0, 0.1), str(out))
    assert not [text for text in texts(out) if re.fullmatch("S|T|P[01]", text)]


def places(path: Path) -> dict[str, tuple[float, float]]:
    """Where each text of an SVG stands, from the left and from the top; of equal texts the last."""
    found = {}
    for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text"):
        moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        x, y = moved.groups() if moved else (element.get("x", "nan"), element.get("y", "nan"))
        found["".join(element.itertext()).strip()] = (float(x), float(y))
    return found


def test_texts_stand_in_the_order_of_time_and_each_in_the_row_of_its_pin(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    draw(read_waveform(str(recording), 0, 20 * FRAME / TICKS_PER_SECOND), str(out), "a title")
    found = places(out)
    rows = ["a title", "TXD", "RXD", "CTS", "DCD", "IRQ", "µs since the start of the recording"]
    assert sorted(rows, key=lambda text: found[text][1]) == rows
    for pin, sent in (
        ("TXD", ["H  48", "i  69", "CR  0D", "LF  0A", "break 0.2604 ms"]),
        ("RXD", ["q  71", "DEL  7F", "FF PE"]),
    ):
        assert sorted(sent, key=lambda text: found[text][0]) == sent
        nearest = {min(("TXD", "RXD"), key=lambda row: abs(found[row][1] - found[text][1])) for text in sent}
        assert nearest == {pin}


def test_the_picture_of_a_frame_that_is_cut_off_shows_the_bits_that_are_in_it(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    begin, end = FRAME + 2.6 * BIT, FRAME + 6.4 * BIT
    draw(read_waveform(str(recording), begin / TICKS_PER_SECOND, end / TICKS_PER_SECOND), str(out))
    # Of H, S00010010P0T, the middles of the bits 3 to 5 of the frame are in the section.
    assert [text for text in texts(out) if re.fullmatch("S|T|P?[01]", text)] == ["0", "1", "0"]


def test_a_frame_without_its_stop_bit_and_a_wrong_parity_bit_are_named(tmp_path: Path) -> None:
    path, out = tmp_path / "a.vcd", tmp_path / "a.svg"
    tap = VcdWriter(str(path), RecordHeader())
    tap.programmed(10, EVEN)
    levels = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]  # 01 with the parity bit 0 and a stop bit at space
    tap.rxd_edges([(FRAME + n * BIT, level) for n, level in enumerate(levels)] + [(FRAME + 11 * BIT, 1)])
    tap.settled(4 * FRAME)
    tap.close()
    draw(read_waveform(str(path), 0.9 * FRAME / TICKS_PER_SECOND, 2.2 * FRAME / TICKS_PER_SECOND), str(out))
    (label,) = [text for text in texts(out) if "PE" in text]
    assert {"PE", "FE"} <= set(label.replace("+", " ").replace(",", " ").split())


def test_interrupts_served_at_once_are_drawn(tmp_path: Path) -> None:
    for kind in ("vcd", "trace"):
        path, out = tmp_path / f"b.{kind}", tmp_path / f"{kind}.svg"
        tap: Tap = VcdWriter(str(path), RecordHeader()) if kind == "vcd" else TraceWriter(str(path), RecordHeader())
        tap.programmed(10, EVEN)
        tap.sent(FRAME, b"Hi", EVEN)
        tap.interrupt(2 * FRAME, True)
        tap.interrupt(2 * FRAME, False)
        tap.settled(9 * FRAME)
        tap.close()
        draw(read_waveform(str(path), 0, 3 * FRAME / TICKS_PER_SECOND), str(out))
        assert "IRQ" in texts(out)
        assert not any("unchanged" in text and "IRQ" in text for text in texts(out))


def test_a_stretch_that_is_not_given_begins_at_the_first_character(recording: Path) -> None:
    found = read_waveform(str(recording))
    assert found.begin == pytest.approx(FRAME - 3 * BIT, abs=1)
    assert found.end - found.begin == pytest.approx(14 * FRAME, rel=0.05)
    assert found.longer


def test_far_from_the_start_times_count_from_the_stretch(recording: Path, tmp_path: Path) -> None:
    begin = 29.5 * FRAME / TICKS_PER_SECOND
    said = draw(read_waveform(str(recording), begin, begin + FRAME / TICKS_PER_SECOND), str(tmp_path / "a.svg"))
    assert "after 0.002560 s" in said
    assert "µs after 0.002560 s" in texts(tmp_path / "a.svg")


def test_a_frame_that_began_before_the_stretch_is_made_out(recording: Path) -> None:
    begin, end = 2.5 * FRAME / TICKS_PER_SECOND, 2.8 * FRAME / TICKS_PER_SECOND
    found = read_waveform(str(recording), begin, end)
    assert found.pins["TXD"].edges[0][0] == pytest.approx(FRAME, abs=1)


def test_a_picture_is_a_png_too(recording: Path, tmp_path: Path) -> None:
    draw(read_waveform(str(recording)), str(tmp_path / "a.png"))
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 10_000


def test_the_same_picture_is_the_same_file(recording: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw(read_waveform(str(recording)), str(tmp_path / name))
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_waveform_of_a_logic_analyser_is_read_in_the_given_format(tmp_path: Path) -> None:
    path = tmp_path / "other.vcd"
    lines = [
        "$timescale 100 ns $end",
        "$scope module logic $end",
        "$var wire 1 ! uart-TX $end",
        "$var wire 1 # D3 $end",
    ]
    lines += ["$upscope $end", "$enddefinitions $end", "#0", "1!", "0#"]
    # 'U' at 9600 baud: each bit, 1041.67 units, is another than the one before.
    lines += [f"#{round(1000 + n * 10_000_000 / 9600)}\n{n & 1}!" for n in range(10)]
    path.write_text("\n".join([*lines, "#30000", "1#", ""]))
    line_format = LineFormat.from_baud(9600)
    found = read_waveform(str(path), 0, 0.0025, line_format)
    assert found.lines == ("uart-TX",)
    assert found.formats == {}
    draw(found, str(tmp_path / "a.svg"), line_format=line_format)
    assert {"U  55", "uart-TX"} <= set(texts(tmp_path / "a.svg"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is a waveform without any wire of one bit"),
        (b"\x7fELF\x02\x01\x01", "is neither a waveform"),
        (b"just some text\n", "is neither a waveform"),
        (b'{"uartsim": "transcript"}\n', "is not a trace of uartsim"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UsageError, match=re.escape(why)):
        read_waveform(str(tmp_path / "a"))


def test_a_stretch_that_is_not_there_is_refused(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is nothing from 2 s to 1 s"):
        read_waveform(str(recording), 2, 1)
    with pytest.raises(UsageError, match=r"ends 0\.00\d+ s after its start, before 7 s: give an earlier time"):
        read_waveform(str(recording), 7)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_waveform(str(tmp_path / "none"))


def test_the_unlimited_rate_has_nothing_to_draw(tmp_path: Path) -> None:
    TraceWriter(str(tmp_path / "a.trace"), RecordHeader(unlimited=True)).close()
    with pytest.raises(UsageError, match="recorded at the unlimited rate"):
        read_waveform(str(tmp_path / "a.trace"))


def test_a_picture_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"a\.gif is not the name of a picture"):
        draw(Waveform(), "a.gif")
    (tmp_path / "a.vcd").write_text("$var wire 1 ! TXD $end\n$enddefinitions $end\n#0\n1!\n#9\n0!\n")
    waveform = read_waveform(str(tmp_path / "a.vcd"))
    with pytest.raises(UsageError, match=r"no/a\.png cannot be made"):
        draw(waveform, str(tmp_path / "no" / "a.png"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=re.escape("install it with pip install 'uartsim[plot]'")):
        draw(waveform, str(tmp_path / "a.png"))


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_picture_of_ours_is_replaced_and_nothing_else(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.vcd").write_text("$var wire 1 ! TXD $end\n$enddefinitions $end\n#0\n1!\n#9\n0!\n")
    waveform = read_waveform(str(tmp_path / "a.vcd"))
    picture = tmp_path / f"a.{kind}"
    draw(waveform, str(picture), "one")
    first = picture.read_bytes()
    draw(waveform, str(picture), "another")
    assert picture.read_bytes() != first
    for precious in (b"", b"my holiday", first[:60], b"<?xml uartsim plot"):
        picture.write_bytes(precious)
        with pytest.raises(
            UsageError, match="exists and is not a picture that uartsim made: remove it or give another file"
        ):
            draw(waveform, str(picture))
        assert picture.read_bytes() == precious
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{kind}", "a.vcd"]


@pytest.mark.needs("root")
def test_nothing_is_left_in_the_home_of_another_user(tmp_path: Path) -> None:
    """As with ``sudo -E``: matplotlib would keep its list of fonts there."""
    (tmp_path / "a.vcd").write_text("$var wire 1 ! TXD $end\n$enddefinitions $end\n#0\n1!\n#9\n0!\n")
    his = tmp_path / "his"
    his.mkdir()
    os.chown(his, 65534, 65534)
    unset = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "uartsim", "plot", "--baud", "9600", tmp_path / "a.vcd"],
        env={**environment, "HOME": str(his), "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.png").is_file()
    assert list(his.iterdir()) == []
