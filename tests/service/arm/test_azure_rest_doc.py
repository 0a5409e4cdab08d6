"""docs/azure-rest.md says what the service does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uartsim.service.arm.api_versions import API_VERSIONS
from uartsim.service.arm.operation_table import OPERATIONS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "azure-rest.md").read_text()


@pytest.mark.parametrize("namespace", API_VERSIONS)
def test_the_page_lists_the_api_versions_of_each_provider(namespace: str) -> None:
    [listed] = re.findall(rf"^\| {re.escape(namespace)} \| ([^|]*) \|", PAGE, re.MULTILINE)
    versions = API_VERSIONS[namespace]
    assert listed in {", ".join(versions), f"{len(versions)}, from {versions[0]} to {versions[-1]}"}


@pytest.mark.parametrize("namespace", API_VERSIONS)
def test_api_versions_are_dates_in_their_order(namespace: str) -> None:
    versions = API_VERSIONS[namespace]
    assert list(versions) == sorted(set(versions))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", version) for version in versions)


def test_every_operation_belongs_to_a_provider_that_is_listed() -> None:
    assert {one.namespace for one in OPERATIONS} == set(API_VERSIONS)


def test_the_codes_of_the_page_are_those_of_the_service() -> None:
    table = PAGE.partition("## How a request is checked")[2].partition("Errors have")[0]
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", table)) - {"Allow"}
    source = "".join(
        file.read_text() for file in (Path(__file__).resolve().parents[3] / "uartsim" / "service").rglob("*.py")
    )
    assert {code for code in named if f'"{code}"' not in source} == set()
