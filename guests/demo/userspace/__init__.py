"""What runs on the kernel: the initramfs and systemd, getty and login, and the programs that the shell can start."""
