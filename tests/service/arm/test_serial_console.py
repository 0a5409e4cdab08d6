"""Microsoft.SerialConsole, through azure-mgmt-serialconsole and bare requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.serialconsole import MicrosoftSerialConsoleClient
from azure.mgmt.serialconsole.models import SerialPort, SerialPortProperties

from tests.service.arm.sdk_clients import sdk_client
from tests.service.served import SUBSCRIPTION, Served, vm_id

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
VERSION = "api-version=2024-07-01"
MACHINE = ("rg", "Microsoft.Compute", "virtualMachines", "vm1")
INSTANCE = ("rg", "Microsoft.Compute", "virtualMachineScaleSets", "web/virtualMachines/1")


@pytest.fixture
def sdk(service: Served) -> Iterator[Any]:
    with sdk_client(MicrosoftSerialConsoleClient, service) as client:
        yield client


def test_a_new_subscription_has_the_console_enabled_and_it_can_be_switched(sdk: Any) -> None:
    assert sdk.get_console_status("default").properties.disabled is False
    assert sdk.disable_console("default").properties.disabled is True
    assert sdk.get_console_status("default").properties.disabled is True
    assert sdk.enable_console("default").properties.disabled is False


def test_the_operations_of_the_provider_are_listed(sdk: Any) -> None:
    names = {one.name for one in sdk.list_operations().value}
    assert "Microsoft.SerialConsole/serialPorts/connect/action" in names
    assert "Microsoft.SerialConsole/consoleServices/disableConsole/action" in names
    assert "Microsoft.SerialConsole/serialPorts/read" in names


def test_another_console_service_than_the_default_is_not_found(sdk: Any) -> None:
    with pytest.raises(ResourceNotFoundError):
        sdk.get_console_status("other")


@pytest.mark.parametrize("parent", [MACHINE, INSTANCE])
def test_a_machine_has_the_port_0(sdk: Any, parent: tuple[str, ...]) -> None:
    [port] = sdk.serial_ports.list(*parent).value
    assert (port.name, port.type) == ("0", "Microsoft.SerialConsole/serialPorts")
    assert (port.properties.state, port.properties.connection_state) == ("enabled", "inactive")
    assert sdk.serial_ports.get(*parent, "0").id == port.id


def test_all_ports_of_a_subscription_are_listed(sdk: Any) -> None:
    parents = {
        port.id.partition("/providers/Microsoft.SerialConsole")[0]
        for port in sdk.serial_ports.list_by_subscriptions().value
    }
    assert {str(vm_id()), f"{COMPUTE}/virtualMachineScaleSets/web/virtualMachines/0"} <= parents


@pytest.mark.parametrize("parent", [MACHINE, INSTANCE])
def test_connect_gives_the_url_of_a_websocket(service: Served, sdk: Any, parent: tuple[str, ...]) -> None:
    found = sdk.serial_ports.connect(*parent, "0").connection_string
    assert found is not None
    url = urlsplit(found)
    assert (url.scheme, url.netloc) == ("wss", urlsplit(service.url).netloc)
    assert url.path.endswith("/client")
    assert found.count("/client") == 1


def test_connect_takes_what_the_cli_sends(service: Served) -> None:
    headers = {"Accept-Language": "en", "Content-Type": "application/json"}
    path = (
        f"{COMPUTE}/virtualMachineScaleSets/web%2FvirtualMachines%2F0/providers/Microsoft.SerialConsole/serialPorts/0"
    )
    answer = service.client("vmcontributor").post(f"{path}/connect?{VERSION}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["connectionString"]


def test_a_disabled_port_refuses_consoles_until_it_is_enabled(sdk: Any) -> None:
    disabled = SerialPort(properties=SerialPortProperties(state="disabled"))
    assert sdk.serial_ports.create(*MACHINE, "0", disabled).properties.state == "disabled"
    with pytest.raises(HttpResponseError, match="SerialPortNotEnabled"):
        sdk.serial_ports.connect(*MACHINE, "0")
    enabled = SerialPort(properties=SerialPortProperties(state="enabled"))
    assert sdk.serial_ports.create(*MACHINE, "0", enabled).properties.state == "enabled"
    assert sdk.serial_ports.connect(*MACHINE, "0").connection_string


def test_a_deleted_port_is_gone_until_it_is_created(service: Served, owner: httpx.Client, sdk: Any) -> None:
    port = f"{vm_id()}/providers/Microsoft.SerialConsole/serialPorts/0?{VERSION}"
    assert [owner.delete(port).status_code for _ in range(2)] == [200, 204]
    assert sdk.serial_ports.list(*MACHINE).value == []
    with pytest.raises(ResourceNotFoundError):
        sdk.serial_ports.get(*MACHINE, "0")
    with pytest.raises(HttpResponseError):
        sdk.serial_ports.connect(*MACHINE, "0")
    sdk.serial_ports.create(*MACHINE, "0", SerialPort())
    assert len(sdk.serial_ports.list(*MACHINE).value) == 1


def test_the_state_of_a_port_tells_whether_a_console_can_be_had(sdk: Any) -> None:
    sdk.disable_console("default")
    try:
        assert sdk.serial_ports.get(*MACHINE, "0").properties.state == "disabled"
    finally:
        sdk.enable_console("default")
    assert sdk.serial_ports.get(*MACHINE, "0").properties.state == "enabled"


def test_a_scale_set_itself_has_no_console_but_lists_those_of_its_instances(owner: httpx.Client) -> None:
    ports = f"{COMPUTE}/virtualMachineScaleSets/web/providers/Microsoft.SerialConsole/serialPorts"
    answer = owner.post(f"{ports}/0/connect?{VERSION}")
    assert answer.status_code == 400
    assert "web/virtualMachines/INSTANCE-ID" in answer.json()["error"]["message"]
    assert len(owner.get(f"{ports}?{VERSION}").json()["value"]) == 2


def test_what_is_not_a_machine_has_no_port(owner: httpx.Client) -> None:
    path = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/bootlogs/providers/Microsoft.SerialConsole/serialPorts"
    answer = owner.get(f"{path}?{VERSION}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("parent", [(*MACHINE[:3], "vm9"), (*INSTANCE[:3], "web/virtualMachines/9")])
def test_a_machine_that_is_missing_has_no_port(sdk: Any, parent: tuple[str, ...]) -> None:
    for call in (sdk.serial_ports.get, sdk.serial_ports.connect):
        with pytest.raises(ResourceNotFoundError):
            call(*parent, "0")


def test_a_reader_may_look_and_not_connect(service: Served) -> None:
    with sdk_client(MicrosoftSerialConsoleClient, service, "reader") as sdk:
        assert sdk.serial_ports.get(*MACHINE, "0").name == "0"
        with pytest.raises(HttpResponseError) as refused:
            sdk.serial_ports.connect(*MACHINE, "0")
        assert refused.value.status_code == 403
        with pytest.raises(HttpResponseError) as refused:
            sdk.disable_console("default")
        assert refused.value.status_code == 403


def test_a_wrong_token_is_an_authentication_error(service: Served) -> None:
    with (
        sdk_client(MicrosoftSerialConsoleClient, service, token="wrong") as sdk,
        pytest.raises(ClientAuthenticationError, match="InvalidAuthenticationToken"),
    ):
        sdk.get_console_status("default")


def test_faults_of_the_service_come_before_its_rules(service: Served, owner: httpx.Client) -> None:
    service.parts.faults.set("internal_error", count=1)
    connect = f"{vm_id()}/providers/Microsoft.SerialConsole/serialPorts/0/connect?{VERSION}"
    answer = owner.post(connect)
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "Server encountered an internal error")
    assert owner.post(connect).status_code == 200
