"""The OpenAPI document and its page; schemathesis calls every operation and compares what it gets with the document."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.patience import patience
from tests.service.served import SUBSCRIPTION, Served
from uartsim.service.arm.api_page import PAGE
from uartsim.service.arm.openapi import openapi_document
from uartsim.service.arm.operation import Operation
from uartsim.service.arm.operation_table import OPERATIONS

DOCUMENT = openapi_document("https://localhost")
#: Values for the paths, so that calls get as far as their handlers.
KNOWN = {
    "subscription": SUBSCRIPTION,
    "group": "rg",
    "virtualMachine": "vm1",
    "vm": "vm1",
    "scaleSet": "web",
    "instance": "0",
    "serialPort": "0",
    "default": "default",
    "account": "bootlogs",
    "namespace": "Microsoft.Compute",
}
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)

SCOPE = "/subscriptions/{subscription}/resourceGroups/{group}"
schema = schemathesis.openapi.from_dict(DOCUMENT)


def test_every_operation_is_in_the_document_under_a_name_of_its_own() -> None:
    described = [one for path in DOCUMENT["paths"].values() for one in path.values()]
    assert len(described) == len(OPERATIONS)
    assert len({one["operationId"] for one in described}) == len(OPERATIONS)


def test_every_schema_that_is_referred_to_is_there() -> None:
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert referred <= set(DOCUMENT["components"]["schemas"])
    assert set(DOCUMENT["components"]["schemas"]) - referred <= {"AnyObject"}


def test_the_document_and_the_page_need_no_token_and_nothing_from_elsewhere(service: Served) -> None:
    client = service.client(None)
    assert client.get("/openapi.json").json()["servers"] == [{"url": service.url}]
    page = client.get(PAGE)
    assert page.status_code == 200
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert all(link.startswith(f"{PAGE}/") for link in linked)
    assert all(client.get(link).status_code == 200 for link in linked)
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["..%2f..%2fsetup.py", "swagger-ui.js.map", "nothing"])
def test_the_page_has_no_other_files(service: Served, name: str) -> None:
    assert service.client("owner").get(f"{PAGE}/{name}").status_code in {400, 404}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_every_call_answers_what_the_document_says(operation: Operation, mode: GenerationMode, service: Served) -> None:
    # A Reader changes nothing; what has a body is called by an Owner, since bodies are looked at after roles.
    changes = operation.body is not None and operation.namespace != "Microsoft.Compute"
    client = service.client("owner" if changes else "reader")
    described = schema[operation.path.replace("/{scope}", SCOPE)][operation.method]

    @given(described.as_strategy(generation_mode=mode))
    @settings(
        max_examples=2,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any) -> None:
        case.path_parameters = {name: KNOWN.get(name, value) for name, value in (case.path_parameters or {}).items()}
        headers = {"Authorization": client.headers["Authorization"]}
        answer = case.call(base_url=service.url, headers=headers, verify=service.ca_file, timeout=patience(30))
        case.validate_response(answer, checks=CHECKS)

    call()
