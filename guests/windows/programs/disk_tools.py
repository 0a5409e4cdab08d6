"""Programs that look after the disk: chkdsk, chkntfs, sfc, dism."""

from __future__ import annotations

from typing import Final

from ..system.disk_check import FILE_SYSTEM, check
from ..terminal.text_terminal import EndOfInput
from .program_context import Program, ProgramContext

_IN_USE: Final = """\
Cannot lock current drive.

Chkdsk cannot run because the volume is in use by another
process.  Would you like to schedule this volume to be
checked the next time the system restarts? (Y/N) """
_REPAIRS: Final = ("/f", "/r", "/x", "/b")


def _drive_is_there(words: list[str]) -> bool:
    drives = [word.lower().rstrip("\\") for word in words if not word.startswith("/")]
    return drives in ([], ["c:"])


async def chkdsk(context: ProgramContext) -> int:
    """``chkdsk``: without ``/f`` it only looks; with it the check is scheduled, because C: is in use."""
    words = context.words
    if not context.token.administrator:
        return await context.fail(
            "Access Denied as you do not have sufficient privileges or\nthe disk may be locked.", 3
        )
    if not _drive_is_there(words):
        return await context.fail("The specified drive does not exist.", 3)
    await context.write(f"{FILE_SYSTEM}\n")
    volume = context.disk.volume
    if not any(word.lower() in _REPAIRS for word in words):
        await context.write("\nWARNING!  /F parameter not specified.\nRunning CHKDSK in read-only mode.\n\n")
        await context.write_lines(check(volume, repair=False))
        return 3 if volume.damaged else 0
    await context.write(_IN_USE)
    try:
        answer = (await context.read_line()).strip().lower()
    except EndOfInput:
        answer = ""
        await context.write("\n")
    if not answer.startswith("y"):
        return 3
    volume.check_at_boot = True
    await context.write("\nThis volume will be checked the next time the system restarts.\n")
    return 0


async def chkntfs(context: ProgramContext) -> int:
    """``chkntfs``: whether drive C is checked at the next boot; ``/x`` takes that back, ``/c`` asks for it."""
    words = [word.lower() for word in context.words]
    context.need_administrator()
    volume = context.disk.volume
    if not _drive_is_there(words) or not words:
        return await context.fail("CHKNTFS: give drive C:, which is the only one.", 3)
    if "/x" in words:
        volume.check_at_boot = False
    elif "/c" in words:
        volume.check_at_boot = volume.damaged
    await context.write(f"{FILE_SYSTEM}\n")
    if volume.check_at_boot:
        await context.write("Chkdsk has been scheduled manually to run on next reboot on drive C:.\n")
        return 1
    await context.write(f"C: is {'dirty' if volume.damaged else 'not dirty'}.\n")
    return 1 if volume.damaged else 0


async def sfc(context: ProgramContext) -> int:
    """``sfc``: looks whether the system's files are whole."""
    if not context.token.administrator:
        return await context.fail(
            "\nYou must be an administrator running a console session in order to\nuse the sfc utility."
        )
    if not any(word.lower() in ("/scannow", "/verifyonly") for word in context.words):
        await context.write("sfc /scannow | /verifyonly\n")
        return 1
    await context.write("\nBeginning system scan.  This process will take some time.\n\n")
    if context.disk.volume.damaged:
        return await context.fail(
            "Windows Resource Protection found corrupt files but was unable to fix some of them.\n"
            "Repair the file system first: chkdsk /f."
        )
    await context.write("Windows Resource Protection did not find any integrity violations.\n")
    return 0


async def dism(context: ProgramContext) -> int:
    """``dism /online``: ``/cleanup-image`` looks at the image's health; the feature TelnetClient can be switched."""
    context.need_administrator()
    words = [word.lower() for word in context.words]
    await context.write("\nDeployment Image Servicing and Management tool\n\n")
    switches = {"/enable-feature", "/disable-feature"} & set(words)
    if switches and "/featurename:telnetclient" in words:
        context.disk.telnet_client = "/enable-feature" in switches
    elif switches or "/cleanup-image" not in words:
        return await context.fail(
            "This machine knows /online /cleanup-image with /checkhealth, /scanhealth or /restorehealth, and\n"
            "/enable-feature and /disable-feature with /featurename:TelnetClient."
        )
    elif context.disk.volume.damaged:
        return await context.fail("The component store cannot be read: repair the file system first (chkdsk /f).")
    else:
        await context.write("No component store corruption detected.\n")
    await context.write("The operation completed successfully.\n")
    return 0


DISK_TOOLS: Final[dict[str, Program]] = {"chkdsk": chkdsk, "chkntfs": chkntfs, "sfc": sfc, "dism": dism}
