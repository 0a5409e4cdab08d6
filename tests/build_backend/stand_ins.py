"""Commands that stand in for node and npm."""

from __future__ import annotations

from pathlib import Path

#: An npm that builds a page of one asset, whose name and content are the source's; it logs its calls where $LOG says.
NPM = """\
echo "$*" >>"${LOG:-/dev/null}"
case "$1" in
ci)
    mkdir node_modules
    ;;
run)
    mkdir -p "$5/assets"
    name=$(sed -n '1{s/[^a-z]//g;p}' src/main.tsx)
    echo "$name" >"$5/assets/$name.js"
    echo "$name" >"$5/assets/$name.js.gz"
    echo "the page of $name" >"$5/index.html"
    cat >"$5/files.json" <<END
{"sources": "$UARTSIM_PAGE_SOURCES", "files": {"index.html": [], "assets/$name.js": ["gz"]}}
END
    ;;
esac
"""


def write_command(folder: Path, name: str, script: str) -> None:
    """Write a shell script as a command into a folder, which is made if it is missing."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
