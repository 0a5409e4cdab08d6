"""What QEMU answers to every sequence, asked once."""

from __future__ import annotations

import pytest

from uartsim.conform.judge import Finding, Judge
from uartsim.conform.qemu_judged import QemuUart
from uartsim.conform.sequences import SEQUENCES


@pytest.fixture(scope="session")
def qemu_findings() -> list[Finding]:
    """Every check that QEMU can be asked."""
    with QemuUart() as qemu:
        return [finding for played in Judge(qemu).play_all(SEQUENCES) for finding in played.findings]
