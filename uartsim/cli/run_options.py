"""The options of ``uartsim run``, each described once.

:mod:`uartsim.cli.run_command` makes click's options of them.  :mod:`uartsim.cli.early_endpoints` reads the command line
with them before click, or anything else that is heavy, has been imported: nothing is imported here either.
"""

from __future__ import annotations

from typing import Final

#: The parts that the chip can be, as :data:`uartsim.registers.VARIANTS` has them.
PARTS: Final = ("8250", "16450", "16550", "16550A", "16750")
#: How much virtual time passes unless ``--for`` says otherwise, in seconds.
VIRTUAL_SECONDS: Final = 60.0


class RunOption:
    """One option of ``uartsim run``.

    A plain class, because a dataclass or a named tuple takes a millisecond to make, and a client waits for the pty.

    Attributes:
        names: as it is typed: ``--name``, or ``--this/--that`` for a pair of flags.
        help_text: for ``--help``.
        takes: its value: ``"text"``, ``"path"``, ``"choice"``, ``"seconds"``, ``"count"`` (a whole number from 1), or
            ``"nothing"``: it is a flag.
        parameter: the name of the argument that it becomes, where that is not the option's own.
        metavar: what ``--help`` calls the value.
        choices: the values of a ``"choice"``.
        default: the value if the option is not given.
        any_case: whether a choice may be written in upper and lower case.
        repeatable: whether it may be given several times.
        early: whether its value can be checked before anything heavy is imported.
        completed_by: what a shell completes its value with, a key of
            :data:`uartsim.cli.completion_values.RUN_COMPLETERS`.
    """

    __slots__ = (
        "any_case",
        "choices",
        "completed_by",
        "default",
        "early",
        "help_text",
        "metavar",
        "names",
        "parameter",
        "repeatable",
        "takes",
    )

    def __init__(
        self,
        names: str,
        help_text: str,
        takes: str = "text",
        *,
        parameter: str | None = None,
        metavar: str | None = None,
        choices: tuple[str, ...] = (),
        default: str | None = None,
        any_case: bool = False,
        repeatable: bool = False,
        early: bool = False,
        completed_by: str | None = None,
    ) -> None:
        self.names = names
        self.help_text = help_text
        self.takes = takes
        self.parameter = parameter
        self.metavar = metavar
        self.choices = choices
        self.default = default
        self.any_case = any_case
        self.repeatable = repeatable
        self.early = early
        self.completed_by = completed_by


