"""Recording: transcripts, casts, logs, traces and waveforms of what went over the line, and when."""

from uartsim.record.asciicast import CastEncoder, cast
from uartsim.record.line_recorder import LineRecorder
from uartsim.record.record_formats import RECORD_FORMATS, open_record, open_recorder
from uartsim.record.record_writer import RecordWriter
from uartsim.record.transcript import Event, TranscriptWriter, read_transcript

__all__ = [
    "RECORD_FORMATS",
    "CastEncoder",
    "Event",
    "LineRecorder",
    "RecordWriter",
    "TranscriptWriter",
    "cast",
    "open_record",
    "open_recorder",
    "read_transcript",
]
