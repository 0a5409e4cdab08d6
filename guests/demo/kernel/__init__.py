"""The kernel: its command line, log, SysRq, panics, and the files through which programs see it."""
