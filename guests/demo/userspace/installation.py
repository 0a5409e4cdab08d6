"""What the machine's installation has set up by the guest's settings: host name, accounts, greeting."""

from __future__ import annotations

from typing import Final

from ..kernel.vfs import FileSystem
from ..settings import Settings
from . import accounts

#: The line of ``authorized_keys`` of a user who was made with an SSH key.
_SSH_KEY: Final = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVhcnRzaW0tZGVtby1ndWVzdC1rZXktbm90LWEtcmVhbC1v {name}@example\n"
)


def install(files: FileSystem, settings: Settings) -> None:
    """Set up a new machine.

    Args:
        files: its file system, as root sees it.
        settings: the guest's settings.
    """
    files.write_text("/etc/hostname", f"{settings.hostname}\n")
    if settings.password:
        accounts.set_password(files, "root", settings.password)
    else:
        accounts.lock_password(files, "root")
    if settings.tmout:
        files.write_text("/root/.bash_profile", f"export TMOUT={settings.tmout}\n")
    logins = [f"root, password {settings.password}"] if settings.password else []
    if settings.user:
        accounts.add_user(files, settings.user)
        accounts.add_to_group(files, settings.user, accounts.ADMINISTRATORS)
        if settings.user_password:
            accounts.set_password(files, settings.user, settings.user_password)
            logins.append(f"{settings.user}, password {settings.user_password}")
        else:
            _authorize_key(files, settings.user)
    whom = f"log in as {' or '.join(logins)}" if logins else "no user has a password"
    files.write_text("/etc/issue", f"Debian GNU/Linux 12 \\n \\l\n`demo', the scripted guest of uartsim: {whom}.\n\n")


def _authorize_key(files: FileSystem, name: str) -> None:
    """Leave the user the public key by which alone he could log in, over a network."""
    user = accounts.find_user(files, name)
    assert user is not None
    folder = f"{user.home}/.ssh"
    files.make_directory(folder)
    files.write_text(f"{folder}/authorized_keys", _SSH_KEY.format(name=name))
    for path, mode in ((folder, 0o700), (f"{folder}/authorized_keys", 0o600)):
        files.find(path).owner = user.uid
        files.change_mode(path, mode)
