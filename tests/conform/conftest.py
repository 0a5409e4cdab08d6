"""QEMU's answers to every sequence, asked for once."""

from __future__ import annotations

import pytest

from uartsim.conform.dut_qemu import QemuDut
from uartsim.conform.player import Finding, Player
from uartsim.conform.suite import SEQUENCES


@pytest.fixture(scope="session")
def qemu_findings() -> list[Finding]:
    """Every check that can be made on QEMU."""
    with QemuDut() as qemu:
        return [finding for played in Player(qemu).play_all(SEQUENCES) for finding in played.findings]
