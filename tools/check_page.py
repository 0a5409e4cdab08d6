"""Check the sources of the portal page as ``tox -e page`` does: their types, their tests, and that they build.

npm works in a copy of ``uartsim/service/portal/web/``, so a ``node_modules/`` at the desk stays as it is.  Without node and
npm this prints the command that installs them, and exits 0; with UARTSIM_STRICT=1, as in CI, it exits 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from build_backend.page_builder import CI, copy_sources
from tools.provision import REQUIREMENTS, install_command, is_strict, missing_requirements

ROOT: Final = Path(__file__).resolve().parent.parent
WEB: Final = ROOT / "uartsim" / "service" / "portal" / "web"


def main() -> int:
    """Check the page; returns the exit status."""
    missing = missing_requirements(wanted for wanted in REQUIREMENTS if wanted.purpose == "the portal page")
    if missing:
        names = " and ".join(requirement.name for requirement in missing)
        print(
            f"check_page: not checked: {names} missing here. As root on Debian, this command installs what is missing:"
        )
        print(" ", " ".join(install_command(missing)))
        return 1 if is_strict() else 0
    with tempfile.TemporaryDirectory(prefix="uartsim-page-") as name:
        copy = Path(name, "web")
        copy_sources(WEB, copy)
        build = ("run", "build", "--", "--outDir", str(Path(name, "page")))
        for arguments in (CI, ("run", "check"), ("test",), build):
            print("check_page: npm", *arguments, flush=True)
            done = subprocess.run(["npm", *arguments], cwd=copy, env=os.environ, stdin=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                print("check_page: npm", *arguments, "failed: see above")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
