"""Where the service is, and which certificates it is trusted by."""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from uartsim.errors import UsageError
from uartsim.own_files.service_note import read_service_note
from uartsim.printable import quoted


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a service is.

    Attributes:
        url: the root of its management REST, without a slash at the end.
        ca_file: the path of the certificates to trust, in PEM; empty for those of the system.
    """

    url: str
    ca_file: str = ""

    def tls(self) -> ssl.SSLContext:
        """What a TLS connection to it is checked by.

        Raises:
            UsageError: the file of certificates cannot be read.
        """
        if not self.ca_file:
            return ssl.create_default_context()
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # ssl.SSLError is one
            why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
            raise UsageError(
                f"the CA file {self.ca_file} cannot be used ({why}): give another with --ca-file"
            ) from None


def find_service(endpoint: str | None, ca_file: str | None) -> ServiceAddress:
    """The service that is named, or the one of ``uartsim serve`` that runs.

    Args:
        endpoint: the URL of its management REST; None for the service that runs.
        ca_file: the certificates to trust; None for the running service's own, or the system's.

    Raises:
        UsageError: the URL cannot be used, or no service is named and none runs.
    """
    if endpoint:
        check_is_private(endpoint, "https")
        return ServiceAddress(endpoint.rstrip("/"), ca_file or "")
    note = read_service_note()
    if note is None:
        raise UsageError(
            "no service is known: start one with 'uartsim serve', or name one with --endpoint URL (UARTSIM_ARM_ENDPOINT); "
            "for one that was started with --state FOLDER, set UARTSIM_SERVE_STATE=FOLDER"
        )
    check_is_private(note.url, "https")
    return ServiceAddress(note.url.rstrip("/"), ca_file or os.path.expanduser(note.ca_file))


def check_is_private(url: str, scheme: str) -> None:
    """Check that a token may be sent to a URL: it has to be encrypted, unless it does not leave this computer.

    Args:
        url: the URL.
        scheme: ``https`` or ``wss``.

    Raises:
        UsageError: it may not.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or parts.username or parts.scheme not in (scheme, scheme[:-1]):
        raise UsageError(f"{quoted(url)} is not the URL of a service: use one such as {scheme}://localhost:8443")
    if parts.scheme != scheme and not _is_loopback(host):
        raise UsageError(f"{quoted(url)} is not encrypted, and a token would be sent to it: use {scheme}://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
