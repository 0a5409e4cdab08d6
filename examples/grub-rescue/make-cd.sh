#!/bin/sh
# Builds a CD with nothing but GRUB, whose menu is broken: ./make-cd.sh build/broken.iso
set -eu
image=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/boot/grub" "$(dirname "$image")"
cat >"$work/boot/grub/grub.cfg" <<'END'
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=-1
menuentry "Linux" {
    linux /vmlinuz console=ttyS0
}
END
echo 'menuentry "Linux, before the update" { true; }' >"$work/boot/grub/before.cfg"
grub-mkrescue --directory=/usr/lib/grub/i386-pc -o "$image" "$work" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
