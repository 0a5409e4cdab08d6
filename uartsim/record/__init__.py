"""Recording: transcripts, casts, logs, traces and waveforms of what went over the line, and when."""

from uartsim.record.asciicast import CastEncoder, cast
from uartsim.record.transcript import Event, TranscriptWriter, read_transcript

__all__ = ["CastEncoder", "Event", "TranscriptWriter", "cast", "read_transcript"]
