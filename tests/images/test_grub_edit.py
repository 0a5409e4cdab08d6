"""Settings of a guest's GRUB, changed while it is off: in the settings and in what was made of them."""

from __future__ import annotations

import posixpath

import pytest

from uartsim.errors import UsageError
from uartsim.images.grub_edit import change_grub
from uartsim.images.grub_text import read_environment, with_parameters, write_environment
from uartsim.images.guest_files import FileState
from uartsim.images.guest_tree import GuestTree
from uartsim.images.image_steps import KernelParameters

DEFAULTS = """\
# If you change this file, run 'update-grub' afterwards
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=ttyS0,115200"
"""
CONFIG = """\
if [ x$feature_timeout_style = xy ] ; then
  set timeout_style=menu
  set timeout=5
else
  set timeout=5
fi
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1234' {
\tinsmod ext2
\tlinux\t/boot/vmlinuz-6.1 root=UUID=1234 ro console=ttyS0,115200 quiet
\tinitrd\t/boot/initrd.img-6.1
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1234' {
\tmenuentry 'Debian, with Linux 6.1 (recovery mode)' $menuentry_id_option 'gnulinux-recovery' {
\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1234 ro single console=ttyS0,115200
\t}
}
"""
MARK = "### BEGIN uartsim --grub ###\n"


class MemoryFiles:
    """The files of a guest, in a dictionary."""

    def __init__(self, files: dict[str, str]) -> None:
        self.contents = {path: text.encode() for path, text in files.items()}

    def state(self, path: str) -> FileState | None:
        if path in self.contents:
            return FileState("file", 0o644, 0, 0)
        is_folder = path == "/" or any(name.startswith(f"{path}/") for name in self.contents)
        return FileState("folder", 0o755, 0, 0) if is_folder else None

    def link_target(self, path: str) -> str:
        raise AssertionError(path)

    def names(self, folder: str) -> list[str]:
        return sorted(posixpath.basename(path) for path in self.contents if posixpath.dirname(path) == folder)

    def read(self, path: str) -> bytes:
        return self.contents[path]

    def write(self, path: str, content: bytes) -> None:
        self.contents[path] = content

    def make_folder(self, path: str) -> None:
        raise AssertionError(path)


def debian(**more: str) -> MemoryFiles:
    return MemoryFiles({"/etc/default/grub": DEFAULTS, "/boot/grub/grub.cfg": CONFIG} | more)


def change(files: MemoryFiles, **settings: str) -> list[str]:
    return change_grub(GuestTree({"/": files}), settings)


def appended(files: MemoryFiles, path: str = "/boot/grub/grub.cfg") -> list[str]:
    lines = files.contents[path].decode().partition(MARK)[2].splitlines()
    return lines[: lines.index("### END uartsim --grub ###")] if lines else []


def test_timeout_is_changed_in_both_places_and_said() -> None:
    files = debian()
    assert change(files, GRUB_TIMEOUT="20") == [
        '/etc/default/grub: GRUB_TIMEOUT="20"',
        "/boot/grub/grub.cfg: at the end: set timeout=20",
    ]
    assert files.contents["/etc/default/grub"].decode() == DEFAULTS.replace("GRUB_TIMEOUT=5", 'GRUB_TIMEOUT="20"')
    assert appended(files) == ["set timeout=20"]
    assert files.contents["/boot/grub/grub.cfg"].decode().startswith(CONFIG)


def test_timeout_after_a_failed_boot_stays_what_it_is() -> None:
    files = debian(**{"/boot/grub/grub.cfg": 'if [ "${recordfail}" = 1 ]; then\n set timeout=30\nfi'})
    change(files, GRUB_TIMEOUT="0", GRUB_RECORDFAIL_TIMEOUT="7")
    assert appended(files) == [
        'if [ "${recordfail}" != 1 ]; then set timeout=0; fi',
        'if [ "${recordfail}" = 1 ]; then set timeout=7; fi',
    ]


def test_last_settings_file_that_sets_a_key_is_changed() -> None:
    files = debian(
        **{
            "/etc/default/grub.d/50-cloud.cfg": "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT+=' net.ifnames=0'\n",
            "/etc/default/grub.d/60-other.cfg": "GRUB_TERMINAL=console\n",
            "/etc/default/grub.d/70-not-read": "GRUB_TIMEOUT=1\n",
            "/boot/grub/grub.cfg": CONFIG.replace("quiet", "quiet net.ifnames=0"),
        }
    )
    change(files, GRUB_TIMEOUT="9", GRUB_CMDLINE_LINUX_DEFAULT="debug")
    assert files.contents["/etc/default/grub"].decode() == DEFAULTS
    assert files.contents["/etc/default/grub.d/50-cloud.cfg"] == (
        b'GRUB_TIMEOUT="9"\nGRUB_CMDLINE_LINUX_DEFAULT="debug"\n'
    )
    assert b"ro console=ttyS0,115200 debug\n" in files.contents["/boot/grub/grub.cfg"]


