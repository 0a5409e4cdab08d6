"""One condition for a console: what it looks at, and what it says where it is not met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from uartsim.service.arm_error import ArmError
from uartsim.service.rules.facts import Facts
from uartsim.service.rules.profiles import Profile, Wording

#: The header of a refusal that says which rule refuses, for programs that can mend what it asks for.
RULE_HEADER: Final = "x-uartsim-rule"


class When(StrEnum):
    """When a rule is asked."""

    #: When a console is opened, only.
    CONNECT = "connect"
    #: When it is opened, and again at every change: a console that is open ends.
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that a rule refuses, and what a person can do.

    Attributes:
        status: the HTTP status.
        code: ARM's word for it.
        text: the documents' text, with places such as ``<VMNAME>``.
        portal: what today's portal says instead, or None.
        preview: what the preview says instead, or None.
        preview_status: the preview's HTTP status, where it has its own.
    """

    status: int
    code: str
    text: str
    portal: str | None = None
    preview: str | None = None
    preview_status: int | None = None

    def error(self, facts: Facts, mitigation: str) -> ArmError:
        """The error to raise, with its places filled in; its details say what to do."""
        policy = facts.policy
        status, text = self.status, self.text
        if policy.wording is Wording.PORTAL and self.portal is not None:
            text = self.portal
        if policy.profile is Profile.PREVIEW and self.preview is not None:
            text = self.preview
            status = self.preview_status or status
        for place, value in _places(facts).items():
            text = text.replace(place, value)
        details = [{"code": "Mitigation", "message": mitigation}]
        return ArmError(status, self.code, text, details=details)


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition.

    Attributes:
        id: its name, such as ``"boot-diagnostics"``; a test switches it off by this name.
        check: None where the condition is met; otherwise the refusal, or the error itself.
        mitigation: what a person does about it, in a sentence, which stands in the details of the error.
        when: when it is asked.
        profiles: in which profiles it is asked.
    """

    id: str
    check: Callable[[Facts], Refusal | ArmError | None]
    mitigation: str
    when: When = When.CONNECT
    profiles: frozenset[Profile] = frozenset(Profile)

    def apply(self, facts: Facts) -> None:
        """Ask it.

        Raises:
            ArmError: the condition is not met.
        """
        if facts.policy.profile not in self.profiles:
            return
        found = self.check(facts)
        if found is None:
            return
        error = found.error(facts, self.mitigation) if isinstance(found, Refusal) else found
        error.headers[RULE_HEADER] = self.id
        if not error.details:
            error.details = ({"code": "Mitigation", "message": self.mitigation},)
        raise error


def _places(facts: Facts) -> Mapping[str, str]:
    return {
        "<VMNAME>": facts.machine_name,
        "<STORAGEACCOUNTNAME>": facts.storage_name or "",
        "<REGION>": facts.region,
        "<SUBSCRIPTION>": facts.machine_id.subscription or "",
    }
