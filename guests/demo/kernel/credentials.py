"""Who a process acts as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user, as processes carry him.

    Attributes:
        name: the user's name.
        uid: the user's number; 0 may do everything.
        gid: the number of the user's own group, whose name is the user's.
        home: the home directory.
    """

    name: str
    uid: int
    gid: int
    home: str

    @property
    def is_root(self) -> bool:
        """Whether every permission is granted."""
        return self.uid == 0


ROOT: Final = Credentials("root", 0, 0, "/root")
