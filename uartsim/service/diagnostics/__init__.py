"""The boot diagnostics log of each machine, and the audit that stands in it."""