RUN_OPTIONS: Final = (
    RunOption("--name", "The machine's name; the guest's if not given.", early=True),
    RunOption("--link", "The path of the stable link to the pty.", "path", early=True),
    RunOption(
        "--set",
        "A setting of the guest. Repeatable.",
        parameter="settings",
        metavar="KEY=VALUE",
        repeatable=True,
        completed_by="setting",
    ),
    RunOption(
        "--scenario",
        "What has happened to the machine, such as broken-fstab; see 'uartsim scenarios'. Repeatable.",
        metavar="NAME",
        repeatable=True,
        completed_by="scenario",
    ),
    RunOption(
        "--strict-line", "A receiver that is too slow is overrun, as in hardware; otherwise the line waits.", "nothing"
    ),
    RunOption(
        "--rate",
        "line: a character takes its time on the wire, as in hardware. unlimited: it takes none; registers, FIFOs and "
        "counters behave as ever, but nothing that depends on time on the wire can be seen (pacing, overruns, timeouts).",
        "choice",
        choices=("line", "unlimited"),
        default="line",
        early=True,
    ),
    RunOption(
        "--line-policy",
        "refuse: while one client holds the line, another that wants to send is refused with a sentence, unless it uses "
        "force. take-over: the newest client gets the line, and the other is told.",
        "choice",
        choices=("refuse", "take-over"),
        default="refuse",
        early=True,
    ),
    RunOption(
        "--record",
        "Record what goes over the line. FILE's ending says how: .log has what the guest sends, .stamped.log lines with "
        "their times, .cast is for asciinema, and any other has every byte with its time, as JSON lines. Repeatable.",
        "path",
        parameter="records",
        metavar="FILE",
        repeatable=True,
        early=True,
    ),
    RunOption(
        "--record-format",
        "The format of all records, whatever their endings: one of the above, or cast3 (asciicast v3).",
        "choice",
        choices=("jsonl", "log", "stamped-log", "cast", "cast3"),
        early=True,
    ),
    RunOption(
        "--record-limit",
        "About how much a record may take, such as 64M. It goes on in FILE.2, FILE.3 ...; the first part and the newest "
        "ones are kept.",
        metavar="SIZE",
        parameter="record_limit",
    ),
    RunOption(
        "--transcript/--no-transcript",
        "Whether the machine's transcript is kept for 'uartsim records'.  [default: transcript, unless "
        "UARTSIM_TRANSCRIPTS=off]",
        "nothing",
    ),
    RunOption(
        "--trace",
        "Record every register access and line event; 'uartsim trace' reads it.",
        "path",
        metavar="FILE",
        early=True,
    ),
    RunOption("--vcd", "Record the pins as a waveform, for GTKWave and PulseView.", "path", metavar="FILE", early=True),
    RunOption(
        "--uart",
        "The chip; the guest's own if not given, mostly a 16550A. Where QEMU is served byte by byte, the guest has QEMU's "
        "own 16550A, and this is the chip behind it.",
        "choice",
        choices=PARTS,
        any_case=True,
        early=True,
    ),
    RunOption(
        "--flow",
        "rtscts: this end of the line sends only while the guest's RTS is active.",
        "choice",
        choices=("none", "rtscts"),
        default="none",
        early=True,
    ),
    RunOption(
        "--fault",
        "A fault of the line from the start on, such as noise:rate=1e-4,seed=7; see 'uartsim fault --list'. Repeatable.",
        metavar="FAULT",
        repeatable=True,
        completed_by="fault",
    ),
    RunOption(
        "--registers/--no-registers",
        "For a guest in QEMU: it reaches our chip register by register, or not at all; or its bytes go through a driver "
        "of ours.  [default: registers where this QEMU and a compiler allow it]",
        "nothing",
    ),
    RunOption(
        "--firmware",
        "For a guest with a disk: what starts it.  [default: what the image boots with, and BIOS if that is both]",
        "choice",
        choices=("auto", "bios", "uefi"),
    ),
    RunOption(
        "--disk",
        "What the disk image is connected to: ide is for a system without virtio's drivers.  [default: virtio]",
        "choice",
        choices=("virtio", "ide", "scsi", "nvme"),
    ),
    RunOption(
        "--writable",
        "The guest writes to the disk image itself. Otherwise it writes to a private overlay, which is removed at the end, or "
        "kept and named if the machine has failed.",
        "nothing",
    ),
    RunOption("--memory", "The memory of a machine in QEMU.", "count", metavar="MIB"),
    RunOption("--cores", "The processor cores of a machine in QEMU.  [default: 1]", "count", metavar="N"),
    RunOption(
        "--net",
        "user: a machine in QEMU reaches the networks that this machine reaches; nobody reaches it.  [default: none]",
        "choice",
        choices=("none", "user"),
    ),
    RunOption(
        "--forward",
        "With the network user, which it implies: a port of the guest that a port of 127.0.0.1 leads to, such as 22, or "
        "2222:22 for port 2222 here. Without a port here the system chooses one, and it is told. Repeatable.",
        metavar="[PORT:]PORT",
        repeatable=True,
    ),
    RunOption(
        "--edit",
        "For a guest with a disk: put a file into it, or a line of text, before it boots. The image stays as it is: the change "
        "is on the guest's private overlay. Repeatable.",
        metavar="GUESTPATH=FILE|:TEXT",
        repeatable=True,
        completed_by="edit",
    ),
    RunOption(
        "--grub",
        "In the same way, change a setting of GRUB, such as GRUB_TIMEOUT=20 or GRUB_CMDLINE_LINUX='console=ttyS0'. Repeatable.",
        metavar="KEY=VALUE",
        repeatable=True,
        completed_by="grub",
    ),
    RunOption(
        "--seed",
        "For a guest with a disk: what a cloud image is told at its first boot. USER:PASSWORD, a folder with user-data, an "
        "Ignition file NAME.ign, or none.",
        metavar="SEED",
        completed_by="seed",
    ),
    RunOption(
        "--restore",
        "Go on from a snapshot that 'uartsim save' has made.",
        "path",
        metavar="FOLDER",
        completed_by="snapshot",
    ),
    RunOption("--no-attach", "Do not attach this terminal.", "nothing"),
    RunOption(
        "--clock",
        "virtual: time passes as fast as the processor can work it out. Nobody can attach (no pty, no sockets): what the "
        "guest sends is printed, until it ends or the time of --for is over. Only for guests that are scripts.",
        "choice",
        choices=("real", "virtual"),
        default="real",
        early=True,
    ),
    RunOption(
        "--for",
        f"With --clock virtual: how much virtual time may pass.  [default: {VIRTUAL_SECONDS}]",
        "seconds",
        parameter="limit_s",
        metavar="SECONDS",
    ),
)
