"""The command line: ``uartsim`` and ``python -m uartsim``."""

# Here, before the rest is imported: before 3.12.8 Python keeps a .pyc file that a limit has cut short, and can never
# import that module again (https://github.com/python/cpython/issues/126606).
import resource
import sys

if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
    sys.dont_write_bytecode = True

from uartsim.cli.entry import main

__all__ = ["main"]
