#!/bin/sh
# Builds a bootable image: ./make-image.sh build/own.iso
set -eu
image=${1:?which file? for example: ./make-image.sh build/own.iso}
kernel=$(ls /boot/vmlinuz-*-cloud-amd64 | tail -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/root/bin" "$work/root/proc" "$work/root/sys" "$work/root/dev" "$work/iso/boot/grub" "$(dirname "$image")"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cat >"$work/root/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ PS1='own# '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
hostname own
echo "own-image: up, release 1.0"
while :; do setsid cttyhack sh; done
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc) >"$work/iso/boot/initrd"
cp "$kernel" "$work/iso/boot/vmlinuz"
cat >"$work/iso/boot/grub/grub.cfg" <<'END'
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=3
menuentry "Own Linux" {
    linux /boot/vmlinuz console=ttyS0,115200
    initrd /boot/initrd
}
menuentry "Own Linux, quiet" {
    linux /boot/vmlinuz console=ttyS0,115200 quiet
    initrd /boot/initrd
}
END
grub-mkrescue --directory=/usr/lib/grub/i386-pc -o "$image" "$work/iso" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
