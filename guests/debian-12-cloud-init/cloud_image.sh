# As in Debian's cloud images, no password opens root's account: cloud-init makes the accounts.
usermod --password '*' root

# There is no SSH server whose keys could be made, and no locale but this one.
cat >/etc/cloud/cloud.cfg.d/90_uartsim.cfg <<EOF
locale: C.UTF-8
ssh_genkeytypes: []
EOF
