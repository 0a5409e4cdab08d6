# As in Debian's cloud images, no password opens root's account: cloud-init makes the accounts.
usermod --password '*' root
