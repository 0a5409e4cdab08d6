"""Reading recordings: listing, summary, replay, pictures and waveforms.  No machine runs here."""
