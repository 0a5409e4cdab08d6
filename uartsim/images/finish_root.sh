#!/bin/sh
# Turns a Debian root directory into one that boots from our disk: accounts, the guest's own changes, GRUB.
#
# It runs as root inside the root directory.  /uartsim-build holds this script and what it reads, and is removed at the end.
# Everything that it makes depends on that and on the packages alone.
set -eu
build=/uartsim-build
. "$build/values.sh"   # hostname, root_uuid, esp_uuid, partition, partition_map, grub_targets

echo "$hostname" >/etc/hostname
printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n' "$hostname" >/etc/hosts
: >/etc/resolv.conf
echo "UUID=$root_uuid / ext4 errors=remount-ro 0 1" >/etc/fstab
if [ -n "$esp_uuid" ]; then
    mkdir -p /boot/efi
    echo "UUID=$esp_uuid /boot/efi vfat umask=0077 0 0" >>/etc/fstab
fi

while IFS=: read -r name hash; do
    if [ "$name" = root ]; then
        usermod --password "$hash" root
    else
        useradd --create-home --shell /bin/bash --password "$hash" "$name"
    fi
done <"$build/accounts"

if [ -f "$build/customize.sh" ]; then
    (cd / && sh -eu "$build/customize.sh")
fi

if ! ls /boot/vmlinuz-* >/dev/null 2>&1; then
    echo "the root directory has no kernel (/boot/vmlinuz-*), such as linux-image-cloud-amd64 brings" >&2
    exit 1
fi

if [ -n "$grub_targets" ]; then
    cp /usr/share/grub/default/grub /etc/default/grub
    while IFS= read -r line; do
        sed -i "/^#\{0,1\}${line%%=*}=/d" /etc/default/grub
        echo "$line" >>/etc/default/grub
    done <"$build/grub"

    # grub-mkconfig asks grub-probe about a disk that does not exist yet: a stand-in answers.
    mv /usr/sbin/grub-probe "$build/grub-probe"
    cp "$build/grub_probe.sh" /usr/sbin/grub-probe
    chmod 755 /usr/sbin/grub-probe
    mkdir -p /boot/grub
    export root_uuid partition_map
    grub-mkconfig -o /boot/grub/grub.cfg
    mv -f "$build/grub-probe" /usr/sbin/grub-probe

    grub-editenv /boot/grub/grubenv create
    printf 'search.fs_uuid %s root\nset prefix=($root)/boot/grub\n' "$root_uuid" >"$build/early.cfg"
    for target in $grub_targets; do
        mkdir -p "/boot/grub/$target"
        cp "/usr/lib/grub/$target/"*.mod "/usr/lib/grub/$target/"*.lst "/boot/grub/$target"
        case $target in
        i386-pc)
            cp "/usr/lib/grub/$target/boot.img" "/boot/grub/$target"
            core=core.img disk=biosdisk ;;
        *) core=grub.efi disk=fat ;;
        esac
        grub-mkimage --format "$target" --prefix "(hd0,$partition_map$partition)/boot/grub" --config "$build/early.cfg" \
            --output "/boot/grub/$target/$core" "$disk" part_gpt part_msdos ext2 search_fs_uuid normal configfile
    done
fi

# What differs between two builds, or says where this one was made.
rm -f /etc/apt/apt.conf.d/99mmdebstrap /etc/dpkg/dpkg.cfg.d/99mmdebstrap /var/lib/systemd/random-seed
: >/etc/apt/sources.list # a mirror of this machine's, perhaps: the guest has no sources until it is given some
rm -f /etc/apt/sources.list.d/*
find /var/log -type f -exec truncate -s 0 {} +
if [ -d /var/log/journal ]; then # as root, systemd's installation gives it an access list
    rmdir /var/log/journal
    mkdir -m 755 /var/log/journal
fi
rm -rf "$build"
