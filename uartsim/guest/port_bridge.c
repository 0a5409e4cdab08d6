/*
 * The port bridge: a library for LD_PRELOAD in an unmodified QEMU.  It maps eight I/O ports of its own over those of a
 * serial port, and another process, the server, serves them and the port's ISA interrupt.  The server is
 * port_bridge.py.
 *
 *     UARTSIM_BRIDGE=SOCKET,PAGE,BASE,IRQ       two inherited descriptors, the first port, the interrupt
 *
 * Theory of operation.  Both processes map one page.  An access that the server has to see is a request in a ring in
 * that page.  A byte over the socket announces requests; end of file means that the other process has ended.
 *
 * - A read waits for its answer, unless the server has published a lease: the register's value until a given
 *   time.  Then the read is answered here.  A lease is valid only while all requests have been served, except for the
 *   registers that the outstanding posted writes cannot change.
 * - A write waits until it has been served, unless the lease says that it need not (a posted write).
 * - A polling driver writes THR when LSR allows it, and then reads LSR again.  What a transmitter does with a
 *   character can be computed: if the server has published the length of a frame, both accesses are handled here,
 *   exact to a tick.
 * - A thread that waits releases QEMU's lock, so that QEMU's main loop continues; the main loop itself never waits.
 * - A read that is answered here takes as long as on a PC's bus, because drivers limit their waits by a count of
 *   reads: before it has a clock, Linux reads LSR once for each microsecond in two frames, and then writes even if
 *   the transmitter has no room.
 * - A guest that only reads the same value again and again is put to sleep for short times.
 * - The level of the interrupt line is a word of its own, outside the lease: a reader that gave up because the lease
 *   was being rewritten would lose an edge.  The same word has a count of dips that are too short to be seen in the
 *   level, because an edge-triggered interrupt controller has to see these as well.
 * - When the server has ended, or serves nothing for PATIENCE_NS, the port reads FF, like an empty slot.
 *
 * The library uses no headers of QEMU.  port_qemu.h declares the part of QEMU's internal binary interface that it uses.
 * At the start it tests the whole way from an IN instruction to port_read() with QEMU's own cpu_inb(); any error ends
 * QEMU with the exit status REFUSED and a sentence on standard error.
 *
 * port_ring.h makes requests, port_lease.h reads the lease, and this file has the port itself, the calls from QEMU's
 * main loop, and the start.
 *
 * The server loads this library as well: the functions uartsim_* at the end of the file are for it, so that both
 * sides use the same memory fences.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "port_bridge.h"
#include "port_qemu.h"

#define REFUSED 98
#define RING_RESERVE 64      /* places in the ring that are kept for requests that must not wait for room */
#define PATIENCE_NS 5000000000ull
#define MAIN_LOOP_WAIT_NS 20000000ull
#define WAIT_SLICE_NS 100000000ull
#define SPIN_NS 30000ull
#define BUS_READ_NS 1000ull  /* the shortest read of a PC's port: an ISA bus cycle, and the bridges before it */
#define IDLE_READS 400       /* after this many equal reads in a row the guest counts as waiting */
#define NAP_COSTS 8          /* after a nap, this many more equal reads lead to the next one */
#define NAP_NS 1000000ull
#define TICKS_PER_NS 144u
/* Offsets of registers, and bits of registers. */
#define THR 0
#define IER 1
#define IIR 2
#define LSR 5
#define IER_BITS 0x0f
#define ETBEI 0x02
#define THRE 0x20
#define TEMT 0x40

