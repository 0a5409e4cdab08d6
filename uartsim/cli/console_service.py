"""The options that all commands of ``uartsim console`` share: which service, which machine, and who asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from uartsim.errors import UartsimError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from uartsim.azure_client.machine_checks import MachineName
    from uartsim.azure_client.management import Management
    from uartsim.azure_client.service_address import ServiceAddress
    from uartsim.azure_client.token_source import Credentials

_SERVICE: Final = (
    click.option(
        "--endpoint",
        metavar="URL",
        envvar="UARTSIM_ARM_ENDPOINT",
        help="The service; else the 'uartsim serve' that runs.",
    ),
    click.option(
        "--ca-file",
        type=click.Path(dir_okay=False),
        envvar="UARTSIM_CA_FILE",
        help="The certificates to trust, in PEM; else those of the 'uartsim serve' that runs, or of the system.",
    ),
    click.option(
        "--subscription", metavar="ID", envvar="UARTSIM_SUBSCRIPTION", help="Else the only one that you can see."
    ),
    click.option(
        "--user",
        metavar="NAME",
        envvar="UARTSIM_USER",
        help="A user, such as me@example.com, or a service principal's client id.",
    ),
    click.option(
        "--secret-file",
        type=click.Path(dir_okay=False),
        help="A file with the user's secret; else UARTSIM_SECRET, else it is asked for.",
    ),
    click.option(
        "--token-file",
        type=click.Path(dir_okay=False),
        help="A file with a bearer token, such as one of 'az account get-access-token'; else UARTSIM_TOKEN.",
    ),
    click.option("--token", metavar="TOKEN", help="The token itself; others on this computer can see it."),
    click.option(
        "--token-endpoint",
        metavar="URL",
        envvar="UARTSIM_TOKEN_ENDPOINT",
        help="Where a user and a secret become a token; else adfs/oauth2/token of the service.",
    ),
    click.option("--api-version", metavar="DATE", help="The api-version of Microsoft.SerialConsole; else 2024-07-01."),
    click.option(
        "--retry-for",
        type=click.FloatRange(0, 86400),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to try again what may succeed soon.",
    ),
)
_MACHINE: Final = (
    click.argument("name"),
    click.option(
        "-g", "--resource-group", metavar="GROUP", envvar="UARTSIM_RESOURCE_GROUP", help="The resource group."
    ),
    click.option("--instance-id", metavar="N", help="NAME is a scale set: the number of its instance."),
)


@dataclass(frozen=True)
class ServiceOptions:
    """What was said about the service and about who asks; see the help of each option."""

    endpoint: str | None
    ca_file: str | None
    subscription: str | None
    user: str | None
    secret_file: str | None
    token_file: str | None
    token: str | None
    token_endpoint: str | None
    api_version: str | None
    retry_for: float


@dataclass(frozen=True)
class MachineOptions:
    """Which machine was named."""

    name: str
    resource_group: str | None
    instance_id: str | None


def service_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the service, as its argument ``service``."""
    return _with(command, _SERVICE, ServiceOptions, "service")


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the name of a machine, as its argument ``chosen``."""
    return _with(command, _MACHINE, MachineOptions, "chosen")


def _with(
    command: Callable[..., Any], options: tuple[Callable[..., Any], ...], kind: type[Any], argument: str
) -> Callable[..., Any]:
    names = list(kind.__dataclass_fields__)

    def gathered(**given: Any) -> Any:
        fields = {name: given.pop(name) for name in names}
        return command(**given, **{argument: kind(**fields)})

    gathered.__doc__ = command.__doc__
    gathered.__name__ = command.__name__
    gathered.__click_params__ = list(getattr(command, "__click_params__", ()))  # type: ignore[attr-defined]
    for option in reversed(options):
        option(gathered)
    return gathered


@asynccontextmanager
async def management_of(options: ServiceOptions, say: Callable[[str], object]) -> AsyncIterator[Management]:
    """The management REST of the service that the options name.

    Args:
        options: the options.
        say: is told why something is tried again.

    Raises:
        UsageError: the options do not fit together, or something is missing.
    """
    from uartsim.azure_client.http_requests import Http
    from uartsim.azure_client.management import CONSOLE_VERSION, Management
    from uartsim.azure_client.retries import Retries
    from uartsim.azure_client.service_address import find_service

    def find() -> ServiceAddress:
        return find_service(options.endpoint, options.ca_file)

    address = find()
    credentials = _credentials(_nearest(options))
    async with Http(address) as http:
        retries = Retries(options.retry_for, say)
        yield Management(http, credentials, retries, options.api_version or CONSOLE_VERSION, find)


async def subscription_of(management: Management, options: ServiceOptions) -> str:
    """The subscription that was named, or the only one."""
    return options.subscription or await management.only_subscription()


async def machine_of(management: Management, options: ServiceOptions, chosen: MachineOptions) -> MachineName:
    """The machine that was named.

    Raises:
        UsageError: its resource group is missing.
    """
    from uartsim.azure_client.machine_checks import MachineName, machine_of_id

    if chosen.name.startswith("/"):
        source = click.get_current_context().get_parameter_source("resource_group")
        if source is ParameterSource.COMMANDLINE or chosen.instance_id:
            raise UsageError("an id names the resource group and the instance already: leave these options out")
        return machine_of_id(chosen.name)
    if not chosen.resource_group:
        raise UsageError(
            "name the resource group with -g GROUP (UARTSIM_RESOURCE_GROUP), or give the machine's whole id"
        )
    subscription = await subscription_of(management, options)
    return MachineName(subscription, chosen.resource_group, chosen.name, chosen.instance_id)


def require_libraries() -> None:
    """Check that the extra that these commands need is installed.

    Raises:
        UsageError: it is not.
    """
    try:
        import httpx  # noqa: F401
        import trio_websocket  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"'uartsim console' needs the library {error.name}: install it with pip install 'uartsim[service]'"
        ) from None


def _nearest(options: ServiceOptions) -> ServiceOptions:
    """The options without those credentials of the configuration file that nearer ones stand in for."""
    source = click.get_current_context().get_parameter_source
    names = ("user", "secret_file", "token_file", "token")
    near = {name for name in names if source(name) in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)}
    near |= {"secret"} if os.environ.get("UARTSIM_SECRET") else set()
    near |= {"token"} if os.environ.get("UARTSIM_TOKEN") and "user" not in near else set()
    beside = {"token_file": near, "secret_file": near, "user": near & {"token", "token_file"}}
    left_out: dict[str, Any] = {
        name: None for name, others in beside.items() if others and source(name) is ParameterSource.DEFAULT_MAP
    }
    return replace(options, **left_out)


def _credentials(options: ServiceOptions) -> Credentials:
    from uartsim.azure_client.service_address import check_is_private
    from uartsim.azure_client.token_source import Credentials

    if token := _token(options):
        return Credentials(token=token)
    if not options.user:
        raise UsageError(
            "say who asks: --user NAME with its secret in UARTSIM_SECRET or --secret-file, or a token in UARTSIM_TOKEN or "
            "--token-file"
        )
    if options.token_endpoint:
        check_is_private(options.token_endpoint, "https")
    secret = _secret(options, options.user)
    return Credentials(user=options.user, secret=secret, token_endpoint=options.token_endpoint or "")


def _token(options: ServiceOptions) -> str:
    """The token that was given, or an empty text."""
    if options.token and options.token_file:
        raise UsageError("--token and --token-file: give one of them")
    has_user = click.get_current_context().get_parameter_source("user") is ParameterSource.COMMANDLINE
    if (options.token or options.token_file) and (has_user or options.secret_file):
        raise UsageError("a token says who asks already: leave --user and --secret-file out, or the token")
    if options.token:
        click.echo(
            "uartsim: other users of this computer can see --token in the list of processes: use UARTSIM_TOKEN or "
            "--token-file",
            err=True,
        )
    token = options.token or (_file_text(options.token_file, "token") if options.token_file else "")
    if not token and not options.user:
        token = os.environ.get("UARTSIM_TOKEN", "")
    token = token.strip()
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("the token has characters that no token has: give it as it was issued, without quotes or JSON")
    return token


def _secret(options: ServiceOptions, user: str) -> str:
    if options.secret_file:
        return _file_text(options.secret_file, "secret").rstrip("\r\n")
    if secret := os.environ.get("UARTSIM_SECRET", ""):
        return secret
    if not sys.stdin.isatty():
        raise UsageError(
            f"the secret of {user} is missing: put it into UARTSIM_SECRET, or name a file with --secret-file"
        )
    try:
        return str(click.prompt(f"{'Password' if '@' in user else 'Secret'} of {user}", hide_input=True, err=True))
    except click.Abort:
        raise UartsimError("no secret was given") from None


def _file_text(path: str, what: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(1 << 20)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"the {what} file {path} cannot be read ({why})") from None
    if not text.strip():
        raise UsageError(f"the {what} file {path} is empty")
    return text
