"""Drive C: a few folders and files, and a file system that can be damaged and repaired.

Paths are kept as they were written and compared without regard to case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

#: All files together may have so many bytes; then the drive is full.
ROOM: Final = 1 << 20
SERIAL_NUMBER: Final = "5541-5254"
LABEL: Final = "Windows"

_FOLDERS: Final = (
    r"C:\PerfLogs",
    r"C:\Program Files",
    r"C:\Program Files (x86)",
    r"C:\Users",
    r"C:\Users\Public",
    r"C:\Windows",
    r"C:\Windows\System32",
    r"C:\Windows\System32\config",
    r"C:\Windows\System32\drivers",
    r"C:\Windows\System32\drivers\etc",
    r"C:\Windows\Temp",
    r"C:\WindowsAzure",
    r"C:\WindowsAzure\Logs",
)
_FILES: Final = {
    r"C:\Windows\System32\drivers\etc\hosts": "# localhost name resolution is handled within DNS itself.\n",
    r"C:\Windows\win.ini": "; for 16-bit app support\n[fonts]\n[extensions]\n[mci extensions]\n[files]\n[Mail]\nMAPI=1\n",
    r"C:\WindowsAzure\Logs\readme.txt": "This is `windows', the scripted guest of uartsim: no real Windows runs here.\n",
}


class VolumeError(Exception):
    """What cmd says of a file that cannot be used so."""


def absolute(folder: str, path: str) -> str:
    """A path in full.

    Args:
        folder: the current folder, in full.
        path: as it was typed; with a drive, from the root, or relative.

    Raises:
        VolumeError: another drive than C.
    """
    path = "".join(" " if character.isspace() else character for character in path.replace('"', "")).strip()
    path = path.replace("/", "\\")
    drive, colon, rest = path.partition(":")
    if colon:
        if drive.lower() != "c":
            raise VolumeError("The system cannot find the drive specified.")
        path = rest if rest.startswith("\\") else (folder[3:] + "\\" + rest if rest else folder[3:])
    elif not path.startswith("\\"):
        path = folder[3:] + "\\" + path
    parts: list[str] = []
    for part in map(str.strip, path.split("\\")):
        if part == "..":
            parts = parts[:-1]
        elif part.strip(". "):
            parts.append(part.rstrip(". "))
    return "C:\\" + "\\".join(parts)


def parent_of(path: str) -> str:
    """The folder that a full path is in; the root's is the root."""
    head, _, _ = path.rpartition("\\")
    return head if len(head) > 2 else "C:\\"


@dataclass
class Volume:
    """Drive C.

    Attributes:
        damaged: the file system has errors; remote desktop's service cannot be loaded.
        check_at_boot: chkdsk runs at the next boot.
    """

    damaged: bool = False
    check_at_boot: bool = False
    _folders: dict[str, str] = field(default_factory=lambda: {path.lower(): path for path in ("C:\\", *_FOLDERS)})
    _files: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {path.lower(): (path, text) for path, text in _FILES.items()}
    )

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at a full path."""
        return path.lower() in self._folders

    def is_file(self, path: str) -> bool:
        """Whether there is a file at a full path."""
        return path.lower() in self._files

    def written(self, path: str) -> str:
        """A path as it was first written."""
        key = path.lower()
        return self._folders[key] if key in self._folders else self._files.get(key, (path, ""))[0]

    def read(self, path: str) -> str:
        """A file's text, its lines ended by ``\\n``.

        Raises:
            VolumeError: there is none.
        """
        if self.is_folder(path):
            raise VolumeError("Access is denied.")
        if not self.is_file(path):
            raise VolumeError("The system cannot find the file specified.")
        return self._files[path.lower()][1]

    def write(self, path: str, text: str, append: bool = False) -> None:
        """Write a file, or write behind its end.

        Raises:
            VolumeError: its folder is not there, it is a folder, or the drive is full.
        """
        if self.is_folder(path):
            raise VolumeError("Access is denied.")
        if not self.is_folder(parent_of(path)):
            raise VolumeError("The system cannot find the path specified.")
        written, old = self._files.get(path.lower(), (path, ""))
        others = sum(len(text) for _, text in self._files.values()) - len(old)
        if others + len(text) + (len(old) if append else 0) > ROOM or len(self._files) >= 1000:
            raise VolumeError("There is not enough space on the disk.")
        self._files[path.lower()] = (written, old + text if append else text)

    def make_folder(self, path: str) -> None:
        """Make a folder, with those above it.

        Raises:
            VolumeError: it is there already, or a file is in the way, or there are too many.
        """
        if self.is_folder(path) or self.is_file(path):
            raise VolumeError(f"A subdirectory or file {path} already exists.")
        if len(self._folders) >= 1000 or len(path) > 248:
            raise VolumeError("There is not enough space on the disk.")
        above = parent_of(path)
        if not self.is_folder(above):
            self.make_folder(above)
        self._folders[path.lower()] = path

    def remove_file(self, path: str) -> None:
        """Remove a file.

        Raises:
            VolumeError: there is none.
        """
        if self._files.pop(path.lower(), None) is None:
            raise VolumeError(f"Could Not Find {path}")

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder.

        Raises:
            VolumeError: it is not there, or not empty.
        """
        if not self.is_folder(path):
            raise VolumeError("The system cannot find the file specified.")
        if path == "C:\\" or any(self.entries(path)):
            raise VolumeError("The directory is not empty.")
        del self._folders[path.lower()]

    def entries(self, path: str) -> tuple[list[str], list[tuple[str, int]]]:
        """The names of a folder's folders, and of its files with their sizes in bytes."""
        wanted = path.lower()
        folders = [
            written for written in self._folders.values() if parent_of(written).lower() == wanted and written != path
        ]
        files = [(written, len(text)) for written, text in self._files.values() if parent_of(written).lower() == wanted]
        return (
            sorted((name.rpartition("\\")[2] for name in folders if name != "C:\\"), key=str.lower),
            sorted(((name.rpartition("\\")[2], size) for name, size in files), key=lambda entry: entry[0].lower()),
        )