static void futex_wait(uint32_t *word, uint32_t value, uint64_t ns)
{
    struct timespec limit = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One round of a loop that waits for another processor or for a short time. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/* -- state ------------------------------------------------------------------------------------------------------ */

static struct page *page;
static int link_fd = -1, page_fd = -1;
static unsigned base_port = 0x3f8, irq_number = 4;
static void *irq;
static int level;                    /* the level that the interrupt controller was given last */
static uint8_t dips;
static bool gone;                    /* the server has ended or does not answer */
static bool trying;                  /* the test at the start: a read returns a pattern and has no other effect */
static struct mark { bool set; uint32_t number; }
    barrier,                         /* the last request that may change any register */
    ier_posted;                      /* the last posted write to IER */
static uint8_t ier_value;            /* the value of that write */
static struct ahead ahead;           /* the transmitter's future after the first ahead_number requests */
static uint32_t ahead_number;
static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;      /* held for an instant */
static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER;   /* one processor waits at a time */

#include "port_ring.h"
#include "port_lease.h"

/* -- reads and writes of the port -------------------------------------------------------------------------------- */

/* The guest is only waiting: sleep until something can change, without QEMU's lock. */
static void nap(uint64_t until, uint32_t generation, uint64_t now)
{
    uint64_t left = until - now;

    page->naps++;
    __atomic_store_n(&page->napping, 1, __ATOMIC_SEQ_CST);
    qemu.qemu_mutex_unlock_iothread();
    if (left > SPIN_NS)
        futex_wait(&page->generation, generation, left < NAP_NS ? left : NAP_NS);
    qemu.qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
    __atomic_store_n(&page->napping, 0, __ATOMIC_SEQ_CST);
}

/* Make a read that began at a given time take as long as on a bus, without QEMU's lock: other threads can run. */
static void occupy_bus(uint64_t begun)
{
    if (!qemu.qemu_in_vcpu_thread() || now_ns() - begun >= BUS_READ_NS)
        return;
    qemu.qemu_mutex_unlock_iothread();
    while (now_ns() - begun < BUS_READ_NS)
        relax();
    qemu.qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
}

static unsigned same_offset, same_count;
static uint8_t same_value;

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    struct lease lease;
    uint32_t generation;
    uint64_t until;
    uint8_t value;
    (void)opaque, (void)size;

    offset &= PORTS - 1;
    if (trying)
        return 0xa0 | offset;
    if (__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
        return 0xff;
    uint64_t now = now_ns();
    if (!copy_lease(&lease, &generation) || !known(&lease, (unsigned)offset, now, &value, &until)) {
        same_count = 0;
        page->waited[offset]++;
        return ask('R', (uint8_t)offset, 0);
    }
    page->leased[offset]++;
    follow_line();
    if (offset == same_offset && value == same_value) {
        if (++same_count > IDLE_READS && !level && until > now && qemu.qemu_in_vcpu_thread()) {
            nap(until, generation, now);
            same_count -= NAP_COSTS;
        }
    } else {
        same_offset = (unsigned)offset, same_value = value, same_count = 0;
    }
    occupy_bus(now);
    return value;
}

/* Try to post a write; returns false if it has to wait. */
static bool post(const struct lease *lease, uint8_t offset, uint8_t value, uint64_t now)
{
    struct ahead to;
    uint32_t number;
    bool foreseen = foresee(lease, now, &to);

    if (offset == THR && lease->depth) {
        if (!foreseen || !has_room(lease, to, now * TICKS_PER_NS))
            return false;
        to = after_write(lease, to, now * TICKS_PER_NS);
    } else if (!(lease->post >> offset & 1)) {
        return false;
    }
    if (!request_at(now, 'W', offset, value, POSTED, RING_RESERVE, &number))
        return false;
    if (foreseen)
        ahead = to, ahead_number = number;
    if (offset == IER)
        ier_posted = (struct mark){true, number}, ier_value = value & IER_BITS;
    page->posted[offset]++;
    call_server(offset == IER && value & ETBEI);
    return true;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct lease lease;
    uint32_t generation;
    (void)opaque, (void)size;

    offset &= PORTS - 1;
    same_count = 0;
    if (trying || __atomic_load_n(&gone, __ATOMIC_ACQUIRE))
        return;
    if (copy_lease(&lease, &generation) && post(&lease, (uint8_t)offset, (uint8_t)value, now_ns()))
        return;
    page->written[offset]++;
    ask('W', (uint8_t)offset, (uint8_t)value);
}

static const struct memory_region_ops port_ops = {
    .read = port_read,
    .write = port_write,
    .endianness = LITTLE_ENDIAN_DEVICE,
    .valid = {1, 4, true, NULL},
    .impl = {1, 1, false},
};

/* -- called by QEMU's main loop --------------------------------------------------------------------------------- */

static void on_link(void *opaque)
{
    char bytes[256];
    ssize_t count;
    (void)opaque;

    while ((count = recv(link_fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        ;
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
        lose("its program has ended");
    else
        follow_line();
}

static void tell(uint8_t op, uint8_t value)
{
    uint32_t number;

    if (__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
        return;
    if (request(op, 0, value, UNANSWERED, 0, &number))
        call_server(true);
    else
        lose("it does not serve");
}

static void on_reset(void *opaque)
{
    (void)opaque;
    tell('Z', 0);
}

/*
 * A machine that goes back to an earlier state needs an earlier time stamp counter, which QEMU's emulator does not let run
 * backwards: it keeps the last value (cpu_ticks_prev, the first field of timers_state), and continues from that one.  The
 * guest's clocks would then disagree by the time that was taken back.  So forget that value while the machine is stopped.
 */
static void forget_last_ticks(void)
{
    int64_t (*cpu_get_ticks)(void) = (int64_t (*)(void))dlsym(RTLD_DEFAULT, "cpu_get_ticks");
    int64_t *last = dlsym(RTLD_DEFAULT, "timers_state");

    if (!cpu_get_ticks || !last)
        return;
    int64_t now = cpu_get_ticks();
    if (*last == now)                        /* else this QEMU has another structure */
        *last = 0;
}

static void on_run(void *opaque, bool running, int state)
{
    (void)opaque, (void)state;
    if (!running)
        forget_last_ticks();
    else
        qemu.qemu_set_irq(irq, level);   /* the interrupt controller of a restored machine may have another level */
    tell('V', running);
}

/* -- start ------------------------------------------------------------------------------------------------------ */

static void refuse(const char *what, const char *name)
{
    fprintf(stderr, "port bridge: %s%s\n", what, name);
    _exit(REFUSED);
}

static void on_machine_done(struct notifier *self, void *data)
{
    uint32_t number = 0;
    (void)self, (void)data;

    void *region = calloc(1, MEMORY_REGION_BYTES);
    if (!region)
        refuse("no memory", "");
    qemu.memory_region_init_io(region, NULL, &port_ops, NULL, "uartsim-port-bridge", PORTS);
    qemu.memory_region_add_subregion_overlap(qemu.get_system_io(), base_port, region, PRIORITY);
    irq = qemu.isa_get_irq(NULL, irq_number);
    if (!irq)
        refuse("this machine has no ISA interrupt for a serial port", "");
    trying = true;
    for (unsigned offset = 0; offset < PORTS; offset++)
        if (qemu.cpu_inb(base_port + offset) != (0xa0 | offset))
            refuse("this QEMU does not lead the serial port's addresses to us", "");
    trying = false;
    if (!request('H', 0, VERSION, OF_MAIN_LOOP, 0, &number))
        refuse("the ring is full at the start", "");
    call_server(true);
    if (!wait_served(number, PATIENCE_NS) || page->answers[OF_MAIN_LOOP] != VERSION)
        refuse("uartsim does not answer", "");
    qemu.qemu_set_fd_handler(link_fd, on_link, NULL, NULL);
    qemu.qemu_register_reset(on_reset, NULL);
    qemu.qemu_add_vm_change_state_handler(on_run, NULL);
    follow_line();
}

static struct notifier machine_done = {.notify = on_machine_done};

__attribute__((constructor)) static void start(void)
{
    const char *wanted = getenv("UARTSIM_BRIDGE");

    if (!wanted || !getenv("LD_PRELOAD"))
        return;                              /* loaded by uartsim itself */
    if (sscanf(wanted, "%d,%d,%i,%u", &link_fd, &page_fd, (int *)&base_port, &irq_number) != 4)
        refuse("UARTSIM_BRIDGE is ", wanted);
    unsetenv("LD_PRELOAD");                  /* programs that QEMU starts must not load this library */
    unsetenv("UARTSIM_BRIDGE");
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(RTLD_DEFAULT, symbols[i].name);
        if (!found)
            refuse("this QEMU has no symbol ", symbols[i].name);
        memcpy(symbols[i].to, &found, sizeof found);
    }
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    if (page == MAP_FAILED)
        refuse("the shared page cannot be mapped: ", strerror(errno));
    if (page->version != VERSION)
        refuse("the shared page is of another version", "");
    close(page_fd);
    fcntl(link_fd, F_SETFD, FD_CLOEXEC);
    qemu.qemu_add_machine_init_done_notifier(&machine_done);
}

/* -- functions for the server ----------------------------------------------------------------------------------- */

/* The server looks at the ring: from now on it has to be called again.  Returns the number of requests made. */
uint32_t uartsim_bridge_look(struct page *shared, uint64_t gather_ns)
{
    __atomic_store_n(&shared->gather_ns, gather_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->called, 0, __ATOMIC_RELAXED);
    __atomic_fetch_add(&shared->beat, 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
}

/* For tests: compute the transmitter's future after a write to THR.  Returns whether there is room for it. */
uint32_t uartsim_bridge_foresee(const struct lease *lease, uint64_t ticks, struct ahead *both)
{
    if (!has_room(lease, *both, ticks))
        return 0;
    *both = after_write(lease, *both, ticks);
    return 1;
}

/* Publish a lease and the interrupt line, and wake the threads that wait.  Returns whether a processor was waiting. */
uint32_t uartsim_bridge_publish(struct page *shared, const struct lease *lease, uint32_t line)
{
    uint32_t generation = shared->generation + 1;

    __atomic_store_n(&shared->generation, generation, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(&shared->lease, lease, sizeof *lease);
    __atomic_store_n(&shared->generation, generation + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->line, line, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->served, lease->served, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared->napping, __ATOMIC_RELAXED))
        futex_wake(&shared->generation);
    if (!__atomic_load_n(&shared->waiting, __ATOMIC_RELAXED))
        return 0;
    futex_wake(&shared->served);
    return 1;
}
