"""What a dying kernel prints below its panic message: the frames of Debian's 6.1 cloud kernel on QEMU.

SysRq prints some of them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .process_table import Process
from .release import BUILD, RELEASE

HARDWARE: Final = "Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014"
_TAINT: Final = f"Not tainted {RELEASE} #1  {BUILD}"

KERNEL_OFFSET: Final = (
    "Kernel Offset: 0x15200000 from 0xffffffff81000000 (relocation range: 0xffffffff80000000-0xffffffffbfffffff)"
)

_IDLE_REGISTERS: Final = """\
RIP: 0010:native_safe_halt+0xb/0x10
Code: 7f c3 cc cc cc cc 65 48 8b 04 25 80 fb 01 00 3e 80 48 02 20 48 8b 00 a8 08 75 c0 eb 88 cc cc eb 07 0f 00 2d 89 \
13 5f 00 fb f4 <c3> cc cc cc cc eb 07 0f 00 2d 79 13 5f 00 f4 c3 cc cc cc cc cc 0f
RSP: 0018:ffffffff97c03e98 EFLAGS: 00000246
RAX: 000000000001ad40 RBX: 0000000000000000 RCX: 0000000000000000
RDX: 4000000000000000 RSI: 0000000000000083 RDI: 0000000000004a24
RBP: ffffffff97c1aa40 R08: 0000000000022e80 R09: 00000000314df25d
R10: 00000000fffffffb R11: 0000000000000001 R12: 0000000000000000
R13: 0000000000000000 R14: 0000000000000000 R15: 0000000000014790"""

_IDLE_FRAMES: Final = """\
 default_idle+0x10/0x20
 default_idle_call+0x38/0xf0
 do_idle+0x206/0x2b0
 cpu_startup_entry+0x26/0x30
 rest_init+0xca/0xd0
 arch_call_rest_init+0xa/0x14
 start_kernel+0x6e8/0x6fc
 secondary_startup_64_no_verify+0xe4/0xeb
 </TASK>"""

_SERIAL_FRAMES: Final = """\
 serial8250_handle_irq+0x1e9/0x370
 serial8250_default_handle_irq+0x41/0x80
 serial8250_interrupt+0x62/0x100
 __handle_irq_event_percpu+0x46/0x190
 handle_irq_event+0x34/0x70
 handle_edge_irq+0x87/0x220
 __common_interrupt+0x3f/0xa0
 common_interrupt+0x7d/0xa0
 </IRQ>
 <TASK>
 asm_common_interrupt+0x22/0x40"""

_IDLE_TASK: Final = f"CPU: 0 PID: 0 Comm: swapper/0 {_TAINT}\n{HARDWARE}"

#: sysrq c over the serial line.
SYSRQ_CRASH: Final = f"""\
{_IDLE_TASK}
Call Trace:
 <IRQ>
 dump_stack_lvl+0x44/0x5c
 panic+0x118/0x2f4
 ? _printk+0x68/0x83
 sysrq_handle_crash+0x16/0x20
 __handle_sysrq.cold+0x44/0x11c
{_SERIAL_FRAMES}
{_IDLE_REGISTERS}
{_IDLE_FRAMES}"""

#: sysrq c through /proc/sysrq-trigger.
PROC_CRASH: Final = f"""\
CPU: 0 PID: 412 Comm: bash {_TAINT}
{HARDWARE}
Call Trace:
 <TASK>
 dump_stack_lvl+0x44/0x5c
 panic+0x118/0x2f4
 ? _printk+0x68/0x83
 sysrq_handle_crash+0x16/0x20
 __handle_sysrq.cold+0x44/0x11c
 write_sysrq_trigger+0x24/0x40
 proc_reg_write+0x56/0xa0
 vfs_write+0xcf/0x410
 ksys_write+0x6b/0xf0
 do_syscall_64+0x5d/0x90
 entry_SYSCALL_64_after_hwframe+0x6e/0xd8
 </TASK>"""

NMI: Final = f"""\
{_IDLE_TASK}
Call Trace:
 <NMI>
 dump_stack_lvl+0x44/0x5c
 panic+0x118/0x2f4
 nmi_panic.cold+0xc/0xc
 unknown_nmi_error.cold+0x44/0x54
 exc_nmi+0x15d/0x180
 end_repeat_nmi+0x16/0x67
{_IDLE_REGISTERS}
 </NMI>
 <TASK>
{_IDLE_FRAMES}"""

#: Process 1 has ended: ``exit`` with ``init=/bin/bash``.
INIT_DIED: Final = f"""\
CPU: 0 PID: 1 Comm: bash {_TAINT}
{HARDWARE}
Call Trace:
 <TASK>
 dump_stack_lvl+0x44/0x5c
 panic+0x118/0x2f4
 do_exit.cold+0x15/0x15
 do_group_exit+0x2d/0x80
 __x64_sys_exit_group+0x14/0x20
 do_syscall_64+0x5d/0x90
 entry_SYSCALL_64_after_hwframe+0x6e/0xd8
 </TASK>"""

#: The kernel has found no root file system, and so no init.
NO_INIT: Final = f"""\
CPU: 0 PID: 1 Comm: swapper/0 {_TAINT}
{HARDWARE}
Call Trace:
 <TASK>
 dump_stack_lvl+0x44/0x5c
 panic+0x118/0x2f4
 kernel_init.cold+0x48/0x48
 ret_from_fork+0x22/0x30
 </TASK>"""

SHOW_REGISTERS: Final = f"""\
{_IDLE_TASK}
{_IDLE_REGISTERS}
FS:  0000000000000000(0000) GS:ffff8c0dde600000(0000) knlGS:0000000000000000
CS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033
CR2: 00007f67372ef030 CR3: 000000001fd82000 CR4: 00000000000006b0
Call Trace:
 <TASK>
{_IDLE_FRAMES}"""

SHOW_BACKTRACES: Final = f"""\
NMI backtrace for cpu 0
{_IDLE_TASK}
Call Trace:
 <IRQ>
 dump_stack_lvl+0x44/0x5c
 nmi_cpu_backtrace.cold+0x32/0x79
 ? lapic_can_unplug_cpu+0x70/0x70
 nmi_trigger_cpumask_backtrace+0xed/0x100
 __handle_sysrq.cold+0x44/0x11c
{_SERIAL_FRAMES}
{_IDLE_REGISTERS}
{_IDLE_FRAMES}"""

SHOW_MEMORY: Final = """\
Mem-Info:
active_anon:38 inactive_anon:1851 isolated_anon:0
 active_file:4257 inactive_file:4277 isolated_file:0
 unevictable:0 dirty:285 writeback:0
 slab_reclaimable:3425 slab_unreclaimable:2628
 mapped:3443 shmem:67 pagetables:146
 sec_pagetables:0 bounce:0
 kernel_misc_reclaimable:0
 free:99994 free_pcp:201 free_cma:0
