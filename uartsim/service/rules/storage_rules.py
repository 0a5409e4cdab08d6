"""What is demanded of the storage account for boot diagnostics; storage that Azure manages meets it all."""

from __future__ import annotations

from typing import Final

from uartsim.service.arm_error import ArmError
from uartsim.service.machines.diagnostics_settings import ACCOUNT_TYPE
from uartsim.service.rules.facts import Facts
from uartsim.service.rules.rule import Refusal, Rule

_READ: Final = f"{ACCOUNT_TYPE}/read"
_LIST_KEYS: Final = f"{ACCOUNT_TYPE}/listKeys/action"

_UNDETERMINED: Final = (
    "Unable to determine the resource group for the boot diagnostics storage account <STORAGEACCOUNTNAME>."
    " Verify that boot diagnostics is enabled for this VM and you have access to this storage account."
)
_PREVIEW_UNDETERMINED: Final = (
    "Error 500 Message: Unable to determine the resource group for the boot diagnostics storage account"
)
_BAD_URI: Final = Refusal(
    400, "BadRequest", "The serial console connection to the VM encountered an error: 'Bad Request' (400)"
)
_MISSING: Final = Refusal(
    404,
    "StorageAccountNotFound",
    "The storage account '<STORAGEACCOUNTNAME>' used for boot diagnostics on this VM could not be found. Verify that boot"
    " diagnostics is enabled for this VM, this storage account has not been deleted, and you have access to this storage"
    " account.",
    preview=_PREVIEW_UNDETERMINED,
    preview_status=500,
)
_NO_ROLE: Final = Refusal(
    403, "StorageAccountNotAccessible", _UNDETERMINED, preview=_PREVIEW_UNDETERMINED, preview_status=500
)
_HIERARCHICAL: Final = Refusal(
    409,
    "HierarchicalNamespaceNotSupported",
    "Serial console does not work with a storage account using Azure Data Lake Storage Gen2 with hierarchical namespaces.",
)
_FIREWALL: Final = Refusal(
    403,
    "Forbidden",
    'A "Forbidden" response was encountered when accessing this VM\'s boot diagnostic storage account.',
)
_NOT_WRITABLE: Final = Refusal(
    403,
    "StorageAccountNotWritable",
    "You do not have the required permissions to write to the boot diagnostics storage account for this VM."
    " Please ensure you have at least VM Contributor permissions",
)


def _uri(facts: Facts) -> Refusal | None:
    uri = facts.storage_uri
    return _BAD_URI if uri is not None and not uri.casefold().startswith("https://") else None


def _exists(facts: Facts) -> Refusal | None:
    return _MISSING if facts.storage_name is not None and facts.storage_account is None else None


def _readable(facts: Facts) -> Refusal | None:
    account = facts.storage_account
    return None if account is None or facts.may(_READ, account.id) else _NO_ROLE


def _flat(facts: Facts) -> Refusal | None:
    account = facts.storage_account
    return _HIERARCHICAL if account is not None and account.properties.get("isHnsEnabled") is True else None


def _open(facts: Facts) -> Refusal | None:
    account = facts.storage_account
    if account is None:
        return None
    acls = account.properties.get("networkAcls") or {}
    denied = str(acls.get("defaultAction")).casefold() == "deny"
    closed = str(account.properties.get("publicNetworkAccess")).casefold() == "disabled"
    return _FIREWALL if denied or closed else None


def _writable(facts: Facts) -> Refusal | None:
    account = facts.storage_account
    if account is None:
        return None
    try:
        # A ReadOnly lock forbids the listing of keys too.
        facts.authorisation.check(facts.caller, _LIST_KEYS, account.id)
    except ArmError:
        return _NOT_WRITABLE
    return None


RULES: Final = (
    Rule("storage-uri", _uri, "Give the storage account by its https address."),
    Rule("storage-exists", _exists, "Create the account again, or give the machine another one."),
    Rule("storage-role", _readable, "Assign a role on the storage account to the user."),
    Rule("storage-namespace", _flat, "Create an account without hierarchical namespaces and give it to the machine."),
    Rule("storage-firewall", _open, "Clear the account's firewall: its default action is Allow."),
    Rule("storage-writable", _writable, "Assign a role with listKeys on the storage account to the user."),
)
