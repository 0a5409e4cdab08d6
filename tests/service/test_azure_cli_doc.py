"""docs/azure-cli.md: what can be copied from it fits the service."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.service.served import Served
from uartsim.service.tenant.setup_file import DEFAULT_SUBSCRIPTION
from uartsim.service.tenant.tenant_setup import DEFAULT_TENANT_ID

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "azure-cli.md").read_text()


def test_the_ids_are_those_of_the_example_tenant() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    texts = {node.value for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Constant)}
    assert {DEFAULT_TENANT_ID, DEFAULT_SUBSCRIPTION} <= texts
    assert f"--tenant {DEFAULT_TENANT_ID}" in PAGE


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ("--endpoint-resource-manager", "/subscriptions?api-version=2022-12-01"),
        ("--endpoint-active-directory", "/.well-known/openid-configuration"),
        ("--endpoint-microsoft-graph-resource-id", "v1.0/me"),
    ],
)
def test_each_endpoint_of_the_long_registration_answers(served: Served, option: str, path: str) -> None:
    (endpoint,) = re.findall(rf"{option} \$URL(\S*)", PAGE)
    assert served.client("owner").get(f"{endpoint}{path}").status_code == 200
