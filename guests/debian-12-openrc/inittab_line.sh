# The line of Azure's documentation for a custom image. "console" is the last console= of the kernel's command line: ttyS0.
set -eu
echo 'S0:12345:respawn:/sbin/agetty -L 115200 console vt102' >>/etc/inittab