def test_command_line_of_all_entries_is_changed() -> None:
    files = debian()
    assert change(files, GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,9600")[1] == (
        "/boot/grub/grub.cfg: 2 kernel command lines: console=ttyS0,115200 replaced by console=tty0 console=ttyS0,9600"
    )
    text = files.contents["/boot/grub/grub.cfg"].decode()
    assert "\tlinux\t/boot/vmlinuz-6.1 root=UUID=1234 ro console=tty0 console=ttyS0,9600 quiet\n" in text
    assert "ro single console=tty0 console=ttyS0,9600\n" in text


def test_default_command_line_leaves_recovery_alone() -> None:
    files = debian()
    assert (
        change(files, GRUB_CMDLINE_LINUX_DEFAULT="")[1] == "/boot/grub/grub.cfg: 1 kernel command line: quiet removed"
    )
    assert files.contents["/boot/grub/grub.cfg"].decode() == CONFIG.replace(" quiet", "")
    change(files, GRUB_CMDLINE_LINUX_DEFAULT="loglevel=7")
    assert files.contents["/boot/grub/grub.cfg"].decode() == CONFIG.replace("quiet", "loglevel=7")


def test_same_value_changes_nothing() -> None:
    files = debian()
    assert change(files, GRUB_CMDLINE_LINUX_DEFAULT="quiet") == []
    assert files.contents["/boot/grub/grub.cfg"].decode() == CONFIG


def test_image_without_settings_file_has_its_menu_changed() -> None:
    files = MemoryFiles({"/boot/grub2/grub.cfg": CONFIG})
    assert change(files, GRUB_CMDLINE_LINUX="debug") == [
        "/etc/default/grub: not there; the next update-grub in the guest undoes the change",
        "/boot/grub2/grub.cfg: 2 kernel command lines: debug added",
    ]
    assert b"quiet debug\n" in files.contents["/boot/grub2/grub.cfg"]


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        (
            KernelParameters(add="panic=5"),
            [" console=ttyS0,115200 quiet panic=5", " single console=ttyS0,115200 panic=5"],
        ),
        (
            KernelParameters(add="x", remove=("console=", "quiet")),
            ["root=UUID=1234 ro x", "root=UUID=1234 ro single x"],
        ),
    ],
)
def test_parameters_are_changed_in_a_menu_that_has_no_settings_file(step: KernelParameters, ends: list[str]) -> None:
    files = MemoryFiles({"/boot/grub/grub.cfg": CONFIG})
    assert step(GuestTree({"/": files})) == ["/boot/grub/grub.cfg: 2 kernel command lines changed"]
    lines = [line for line in files.contents["/boot/grub/grub.cfg"].decode().splitlines() if "vmlinuz" in line]
    assert all(line.endswith(end) for line, end in zip(lines, ends, strict=True))


def test_parameters_that_no_menu_has_are_refused() -> None:
    files = MemoryFiles({"/boot/grub/grub.cfg": CONFIG})
    with pytest.raises(UsageError, match=r"no entry of /boot/grub/grub\.cfg has one that would be another"):
        KernelParameters(remove=("rhgb",))(GuestTree({"/": files}))
    assert files.contents["/boot/grub/grub.cfg"].decode() == CONFIG


def test_terminal_on_serial_has_its_speed() -> None:
    files = debian()
    serial = "serial --unit=0 --speed=115200"
    change(files, GRUB_TERMINAL="serial console", GRUB_SERIAL_COMMAND=serial, GRUB_TIMEOUT_STYLE="menu")
    assert appended(files) == [
        "set timeout_style=menu",
        serial,
        "terminal_input serial console",
        "terminal_output serial console",
    ]
    other = debian(**{"/etc/default/grub": f'GRUB_SERIAL_COMMAND="{serial}"'})
    change(other, GRUB_TERMINAL_OUTPUT="serial")
    assert appended(other) == [serial, "terminal_output serial"]
    with pytest.raises(UsageError, match="a serial terminal needs its speed"):
        change(debian(), GRUB_TERMINAL="serial")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1", "1"),
        ("gnulinux-recovery", "gnulinux-recovery"),
        ("Debian GNU/Linux", "Debian GNU/Linux"),
        ("Advanced options>0", "Advanced options>0"),
        ("saved", "${saved_entry}"),
    ],
)
def test_default_entry_is_one_that_exists(value: str, written: str) -> None:
    files = debian()
    change(files, GRUB_DEFAULT=value)
    assert appended(files)[-1] == f'if [ "${{boot_once}}" != true ]; then set default="{written}"; fi'


