"""What Debian 12's cloud kernel logs on a small QEMU machine, from "Linux version" to "Run /init" and beyond.

Each line is ``(part, level, text)``; the part, from 0 to 1, says how far into its phase the line comes.  Time stamps
are not written here: they are the kernel's clock when the line is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .kernel_parameters import KernelParameters
from .release import BUILDER, RELEASE, VERSION

#: How far into its phase a line comes, its printk level, and its text, in which ``{...}`` is for `str.format`.
LogLine = tuple[float, int, str]

_EARLY: Final[tuple[LogLine, ...]] = (
    (0.00, 5, "Linux version {release} {builder} {version}"),
    (0.00, 6, "Command line: {command_line}"),
    (0.00, 6, "BIOS-provided physical RAM map:"),
    (0.00, 6, "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable"),
    (0.00, 6, "BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved"),
    (0.00, 6, "BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved"),
    (0.00, 6, "BIOS-e820: [mem 0x0000000000100000-0x000000001ffdcfff] usable"),
    (0.00, 6, "BIOS-e820: [mem 0x000000001ffdd000-0x000000001fffffff] reserved"),
    (0.00, 6, "NX (Execute Disable) protection: active"),
    (0.00, 6, "SMBIOS 2.8 present."),
    (0.00, 6, "DMI: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014"),
    (0.00, 6, "tsc: Fast TSC calibration using PIT"),
    (0.00, 6, "tsc: Detected 2596.120 MHz processor"),
    (0.01, 6, "last_pfn = 0x1ffdd max_arch_pfn = 0x400000000"),
    (0.02, 6, "ACPI: Early table checksum verification disabled"),
    (0.02, 6, "ACPI: RSDP 0x00000000000F59D0 000014 (v00 BOCHS )"),
    (0.02, 6, "ACPI: RSDT 0x000000001FFE1A7D 000034 (v01 BOCHS  BXPC     00000001 BXPC 00000001)"),
    (0.04, 6, "Zone ranges:"),
    (0.04, 6, "  DMA      [mem 0x0000000000001000-0x0000000000ffffff]"),
    (0.04, 6, "  DMA32    [mem 0x0000000001000000-0x000000001ffdcfff]"),
    (0.04, 6, "  Normal   empty"),
    (0.06, 6, "smpboot: Allowing 1 CPUs, 0 hotplug CPUs"),
    (0.06, 6, "Booting paravirtualized kernel on bare hardware"),
    (0.08, 6, "Built 1 zonelists, mobility grouping on.  Total pages: 128733"),
    (0.08, 5, "Kernel command line: {command_line}"),
    (0.10, 6, "Dentry cache hash table entries: 65536 (order: 7, 524288 bytes, linear)"),
    (0.10, 6, "mem auto-init: stack:all(zero), heap alloc:on, heap free:off"),
    (
        0.11,
        6,
        "Memory: 219832K/523756K available (14343K kernel code, 2327K rwdata, 8348K rodata, 2612K init, 5436K bss, "
        "53632K reserved, 0K cma-reserved)",
    ),
    (0.12, 6, "SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=1, Nodes=1"),
    (0.13, 6, "Dynamic Preempt: voluntary"),
    (0.13, 6, "rcu: Preemptible hierarchical RCU implementation."),
    (0.14, 6, "NR_IRQS: 524544, nr_irqs: 256, preallocated irqs: 16"),
    (0.15, 6, "Console: colour VGA+ 80x25"),
)

_LATE: Final[tuple[LogLine, ...]] = (
    (0.17, 6, "ACPI: Core revision 20220331"),
    (0.19, 6, "APIC: Switch to symmetric I/O mode setup"),
    (0.20, 6, "..TIMER: vector=0x30 apic1=0 pin1=2 apic2=-1 pin2=-1"),
    (
        0.22,
        6,
        "Calibrating delay loop (skipped), value calculated using timer frequency.. 5192.24 BogoMIPS (lpj=10384480)",
    ),
    (0.23, 6, "Spectre V2 : Mitigation: Retpolines"),
    (0.24, 6, "pid_max: default: 32768 minimum: 301"),
    (0.25, 6, "LSM: Security Framework initializing"),
    (0.25, 6, "AppArmor: AppArmor initialized"),
    (0.30, 6, "smpboot: CPU0: AMD QEMU Virtual CPU version 2.5+ (family: 0xf, model: 0x6b, stepping: 0x1)"),
    (0.32, 6, "smp: Brought up 1 node, 1 CPU"),
    (0.32, 6, "smpboot: Total of 1 processors activated (5192.24 BogoMIPS)"),
    (0.34, 6, "devtmpfs: initialized"),
    (0.36, 6, "NET: Registered PF_NETLINK/PF_ROUTE protocol family"),
    (0.37, 6, "audit: initializing netlink subsys (disabled)"),
    (0.42, 6, "PCI: Using configuration type 1 for base access"),
    (0.46, 6, "ACPI: Interpreter enabled"),
    (0.48, 6, "ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-ff])"),
    (0.49, 6, "pci 0000:00:01.3: [8086:7113] type 00 class 0x068000"),
    (0.50, 6, "pci 0000:00:02.0: [1af4:1001] type 00 class 0x010000"),
    (0.52, 6, "clocksource: Switched to clocksource tsc-early"),
    (0.54, 6, "pnp: PnP ACPI: found 6 devices"),
    (0.56, 6, "NET: Registered PF_INET protocol family"),
    (0.58, 6, "TCP: Hash tables configured (established 4096 bind 4096)"),
    (0.60, 6, "NET: Registered PF_UNIX/PF_LOCAL protocol family"),
    (0.62, 6, "Trying to unpack rootfs image as initramfs..."),
    (0.70, 6, "Freeing initrd memory: 15824K"),
    (0.72, 6, "Block layer SCSI generic (bsg) driver version 0.4 loaded (major 249)"),
    (0.74, 6, "Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled"),
    (0.75, 6, "00:04: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a {uart}"),
    (0.78, 6, "i8042: PNP: PS/2 Controller [PNP0303:KBD,PNP0f13:MOU] at 0x60,0x64 irq 1,12"),
    (0.80, 6, "rtc_cmos 00:05: RTC can wake from S4"),
    (0.82, 6, "NET: Registered PF_INET6 protocol family"),
    (0.84, 6, "IPI shorthand broadcast: enabled"),
    (0.86, 5, "Loading compiled-in X.509 certificates"),
    (0.92, 6, "Freeing unused kernel image (initmem) memory: 2612K"),
    (0.94, 6, "Write protecting the kernel read-only data: 26624k"),
    (0.98, 6, "Run /init as init process"),
)

#: What the disk's drivers log while the initramfs loads them.
DISK: Final[tuple[LogLine, ...]] = (
    (0.0, 6, "virtio_blk virtio0: 1/0/0 default/read/poll queues"),
    (0.1, 5, "virtio_blk virtio0: [vda] 1843200 512-byte logical blocks (944 MB/900 MiB)"),
    (0.2, 6, " vda: vda1"),
)
MOUNTED: Final = "EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none."


def kernel_lines(parameters: KernelParameters, uart: str) -> Iterator[LogLine]:
    """The kernel's own part.

    Args:
        parameters: the kernel's command line, which appears in the log and says which consoles there are.
        uart: the chip that ttyS0 is, such as ``"16550A"``.
    """
    words = {
        "release": RELEASE,
        "builder": BUILDER,
        "version": VERSION,
        "command_line": parameters.text,
    }
    for part, level, text in _EARLY:
        yield part, level, text.format(**words)
    for console in parameters.console_names:
        yield 0.16, 6, f"printk: console [{console}] enabled"
    for part, level, text in _LATE:
        yield part, level, text.format(uart=uart)


def systemd_lines(hostname: str) -> Iterator[LogLine]:
    """What systemd writes to the kernel's log before its journal runs."""
    yield 0.0, 6, "systemd[1]: Inserted module 'autofs4'"
    yield (
        0.05,
        6,
        "systemd[1]: systemd 252.22-1~deb12u1 running in system mode (+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK "
        "+SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP "
        "+LIBFDISK +PCRE2 -PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON "
        "+UTMP +SYSVINIT default-hierarchy=unified)",
    )
    yield 0.06, 6, "systemd[1]: Detected virtualization qemu."
    yield 0.07, 6, "systemd[1]: Detected architecture x86-64."
    yield 0.10, 6, f"systemd[1]: Hostname set to <{hostname}>."
    yield 0.20, 6, "systemd[1]: Queued start job for default target graphical.target."
