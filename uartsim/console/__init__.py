"""What a test holds in its hands: a console that is watched, matched and typed at.

``uartsim`` re-exports what is public; ``uartsim.console.blocking_console`` has the same names for ordinary tests.
"""
