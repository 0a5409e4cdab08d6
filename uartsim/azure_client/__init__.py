"""The client of a serial console service that speaks Azure's protocol: what ``uartsim console`` does."""
