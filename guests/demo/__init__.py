"""The guest ``demo``: a scripted Linux machine on a serial line.

Reading order: ``guest`` (power on to power off), ``port`` (the kernel's serial core), ``kernel`` and ``sysrq``,
``line_discipline`` and ``terminal`` (the tty), ``grub_*`` (the boot loader), ``init`` and ``login``, and the shell with
its commands (``shell_*``, ``readline``, ``commands_*``, ``files``).

What it does was compared, byte by byte, with Debian 12 (GRUB 2.06, Linux 6.1, util-linux 2.38, bash 5.2) on a real
serial port; where it is simpler, the module's docstring says so.
"""
