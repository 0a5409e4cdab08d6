"""Where the service that runs says how it is reached: ``connection.toml`` in the folder of its state.

``uartsim serve`` writes the file once it answers and removes it when it ends; ``uartsim console`` reads it.  It holds the
service's URL and the path of the certificate to trust, and never a secret.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UsageError
from uartsim.own_files.folder import OwnFolder
from uartsim.own_files.places import state_place

#: The file's name.
SERVICE_NOTE: Final = "connection.toml"
_DRAFT: Final = f".{SERVICE_NOTE}.new"
#: More than this is not read, in bytes.
_LONGEST: Final = 65536


@dataclass(frozen=True, slots=True)
class ServiceNote:
    """How a service is reached.

    Attributes:
        url: its root, such as ``https://localhost:8443``, without a slash at the end.
        ca_file: the path of the certificate, in PEM, that its own was signed with.
    """

    url: str
    ca_file: str


def service_place() -> str:
    """The folder for the state of ``uartsim serve``: ``$UARTSIM_SERVE_STATE``, else ``service`` in the state folder."""
    return os.path.abspath(os.environ.get("UARTSIM_SERVE_STATE", "") or os.path.join(state_place(), "service"))


def write_service_note(folder: OwnFolder, note: ServiceNote) -> None:
    """Say how the service is reached, in place of what an earlier run has said."""
    if _DRAFT in folder.names():
        folder.remove(_DRAFT)
    text = f"url = {json.dumps(note.url)}\nca_file = {json.dumps(note.ca_file)}\n"
    folder.write_new(_DRAFT, text.encode())
    folder.replace(_DRAFT, SERVICE_NOTE)


def remove_service_note(folder: OwnFolder) -> None:
    """Say that no service runs.  Without a note, do nothing."""
    if SERVICE_NOTE in folder.names():
        folder.remove(SERVICE_NOTE)


def read_service_note(place: str | None = None) -> ServiceNote | None:
    """How the service is reached; None if none has said so.

    Args:
        place: the folder of its state; :func:`service_place` if not given.

    Raises:
        UsageError: the file cannot be read, is another user's, or is not such a file.
    """
    import tomllib

    path = os.path.join(place or service_place(), SERVICE_NOTE)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise UsageError(f"{path} is not a file of this user's: remove it, or name the service with --endpoint")
            fields = tomllib.loads(file.read(_LONGEST).decode())
            return ServiceNote(str(fields["url"]), str(fields["ca_file"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name the service with --endpoint") from None
    except (ValueError, KeyError, RecursionError):
        raise UsageError(
            f"{path} is damaged: start 'uartsim serve' again, or name the service with --endpoint"
        ) from None
