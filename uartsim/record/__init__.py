"""Recording: transcripts, traces and waveforms of what went over the line, and when."""

from uartsim.record.transcript import Event, TranscriptWriter, read_transcript

__all__ = ["Event", "TranscriptWriter", "read_transcript"]
