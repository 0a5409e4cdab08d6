"""A test of a rule also runs with the rule switched off, and must fail then.

The test carries ``@pytest.mark.azure("A-012", rule="role")`` and takes the fixture ``rules``, which it gives to the
service.  It runs a second time with ``rules`` short of that rule: then the console must open where it was refused, which
``tests.service.rules.refusals.refused`` notices.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.rules.azure_tenant import AzureTenant
from tests.service.rules.refusals import NotRefused
from tests.service.rules.tenant_text import USERS, tenant_text
from tests.service.served import SUBSCRIPTION, Served
from uartsim.service.rules.console_rules import ALL_RULES, RuleSet

_OFF = " is off"


def rule_of(mark: pytest.Mark | None) -> str | None:
    """The rule that a mark names, or None."""
    rule = None if mark is None else mark.kwargs.get("rule")
    return None if rule is None else str(rule)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rule = rule_of(metafunc.definition.get_closest_marker("azure"))
    if rule is None:
        return
    if "rules" not in metafunc.fixturenames:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} names the rule {rule}, but does not take `rules`")
    params = [
        pytest.param(ALL_RULES, id="rules"),
        pytest.param(ALL_RULES.without(rule), id=f"{rule}{_OFF}", marks=pytest.mark.rule_is_off(rule)),
    ]
    metafunc.parametrize("rules", params)


@pytest.fixture
def rules() -> RuleSet:
    """All rules, where the test names none."""
    return ALL_RULES


@pytest.fixture
def azure_with(serve: Callable[..., Served], rules: RuleSet) -> Iterator[Callable[..., AzureTenant]]:
    """Starts services with settings of their own; see :func:`tests.service.rules.tenant_text.tenant_text`."""
    made: list[AzureTenant] = []

    def start(**settings: Any) -> AzureTenant:
        served = serve(tenant_text(**settings))
        served.parts.rules.rules = rules
        azure = AzureTenant(
            served.url,
            ssl.create_default_context(cafile=served.ca_file),
            Path(served.ca_file).read_text(),
            served.parts,
            served.run_sync,
            f"/subscriptions/{SUBSCRIPTION}",
            {user: served.token(user) for user in USERS},
            {user: served.principal(user).object_id for user in USERS},
        )
        made.append(azure)
        return azure

    yield start
    for azure in made:
        azure.close()


@pytest.fixture
def azure(azure_with: Callable[..., AzureTenant]) -> AzureTenant:
    """The service of the default profile."""
    return azure_with()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    mark = pyfuncitem.get_closest_marker("rule_is_off")
    if mark is None:
        return (yield)
    try:
        yield
    except BaseException as error:
        if _holds(error):
            return True
        raise
    pytest.fail(f"the test passes although its rule {mark.args[0]} is off")


def _holds(error: BaseException) -> bool:
    """Whether it is, or holds, the one failure that is expected."""
    if isinstance(error, BaseExceptionGroup):
        return all(_holds(one) for one in error.exceptions)
    return isinstance(error, NotRefused)
