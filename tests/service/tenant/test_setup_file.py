"""The set-up file: what it describes, and what is said of a mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.served import MACHINES, SUBSCRIPTION, TENANT
from uartsim.errors import UsageError
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.builtin_roles import LEAST_PRIVILEGE
from uartsim.service.identity.callers import Caller
from uartsim.service.identity.directory import Directory, PrincipalKind
from uartsim.service.store import Resource, ResourceId, Store
from uartsim.service.tenant.apply_setup import apply_setup
from uartsim.service.tenant.example_tenant import CUSTOM_ROLE, USERS, can_start, example_tenant
from uartsim.service.tenant.setup_file import read_setup, read_setup_file
from uartsim.service.tenant.tenant_setup import Setup

RG = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"


def read(text: str, folder: Path = Path("/")) -> Setup:
    return read_setup(text, "t.toml", folder)


def resource(setup: Setup, resource_id: str) -> Resource:
    (found,) = [one for one in setup.resources if one.id == ResourceId(resource_id)]
    return found


def test_an_empty_file_is_a_subscription_with_a_resource_group_and_nobody_in_it() -> None:
    setup = read("")
    assert [one.id.type for one in setup.resources] == [
        "Microsoft.Resources/subscriptions",
        "Microsoft.Resources/resourceGroups",
    ]
    assert setup.principals == ()


def test_a_machine_has_the_shape_that_clients_read() -> None:
    setup = read(
        TENANT
        + """
[[vm]]
name = "w1"
location = "westus2"
guest = "demo"
os_type = "Windows"
size = "Standard_B2s"
power = "stopped"
storage_account = "BOOTLOGS"
settings = { sysrq = 1, bracketed_paste = true }
"""
    )
    machine = resource(setup, f"{RG}/providers/Microsoft.Compute/virtualMachines/w1")
    assert machine.body["location"] == "westus2"
    assert machine.properties["provisioningState"] == "Succeeded"
    assert machine.properties["hardwareProfile"] == {"vmSize": "Standard_B2s"}
    assert machine.properties["storageProfile"]["osDisk"]["osType"] == "Windows"
    assert "windows" in machine.properties["storageProfile"]["imageReference"]["offer"].casefold()
    assert machine.properties["diagnosticsProfile"] == {
        "bootDiagnostics": {"enabled": True, "storageUri": "https://bootlogs.blob.core.windows.net/"}
    }
    assert machine.private == {
        "guest": "demo",
        "power": "stopped",
        "settings": {"sysrq": "1", "bracketed_paste": "true"},
    }


def test_a_machine_without_boot_diagnostics_has_them_off_and_no_account() -> None:
    setup = read(TENANT + '[[vm]]\nname = "vm1"\nboot_diagnostics = false\nstorage_account = "bootlogs"')
    machine = resource(setup, f"{RG}/providers/Microsoft.Compute/virtualMachines/vm1")
    assert machine.properties["diagnosticsProfile"] == {"bootDiagnostics": {"enabled": False}}


def test_a_scale_set_has_its_instances_and_each_is_a_machine_of_its_own() -> None:
    setup = read(TENANT + MACHINES)
    web = f"{RG}/providers/Microsoft.Compute/virtualMachineScaleSets/web"
    assert resource(setup, web).body["sku"]["capacity"] == 2
    instances = [resource(setup, f"{web}/virtualMachines/{number}") for number in range(2)]
    assert [one.body["instanceId"] for one in instances] == ["0", "1"]
    assert len({one.properties["vmId"] for one in instances}) == 2
    assert all(one.private["guest"] == "demo" for one in instances)


def test_a_storage_account_has_its_firewall_and_its_namespace() -> None:
    setup = read('[[storage_account]]\nname = "logs"\nhierarchical_namespace = true\nfirewall = ["203.0.113.1"]')
    (account,) = [one for one in setup.resources if one.id.is_a("Microsoft.Storage/storageAccounts")]
    assert account.properties["isHnsEnabled"] is True
    assert account.properties["networkAcls"]["defaultAction"] == "Deny"
    assert account.properties["networkAcls"]["ipRules"] == [{"value": "203.0.113.1", "action": "Allow"}]


def test_users_groups_and_service_principals_are_named_in_full_and_in_their_groups() -> None:
    setup = read(
        """
