"""What a diagnosis says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is the matter with a console.

    Attributes:
        cause: a word for programs, such as ``"no-reader"``.
        verdict: what is the matter, in a sentence.
        evidence: the facts that show it, a sentence each.
        remedy: what to do, in sentences.
    """

    cause: str
    verdict: str
    evidence: tuple[str, ...]
    remedy: str
