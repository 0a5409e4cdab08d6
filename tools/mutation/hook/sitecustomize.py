"""Python imports this in every process that a measured test starts: coverage.py then measures that process too."""

import os

if os.environ.get("COVERAGE_PROCESS_START"):
    import coverage

    coverage.process_startup()