lowmem_reserve[]: 0 432 432 432 432
Node 0 DMA: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 1*128kB (U) 1*256kB (U) 1*512kB (U) 0*1024kB 1*2048kB (M) \
3*4096kB (M) = 15232kB
Node 0 DMA32: 286*4kB (UM) 112*8kB (UME) 59*16kB (UM) 24*32kB (UM) 19*64kB (UME) 7*128kB (UM) 6*256kB (UME) \
3*512kB (UM) 1*1024kB (M) 5*2048kB (UE) 89*4096kB (UM) = 384744kB
Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB
8603 total pagecache pages
0 pages in swap cache
Free swap  = 0kB
Total swap = 0kB
130939 pages RAM
0 pages HighMem/MovableOnly
10618 pages reserved"""

_SLEEPING_USER: Final = """\
Call Trace:
 <TASK>
 __schedule+0x34d/0xa00
 schedule+0x5a/0xd0
{frames}
 do_syscall_64+0x5d/0x90
 entry_SYSCALL_64_after_hwframe+0x6e/0xd8
 </TASK>"""

_SLEEPING_THREAD: Final = """\
Call Trace:
 <TASK>
 __schedule+0x34d/0xa00
 schedule+0x5a/0xd0
{frames}
 ret_from_fork+0x22/0x30
 </TASK>"""

_POLL: Final = (
    " schedule_hrtimeout_range_clock+0x112/0x120\n do_epoll_wait+0x6a0/0x7f0\n __x64_sys_epoll_wait+0x6f/0x110"
)
_TTY_READ: Final = (
    " schedule_timeout+0x118/0x150\n wait_woken+0x50/0x60\n n_tty_read+0x5a0/0x730\n file_tty_read+0x90/0x1e0\n"
    " vfs_read+0x20a/0x320\n ksys_read+0x6b/0xf0"
)
_KTHREAD: Final = " kthreadd+0x2bc/0x2d0"
_RESCUER: Final = " rescuer_thread+0x2ae/0x3a0\n kthread+0xda/0x100"
_WORKER: Final = " worker_thread+0xb3/0x380\n kthread+0xda/0x100"


def show_tasks(processes: Iterable[Process]) -> str:
    """The report of SysRq t: each process, and where in the kernel it sleeps."""
    lines: list[str] = []
    for process in processes:
        name, state, pid, parent = process.name[:15], process.state[0], process.pid, process.parent
        flags = "0x00004000" if parent in (0, 2) and pid != 1 else "0x00000002"
        lines.append(f"task:{name:<15} state:{state} stack:0     pid:{pid:<5} ppid:{parent:<6} flags:{flags}")
        if pid == 2:
            lines.append(_SLEEPING_THREAD.format(frames=_KTHREAD))
        elif parent == 2:
            lines.append(_SLEEPING_THREAD.format(frames=_RESCUER if state == "I" else _WORKER))
        else:
            lines.append(_SLEEPING_USER.format(frames=_TTY_READ if name in ("bash", "agetty") else _POLL))
    return "\n".join(lines)
