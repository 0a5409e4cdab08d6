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
case $target in
# The kernel's root= is made of this: of the UUID, as in a guest, though there is no /dev/disk/by-uuid here.
device) echo "UUID=$root_uuid" ;;
disk) echo /dev/vda ;;
fs) echo ext2 ;;
fs_uuid) echo "$root_uuid" ;;
partmap) echo "$partition_map" ;;
# A virtio disk has no name that GRUB could guess: grub.cfg searches for the UUID.
abstraction | compatibility_hint | hints_string | cryptodisk_uuid | partuuid | fs_label) ;;
*)
    echo "grub-probe: no answer to --target=$target" >&2
    exit 1
    ;;
esac
