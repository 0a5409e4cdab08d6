"""``python -m uartsim`` is the command line."""

from uartsim.cli import main

main()
