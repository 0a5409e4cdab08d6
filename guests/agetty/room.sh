#!/bin/sh
# A root directory of its own for agetty, login and the shell behind them.
#
#   room.sh PRIVATE HOSTNAME COMMAND...      as process 1 of fresh mount, uts and pid namespaces (see guest.toml)
#
# PRIVATE is a directory that lives as long as the guest is switched on: /etc, /root, /home, /tmp and /var are kept in
# it. The system's programs are seen through read-only bind mounts. Nothing of this is visible outside the namespaces,
# and with the last process in them it is gone.
#
# It guards against accidents (`rm -rf /`, `reboot`, `kill -9 -1`), not against a root who wants out.
set -eu

private=$1 name=$2
shift 2
root=$private/root

furnish() { # the files, once
    mkdir -p "$root"
    cd "$root"
    mkdir -p dev etc/pam.d home proc root run sys tmp var/log var/mail var/tmp
    chmod 0700 root
    chmod 1777 tmp var/tmp
    # The password is toor.
    echo 'root:x:0:0:root:/root:/bin/bash' >etc/passwd
    echo 'root:$6$uartsim$Je4qq3EUNljaUoJ9S1Hmm2X21W3ek3ho60GmflDeGlF5WrTbNuS/N3zx6RD4rKhhXIc04P4ddLTYfdZ9Melmn.:19000:0:99999:7:::' \
        >etc/shadow
    printf '%s\n' root:x:0: tty:x:5: utmp:x:43: nogroup:x:65534: >etc/group
    echo 'root:*::' >etc/gshadow
    chmod 0600 etc/shadow etc/gshadow
    printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files' >etc/nsswitch.conf
    printf '%s\n' 'auth requisite pam_unix.so' 'account required pam_unix.so' 'password required pam_deny.so' \
        'session required pam_unix.so quiet' 'session optional pam_motd.so motd=/etc/motd noupdate' >etc/pam.d/login
    printf '%s\n' 'auth required pam_deny.so' 'account required pam_deny.so' 'password required pam_deny.so' \
        'session required pam_deny.so' >etc/pam.d/other
    printf '%s\n' 'ENV_SUPATH PATH=/run/guest:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        'ENV_PATH PATH=/usr/local/bin:/usr/bin:/bin' 'LOGIN_TIMEOUT 60' 'LOGIN_RETRIES 5' 'MAIL_DIR /var/mail' \
        'MOTD_FILE /etc/motd' 'TTYPERM 0600' 'UMASK 022' >etc/login.defs
    echo "$name" >etc/hostname
    echo "127.0.0.1 localhost $name" >etc/hosts
    printf 'uartsim: a real agetty and login on an inner tty\n\n' >etc/issue
    printf 'Accounts and files here are the guest'\''s own, and end with it. Try poweroff and reboot.\n' >etc/motd
    printf '%s\n' "PS1='\\u@\\h:\\w\\\$ '" >etc/profile
    cp etc/profile etc/bash.bashrc
    echo 'set enable-bracketed-paste off' >etc/inputrc
    : >var/log/lastlog
    : >var/log/wtmp
    ln -s ../run var/run
    ln -s /proc/mounts etc/mtab
}

see() { # see PATH: what is there is seen at the same place in the new root, read only
    if [ -L "$1" ]; then
        ln -sfn "$(readlink "$1")" "$root$1"
    elif [ -d "$1" ]; then
        mkdir -p "$root$1"
        mount -o bind,ro "$1" "$root$1"
    elif [ -e "$1" ]; then
        : >>"$root$1"
        mount -o bind,ro "$1" "$root$1"
    fi
}

[ -e "$root/etc/mtab" ] || furnish
cd /
# Mounts must not spread to where we came from. In a chroot, whose / is no mount, the first one may, an empty shell that
# harms nothing; all others are made below it.
mount --make-rprivate / 2>/dev/null || true
mount --bind "$root" "$root"
mount --make-private "$root"
for path in /usr /bin /sbin /lib /lib32 /lib64 /libx32 /etc/alternatives /etc/ld.so.cache /etc/localtime; do
    see "$path"
done

mount -t tmpfs -o mode=0755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind /dev/pts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
for link in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
    ln -s "${link#*:}" "$root/dev/${link%%:*}"
done

mount -t proc proc "$root/proc"
for path in sys sysrq-trigger irq bus fs; do # as root this is the real system's
    [ ! -e "$root/proc/$path" ] || mount -o bind,ro "$root/proc/$path" "$root/proc/$path"
done

mount -t tmpfs -o mode=0755 run "$root/run"
mkdir "$root/run/guest"
: >"$root/run/utmp"
printf '#!/bin/sh\nkill -INT 1\n' >"$root/run/guest/poweroff"
printf '#!/bin/sh\nkill -HUP 1\n' >"$root/run/guest/reboot"
chmod 0755 "$root/run/guest/poweroff" "$root/run/guest/reboot"

hostname "$name" 2>/dev/null || echo "$name" >/proc/sys/kernel/hostname

# Process 1 waits for the command; `poweroff` and `reboot` end it, and with it everything here. The shell has told its
# background command to ignore SIGINT, and a command that ignored it would hand that on to every shell behind it.
# When the tty is hung up login, the session leader, ends by SIGHUP and the kernel passes it on to the shell: that gets
# up to a second to write its history, before all that is left ends with process 1.
exec setpriv --bounding-set=-sys_admin,-sys_boot,-sys_module,-sys_rawio,-sys_time,-syslog,-mknod,-sys_ptrace \
    chroot "$root" /bin/sh -c '
        trap "exit 130" INT
        trap "exit 129" HUP
        setsid env --default-signal "$@" &
        wait $!
        status=$? tries=0
        set -- /proc/[0-9]*
        while [ $status = 129 ] && [ $# -gt 1 ] && [ $tries -lt 20 ]; do
            tries=$((tries + 1))
            sleep 0.05
            set -- /proc/[0-9]*
        done
        exit $status' sh "$@"