def test_boot_loader_entries_and_environment() -> None:
    files = MemoryFiles(
        {
            "/boot/grub2/grub.cfg": "blscfg\n",
            "/etc/default/grub": 'GRUB_CMDLINE_LINUX="rhgb quiet"\n',
            "/boot/loader/entries/1.conf": "title Fedora\nversion 6\noptions root=UUID=1 ro rhgb quiet\n",
            "/boot/loader/entries/2.conf": "title Fedora\noptions $kernelopts $tuned_params\n",
            "/boot/grub2/grubenv": (
                write_environment({"saved_entry": "x", "kernelopts": "root=1 rhgb quiet"}) or b""
            ).decode(),
        }
    )
    change(files, GRUB_CMDLINE_LINUX="console=ttyS0")
    assert (
        files.contents["/boot/loader/entries/1.conf"]
        == b"title Fedora\nversion 6\noptions root=UUID=1 ro console=ttyS0\n"
    )
    assert files.contents["/boot/loader/entries/2.conf"] == b"title Fedora\noptions $kernelopts $tuned_params\n"
    block = files.contents["/boot/grub2/grubenv"]
    assert len(block) == 1024
    assert read_environment(block) == {"saved_entry": "x", "kernelopts": "root=1 console=ttyS0"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"GRUB_TIMEOT": "1"}, "did you mean GRUB_TIMEOUT?"),
        ({"grub_timeout": "1"}, "did you mean GRUB_TIMEOUT?"),
        ({"QUATSCH": "1"}, "possible: GRUB_TIMEOUT, "),
        ({"GRUB_DISABLE_RECOVERY": "true"}, "update-grub computes the menu from it"),
        ({"GRUB_TIMEOUT": ""}, "give a number of seconds"),
        ({"GRUB_TIMEOUT": "soon"}, "GRUB_TIMEOUT='soon': give a number of seconds"),
        ({"GRUB_TIMEOUT_STYLE": "loud"}, "menu, countdown or hidden"),
        ({"GRUB_TERMINAL": "gfxterm"}, "console, serial, or both"),
        ({"GRUB_SERIAL_COMMAND": "serial; halt"}, "such as 'serial --unit=0"),
        ({"GRUB_CMDLINE_LINUX": 'a "b"'}, "without quotes"),
        ({"GRUB_CMDLINE_LINUX": "a\nb"}, "without quotes"),
        ({"GRUB_DEFAULT": "2"}, "the menu has 2 entries, numbered from 0"),
        ({"GRUB_DEFAULT": "Windows"}, "no entry is called 'Windows'; there are: "),
        ({"GRUB_DEFAULT": ""}, "an entry's number"),
    ],
)
def test_setting_that_cannot_be_had_is_refused_and_nothing_written(settings: dict[str, str], words: str) -> None:
    files = debian()
    before = dict(files.contents)
    with pytest.raises(UsageError, match=words):
        change(files, GRUB_TIMEOUT_STYLE="menu", **settings) if "GRUB_TIMEOUT_STYLE" not in settings else change(
            files, **settings
        )
    assert files.contents == before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"/etc/default/grub": DEFAULTS}, "the image has no GRUB"),
        ({"/boot/grub/grub.cfg": "set timeout=5\n"}, "no linux command"),
        (
            {"/boot/grub2/grub.cfg": "blscfg\n", "/boot/loader/entries/1.conf": "options $kernelopts\n"},
            "no grubenv has that",
        ),
        (
            {
                "/boot/grub2/grub.cfg": "blscfg\n",
                "/boot/loader/entries/1.conf": "options ${kernelopts}\n",
                "/boot/grub2/grubenv": "# GRUB Environment Block\nkernelopts=" + "x" * 980 + "\n",
            },
            "has no room for the new command line",
        ),
        ({"/boot/grub/grub.cfg": CONFIG, "/etc/default/grub": 'GRUB_CMDLINE_LINUX="other"'}, "was not made from it"),
        (
            {"/boot/grub/grub.cfg": CONFIG, "/etc/default/grub": 'GRUB_CMDLINE_LINUX="$(hostname)"'},
            "computed by the shell",
        ),
        ({"/boot/grub/grub.cfg": CONFIG, "/etc/default/grub": 'GRUB_CMDLINE_LINUX="a\nb"'}, "computed by the shell"),
    ],
)
def test_command_line_that_cannot_be_found_is_refused(files: dict[str, str], words: str) -> None:
    memory = MemoryFiles(files)
    before = dict(memory.contents)
    with pytest.raises(UsageError, match=words):
        change(memory, GRUB_CMDLINE_LINUX="console=ttyS0")
    assert memory.contents == before


@pytest.mark.parametrize(
    ("line", "old", "new", "expected"),
    [
        (" ro a b c", "b", "d e", " ro a d e c"),
        (" ro a b c", "a b", "", " ro c"),
        (" ro quiet  ", "", "x", " ro quiet x  "),
        (" ro quieter", "quiet", "x", None),
        (" a b a b", "a b", "c", " a b c"),
        ("", "", "x", " x"),
    ],
)
def test_parameters_are_whole_words(line: str, old: str, new: str, expected: str | None) -> None:
    assert with_parameters(line, old.split(), new.split()) == expected