[tenant]
domain = "contoso.com"
[[group]]
name = "Operators"
roles = ["Reader"]
[[user]]
name = "alice"
password = "a"
mfa = true
groups = ["operators"]
[[user]]
name = "bob@other.org"
password = "b"
[[service_principal]]
name = "robot"
client_id = "my-app"
secret = "c"
"""
    )
    group, alice, bob, robot = setup.principals
    assert (alice.name, alice.multi_factor, alice.groups) == ("alice@contoso.com", True, (group.object_id,))
    assert bob.name == "bob@other.org"
    assert (robot.kind, robot.application_id) == (PrincipalKind.SERVICE_PRINCIPAL, "my-app")


def test_what_is_in_a_resource_group_is_where_the_group_is_unless_it_says_otherwise() -> None:
    setup = read(
        """
[[resource_group]]
name = "rg"
location = "eastus"
[[storage_account]]
name = "logs"
[[vm]]
name = "here"
[[vm]]
name = "there"
location = "westus2"
[[scale_set]]
name = "set"
capacity = 1
"""
    )
    found = {one.id.name: one.body["location"] for one in setup.resources if "location" in one.body}
    assert found == {
        "rg": "eastus",
        "logs": "eastus",
        "here": "eastus",
        "there": "westus2",
        "set": "eastus",
        "0": "eastus",
    }


def test_a_role_is_defined_in_the_subscription_wherever_it_is_assigned() -> None:
    table = f"""[[role_assignment]]\nprincipal = "nobody"\nrole = "Reader"\nscope = "{RG}"\n"""
    (assignment,) = [
        one
        for one in read(TENANT + table).resources
        if "roleDefinitionId" in one.properties and one.id.parent == ResourceId(RG)
    ]
    definition = ResourceId(assignment.properties["roleDefinitionId"])
    assert definition.parent == ResourceId(f"/subscriptions/{SUBSCRIPTION}")


def test_roles_and_locks_stand_at_the_scope_that_is_written() -> None:
    setup = read(
        TENANT
        + MACHINES
        + f"""
