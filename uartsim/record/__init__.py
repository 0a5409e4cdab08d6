"""Recording: transcripts, casts, logs, traces and waveforms of what went over the line, and when."""

from uartsim.record.cast_encoder import CastEncoder
from uartsim.record.casts import Record, cast_lines, read_record
from uartsim.record.line_recorder import LineRecorder
from uartsim.record.record_formats import RECORD_FORMATS, open_record, open_recorder
from uartsim.record.record_writer import RecordWriter
from uartsim.record.transcript import Event, TranscriptWriter, read_transcript

__all__ = [
    "RECORD_FORMATS",
    "CastEncoder",
    "Event",
    "LineRecorder",
    "Record",
    "RecordWriter",
    "TranscriptWriter",
    "cast_lines",
    "open_record",
    "open_recorder",
    "read_record",
    "read_transcript",
]
