"""The records of ``uartsim run``: those that the user has named, and the transcript that every machine keeps.

Transcripts lie in ``uartsim/transcripts`` in ``$XDG_STATE_HOME`` (``~/.local/state`` without it), a folder of mode 0700, in
files of mode 0600, each of at most :data:`TRANSCRIPT_BYTES`; those of the newest :data:`MOST_TRANSCRIPTS` machines are kept.
``UARTSIM_TRANSCRIPTS=off`` in the environment, or ``--no-transcript``, turns them off.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from uartsim.machine import Machine
    from uartsim.own_files.folder import OwnFolder
    from uartsim.record import LineRecorder

#: About how much one transcript may take, in bytes.
TRANSCRIPT_BYTES: Final = 16 << 20
#: Older transcripts are removed when another is begun, unless their machines run.
MOST_TRANSCRIPTS: Final = 50
_NAME: Final = re.compile(r"(?P<machine>.+)-(?P<time>\d{8}-\d{6})-(?P<pid>\d+)(?:\.(?P<part>\d+))?\.jsonl")


class RecordSettings(NamedTuple):
    """The records of a machine.

    Attributes:
        paths: the files that the user has named.
        kind: their format; None for those that go with their endings.
        limit_bytes: about how much each may take; None for no limit.
        transcript: whether the machine's own transcript is kept; None for what the environment says.
    """

    paths: tuple[str, ...] = ()
    kind: str | None = None
    limit_bytes: int | None = None
    transcript: bool | None = None

    @property
    def keeps_transcript(self) -> bool:
        """Whether the machine's own transcript is kept."""
        if self.transcript is not None:
            return self.transcript
        return os.environ.get("UARTSIM_TRANSCRIPTS", "").lower() not in ("0", "false", "no", "off")

    def open(self, machine: Machine, say: Callable[[str], object]) -> LineRecorder:
        """Begin the records.

        Args:
            machine: the machine.
            say: told, in a sentence, why the transcript cannot be kept: the machine runs without it.

        Raises:
            UsageError: a file that the user has named cannot be made.
        """
        from uartsim.record import open_recorder

        start = machine.com1.clock.now()
        recorder = open_recorder(self.paths, machine.name, start, kind=self.kind, limit_bytes=self.limit_bytes)
        if self.keeps_transcript:
            from uartsim.errors import UartsimError
            from uartsim.record import open_record

            try:
                path = new_transcript(machine.name)
                recorder.writers.append(open_record(path, machine.name, start, limit_bytes=TRANSCRIPT_BYTES))
            except (OSError, UartsimError) as error:
                say(f"no transcript is kept ({error})")
        return recorder


class KeptTranscript(NamedTuple):
    """A transcript in the folder of transcripts.

    Attributes:
        path: its first part.
        machine: the machine's name.
        pid: the process of the machine.
        size: the bytes of all parts.
        modified: when it was last written, in seconds since 1970.
        names: the names of its parts.
    """

    path: str
    machine: str
    pid: int
    size: int
    modified: float
    names: tuple[str, ...]

    @property
    def is_running(self) -> bool:
        """Whether its machine may still run."""
        return os.path.exists(f"/proc/{self.pid}")


def transcripts_folder() -> str:
    """Where transcripts are kept."""
    from uartsim.own_files.places import state_place

    return os.path.join(state_place(), "transcripts")


def new_transcript(machine: str) -> str:
    """The path of a new transcript, for which room is made.

    Raises:
        UartsimError: the folder cannot be used.
        OSError: it cannot be read or written.
    """
    from uartsim.own_files.folder import open_own
    from uartsim.own_files.places import is_ours

    folder = transcripts_folder()
    if not is_ours(folder):
        raise PermissionError(0, f"{folder} is in another user's folder")
    with open_own(folder, "transcripts", "give another folder with XDG_STATE_HOME, or --no-transcript") as own:
        kept = _listed(own)
        for old in [transcript for transcript in kept if not transcript.is_running][MOST_TRANSCRIPTS - 1 :]:
            for name in old.names:
                with contextlib.suppress(FileNotFoundError):  # another machine has begun at the same moment
                    own.remove(name)
    return os.path.join(folder, time.strftime(f"{machine}-%Y%m%d-%H%M%S-{os.getpid()}.jsonl"))


def kept_transcripts() -> list[KeptTranscript]:
    """The transcripts that are kept, newest first.

    Raises:
        UartsimError: the folder cannot be used.
    """
    from uartsim.own_files.folder import open_own

    try:
        with open_own(
            transcripts_folder(), "transcripts", "give another folder with XDG_STATE_HOME", reading=True
        ) as own:
            return _listed(own)
    except FileNotFoundError:
        return []


def _is_transcript(own: OwnFolder, name: str) -> bool:
    """Whether a file is one that a machine has written; a person may have put others into the folder."""
    from uartsim.record.transcript import TRANSCRIPT_BEGIN

    try:
        fd = own.open(name, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode) and os.read(fd, len(TRANSCRIPT_BEGIN)) == TRANSCRIPT_BEGIN
    finally:
        os.close(fd)


def _listed(own: OwnFolder) -> list[KeptTranscript]:
    parts: dict[tuple[str, str, str], list[str]] = {}
    for name in own.names():
        if (found := _NAME.fullmatch(name)) and _is_transcript(own, name):
            parts.setdefault((found["machine"], found["time"], found["pid"]), []).append(name)
    listed = []
    for (machine, begun, pid), names in parts.items():
        try:
            states = [own.state(name) for name in names]
        except FileNotFoundError:  # a machine that begins has removed it
            continue
        first = os.path.join(own.path, f"{machine}-{begun}-{pid}.jsonl")
        size, modified = sum(state.st_size for state in states), max(state.st_mtime for state in states)
        listed.append(KeptTranscript(first, machine, int(pid), size, modified, tuple(names)))
    return sorted(listed, key=lambda transcript: transcript.modified, reverse=True)
