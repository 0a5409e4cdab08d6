"""The console of a test: it watches a guest's line, matches what comes, and types.

``uartsim`` re-exports what is public; ``uartsim.blocking`` has the same names for ordinary tests.
"""
