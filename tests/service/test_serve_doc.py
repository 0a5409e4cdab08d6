"""docs/serve.md: its set-up file works, and it describes every table, key and option."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from uartsim.cli.serve_command import serve
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.rules.profiles import ConsolePolicy
from uartsim.service.tenant.setup_file import DEFAULT_SUBSCRIPTION, read_setup
from uartsim.service.tenant.setup_tables import REPEATED, SINGLE
from uartsim.service.tenant.tenant_setup import DEFAULT_TENANT_ID

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "serve.md").read_text()


def test_the_set_up_file_that_it_shows_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    setup = read_setup(text, "serve.md", Path("/"))
    assert [one.name for one in setup.principals] == ["Operators", "alice@contoso.com", "root@contoso.com"]
    assert sum(one.id.is_a("Microsoft.Compute/virtualMachineScaleSets/virtualMachines") for one in setup.resources) == 3


def test_every_table_and_key_is_described() -> None:
    for name in SINGLE:
        assert f"`[{name}]`" in PAGE
    for name in REPEATED:
        assert f"`[[{name}]]`" in PAGE
    keys = {key for table in (*SINGLE.values(), *REPEATED.values()) for key in table}
    keys |= {one.name for kind in (GatewayOptions, ConsolePolicy) for one in fields(kind)}
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []


def test_the_keys_of_the_console_are_those_that_the_rules_know() -> None:
    assert set(SINGLE["console"]) == {one.name for one in fields(ConsolePolicy)}


def test_every_option_is_described() -> None:
    options = [option for parameter in serve.params for option in parameter.opts]
    assert [option for option in options if f"`{option}" not in PAGE] == []


def test_the_ids_that_it_names_are_those_of_the_example() -> None:
    assert DEFAULT_TENANT_ID in PAGE
    assert DEFAULT_SUBSCRIPTION in PAGE
