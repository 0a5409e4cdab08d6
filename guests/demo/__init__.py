"""The guest ``demo``: a scripted Linux machine on a serial line.

``guest`` runs it from power on to power off.  Its rooms, from the ground up (each imports from those before it only):

- ``tty``: ttyS0's serial core, the line discipline, the device that programs read and write;
- ``kernel``: log, command line, SysRq, panics, the file system with /proc and /dev;
- ``grub``: the boot loader, which needs only the kernel's name;
- ``shell``: a small bash;
- ``userspace``: initramfs, systemd, getty and login, and the programs that the shell can start;
- ``linux_system``: kernel and userspace put together.

What it prints was compared, byte by byte, with Debian 12 (GRUB 2.06, Linux 6.1, util-linux 2.38, bash 5.2) on a real
serial port; where it is simpler, the module's docstring says so.
"""
