#!/bin/sh
# A stand-in for grub-probe while grub.cfg is made: answers as it will on the guest's first virtio disk.
for word; do
    case $word in
    --target=*) target=${word#--target=} ;;
    esac
    case ${previous:-} in
    --target | -t) target=$word ;;
    esac
    previous=$word
done
place=hd0,$partition_map$partition
case $target in
# The kernel's root= is made of this: of the UUID, as in a guest, though there is no /dev/disk/by-uuid here.
device) echo "UUID=$root_uuid" ;;
disk) echo /dev/vda ;;
fs) echo ext2 ;;
fs_uuid) echo "$root_uuid" ;;
partmap) echo "$partition_map" ;;
compatibility_hint) echo "$place" ;;
hints_string) echo "--hint-bios=$place --hint-efi=$place --hint-baremetal=ahci0,${place#*,}" ;;
abstraction | cryptodisk_uuid | partuuid | fs_label) ;;
*)
    echo "grub-probe: no answer to --target=$target" >&2
    exit 1
    ;;
esac
