"""What there is at the start: a TOML file's set-up, or the example's."""