[[role_assignment]]
principal = "nobody"
role = "serial console operator"
scope = "{RG}"
[[lock]]
name = "keep"
level = "ReadOnly"
scope = "{RG}"
"""
    )
    store = Store(None)
    apply_setup(store, setup, print, cost=2)
    nobody = Directory(store).user("nobody@example.com")
    assert nobody is not None
    caller = Caller(nobody.object_id, nobody.name, "T", 0.0, multi_factor=False, claims={})
    authorisation = Authorisation(store)
    machine = ResourceId(f"{RG}/providers/Microsoft.Compute/virtualMachines/vm1")
    assert authorisation.may(caller, LEAST_PRIVILEGE[-1], machine)
    assert not authorisation.may(caller, LEAST_PRIVILEGE[-1], ResourceId(f"/subscriptions/{SUBSCRIPTION}"))
    assert [str(one.id.parent) for one in store.list("Microsoft.Authorization/locks")] == [RG]
    store.close()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[[vm]\n", "t.toml:1: "),
        ("[tennant]", "t.toml:1: unknown table 'tennant'; did you mean tenant?"),
        ("[vm]\nname = 'a'", "t.toml:1: 'vm' is written as [[vm]], in two pairs of brackets, one for each"),
        ("[[console]]", "t.toml:1: 'console' is written as a table, [console]"),
        ("[[vm]]\nnam = 'a'", "t.toml:2: unknown key 'nam' in [[vm]]; did you mean name?"),
        ("[[vm]]", "t.toml:1: [[vm]] lacks the key 'name' (a string)"),
        ("\n[[vm]]\nname = 1", "t.toml:3: 'name' in [[vm]] must be a string, not 1"),
        ("[[vm]]\nname = 'a b'", "t.toml:2: 'a b' cannot be the name of a machine: use up to 90 letters, digits and"),
        ("[[vm]]\nname = 'a'\nguest = 'dmeo'", "t.toml:3: "),
        ("[[vm]]\nname = 'a'\nsettings = {sysrk = 1}", "has no setting 'sysrk'; did you mean sysrq?"),
        (
            "[[vm]]\nname = 'a'\npower = 'on'",
            "t.toml:3: unknown power 'on' in [[vm]]; possible: deallocated, running, stopped",
        ),
        ("[[vm]]\nname = 'a'\n[[vm]]\nname = 'A'", "t.toml:3: the machine A is described twice"),
        ("[[vm]]\nname='a'\nresource_group = 'x'", "t.toml:3: unknown resource group 'x'; possible: machines"),
        ("[[vm]]\nname='a'\nstorage_account = 'x'", "t.toml:3: unknown storage account 'x'"),
        (
            "[[scale_set]]\nname='a'\ncapacity = -1",
            "t.toml:3: 'capacity' in [[scale_set]] must not be negative; it is -1",
        ),
        ("[[scale_set]]\nname='a'\ncapacity = 100000", "t.toml:1: more than 1000 machines are described"),
        ("[[user]]\nname='a'\npassword='b'\nroles=['Ownr']", "t.toml:4: unknown role 'Ownr'; did you mean Owner?"),
        ("[[user]]\nname='a'\npassword='b'\ngroups=['x']", "t.toml:4: unknown group 'x'"),
        ("[[user]]\nname='a'", "t.toml:1: [[user]] lacks the key 'password' (a string)"),
        ("[[user]]\nname='a'\npassword=' '", "t.toml:3: 'password' in [[user]] must be a string with some text"),
        ("[[user]]\nname='a'\npassword='b'\n" * 2, "t.toml:5: the name 'a@example.com' is given twice"),
        ("[[user]]\nname='a'\npassword='b'\nmfa='yes'", "t.toml:4: 'mfa' in [[user]] must be true or false, not 'yes'"),
        ("[[subscription]]\nid='x'", "t.toml:2: 'x' is not a GUID: use one such as 00000000-"),
        ("[[lock]]\nname='l'\nlevel='None'\nscope='/'", "t.toml:3: unknown level 'None' in [[lock]]; possible: CanNot"),
        (
            "[[lock]]\nname='l'\nlevel='ReadOnly'\nscope='/subscriptions/x'",
            "t.toml:4: there is no 'x' there: use the id of a resource",
        ),
        ("[[lock]]\nname='l'\nlevel='ReadOnly'\nscope='x'", "t.toml:4: 'x' is not a resource id"),
        ("[[role_assignment]]\nprincipal='x'\nrole='Owner'\nscope='/'", "t.toml:2: unknown principal 'x'"),
        ("[[role]]\nname='Owner'\nactions=['*']", "t.toml:2: the role 'Owner' is there already"),
        ("[[storage_account]]\nname='Logs'", "t.toml:2: the storage account 'Logs' is not 3 to 24 lower-case letters"),
        ("[tenant]\ntoken_lifetime_s = 0", "t.toml:2: token_lifetime_s is 0: use 1 s to "),
        ("[console]\nprofile='x'", "t.toml:2: unknown profile 'x' in [console]; possible: default, preview"),
        ("[gateway]\nping_evry_s=1", "t.toml:2: unknown key 'ping_evry_s' in [gateway]; did you mean ping_every_s?"),
        ("[gateway]\nping_every_s=-1", "t.toml:2: ping_every_s = '-1': use a number of seconds"),
        ("[faults]\nx=1", "t.toml:1: "),
        ("[[resource_group]]\nname='a'\ntags={a=1979-05-27}", "'a' in 'tags' of [[resource_group]] must be a string"),
        (
            "[[resource_group]]\nname='a'\ntags={a=nan}",
            "'a' in 'tags' of [[resource_group]] must be a string, not 'nan'",
        ),
        ("[[vm]]\nname='a'\nport={rate='x'}", "unknown rate 'x' in the port of [[vm]]; possible: line, unlimited"),
        ("[[vm]]\nname='a'\nport={rate=nan}", "'rate' in the port of [[vm]] must be a string"),
        ("[[vm]]\nname='a'\nport={x=1}", "unknown key 'x' in the port of [[vm]]"),
        ("[[vm]]\nname='a'\nsettings={sysrq=1979-05-27}", "must be a string, a number, true or false"),
        (
            "[[vm]]\nname='a'\nsize='Standard_B1z'",
            "t.toml:3: unknown size 'Standard_B1z'; did you mean Standard_B1s or ",
        ),
        ("[console]\npreview_subscriptions=['x']", "t.toml:2: 'x' is not a GUID"),
        ("[faults]\n[console]\nx=1", "t.toml:3: "),
        ("[[storage_account]]\nname='abc'\nfirewall=['x']", "t.toml:3: 'x' is not an address or a network"),
        ("[[user]]\npassword='b'\nname='" + "a" * 300 + "'", "t.toml:3: 'name' in [[user]] has 300 characters"),
        ("a" + ".a" * 200 + "=1", "t.toml:1: a key of more than 100 parts"),
    ],
)
def test_a_mistake_is_said_with_its_line_and_what_is_possible(text: str, what: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(text)
    assert what in str(refused.value)
    assert str(refused.value).startswith("t.toml:")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    said = "t.toml:"
    try:
        read(text)
    except UsageError as refused:
        said = str(refused)
    assert said.startswith("t.toml:")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(No such file or directory\): give another with --config"):
        read_setup_file(tmp_path / "missing.toml")
    (tmp_path / "bytes.toml").write_bytes(b"a = 1\n\xff")
    with pytest.raises(UsageError, match=r"bytes.toml:2: byte 0xff is not valid UTF-8"):
        read_setup_file(tmp_path / "bytes.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(UsageError, match="may have at most 1048576 bytes"):
        read_setup_file(tmp_path / "large.toml")


def test_a_guest_in_a_folder_is_found_from_the_files_own_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "guest.toml").write_text(
        '[guest]\nkind = "script"\ndescription = "d"\n[script]\nfile = "guest.py"\n'
    )
    (tmp_path / "mine" / "guest.py").write_text("")
    (tmp_path / "t.toml").write_text('[[vm]]\nname = "vm1"\nguest = "./mine"\n')
    setup = read_setup_file(tmp_path / "t.toml")
    (machine,) = [one for one in setup.resources if one.id.is_a("Microsoft.Compute/virtualMachines")]
    assert machine.private["guest"] == str(tmp_path / "mine")


def test_the_example_has_a_user_for_each_role_and_new_passwords_each_time() -> None:
    text = example_tenant()
    setup = read(text)
    secrets = [one.secret_hash for one in setup.principals]
    assert len(set(secrets)) == len(secrets)
    assert not set(secrets) & {one.secret_hash for one in read(example_tenant()).principals}
    names = {one.name.partition("@")[0] for one in setup.principals if one.kind is PrincipalKind.USER}
    assert names == set(USERS)
    assert {"Reader", "Virtual Machine Contributor", "Contributor", "Owner", CUSTOM_ROLE} == set(USERS.values())
    (web,) = [one for one in setup.resources if one.id.is_a("Microsoft.Compute/virtualMachineScaleSets")]
    assert web.body["sku"]["capacity"] == 3
    guests = [one.private["guest"] for one in setup.resources if one.id.is_a("Microsoft.Compute/virtualMachines")]
    assert guests == ["linux" if can_start("linux") else "demo", *(["windows"] if can_start("windows") else [])]
