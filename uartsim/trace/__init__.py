"""What reads a recording: replay, listing, summary, picture, waveform; nothing here runs."""
