"""Mutation testing: small faults are put into the code, one at a time, and the tests have to notice each.

``python -m tools.mutation --seed 1`` (or ``tox -e mutation``) draws 60 mutants of every room of ``uartsim/`` and runs
each against the tests that reach its line.  ``docs/development.md`` says how to read the result.

Why not one of the well-kept tools:

- *mutmut* 3 mutates the bodies of functions only (offsets, bits, tables and defaults, half of what a register model is,
  stay as they are), knows its tests by function and not by line, has no sample and no seed, and does not change what a
  process that a test starts would import.
- *cosmic-ray* changes the file in the checkout itself, starts one process of pytest for every mutant (1 to 2 s before
  the first test) and gives each mutant the same tests.

So this is a small program of its own.  Its parts: :mod:`.mutants` (what may be changed), :mod:`.coverage_map` (which
test reaches which line), :mod:`.server` (a warm pytest that forks a child for each mutant), :mod:`.worker` (a copy of
the tree and its servers), :mod:`.rooms` (which tests a room has), :mod:`.report`.
"""
