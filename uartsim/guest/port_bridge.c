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
 * This file uses no headers of QEMU.  Of QEMU's internal binary interface it uses the functions in symbols[] and the
 * two structures below, as of QEMU 7.2.  At the start it tests the whole way from an IN instruction to port_read()
 * with QEMU's own cpu_inb(); any error ends QEMU with the exit status REFUSED and a sentence on standard error.
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

/* -- QEMU's interface ------------------------------------------------------------------------------------------- */

struct memory_region_ops {
    uint64_t (*read)(void *, uint64_t, unsigned);
    void (*write)(void *, uint64_t, uint64_t, unsigned);
    void *read_with_attrs, *write_with_attrs;
    int endianness;
    struct { unsigned min, max; bool unaligned; void *accepts; } valid;
    struct { unsigned min, max; bool unaligned; } impl;
};
#define LITTLE_ENDIAN_DEVICE 2
#define MEMORY_REGION_BYTES 4096     /* more than the MemoryRegion of any QEMU needs */
#define PRIORITY 10                  /* above QEMU's own port at the same addresses */

struct notifier {
    void (*notify)(struct notifier *, void *);
    void *link[2];
};

static struct {
    void *(*get_system_io)(void);
    void (*memory_region_init_io)(void *, void *, const struct memory_region_ops *, void *, const char *, uint64_t);
    void (*memory_region_add_subregion_overlap)(void *, uint64_t, void *, int);
    void *(*isa_get_irq)(void *, unsigned);
    void (*qemu_set_irq)(void *, int);
    void (*qemu_set_fd_handler)(int, void (*)(void *), void (*)(void *), void *);
    void (*qemu_register_reset)(void (*)(void *), void *);
    void (*qemu_add_machine_init_done_notifier)(struct notifier *);
    void *(*qemu_add_vm_change_state_handler)(void (*)(void *, bool, int), void *);
    bool (*qemu_in_vcpu_thread)(void);
    void (*qemu_mutex_unlock_iothread)(void);
    void (*qemu_mutex_lock_iothread_impl)(const char *, int);
    uint8_t (*cpu_inb)(uint32_t);
} qemu;

static const struct { const char *name; void *to; } symbols[] = {
#define SYMBOL(name) {#name, &qemu.name}
    SYMBOL(get_system_io), SYMBOL(memory_region_init_io), SYMBOL(memory_region_add_subregion_overlap),
    SYMBOL(isa_get_irq), SYMBOL(qemu_set_irq), SYMBOL(qemu_set_fd_handler), SYMBOL(qemu_register_reset),
    SYMBOL(qemu_add_machine_init_done_notifier), SYMBOL(qemu_add_vm_change_state_handler),
    SYMBOL(qemu_in_vcpu_thread), SYMBOL(qemu_mutex_unlock_iothread), SYMBOL(qemu_mutex_lock_iothread_impl),
    SYMBOL(cpu_inb),
};

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

/* -- requests --------------------------------------------------------------------------------------------------- */

/* Turn the port into an empty slot.  Call with QEMU's lock held. */
static void lose(const char *why)
{
    if (__atomic_exchange_n(&gone, true, __ATOMIC_ACQ_REL))
        return;
    fprintf(stderr, "port bridge: the serial port is gone: %s\n", why);
    qemu.qemu_set_fd_handler(link_fd, NULL, NULL, NULL);
    shutdown(link_fd, SHUT_RDWR);
    page->lost = 1;
    if (level)
        qemu.qemu_set_irq(irq, level = 0);
    futex_wake(&page->served);
}

/* Give the interrupt controller the published level.  Call with QEMU's lock held. */
static void follow_line(void)
{
    uint32_t line = __atomic_load_n(&page->line, __ATOMIC_ACQUIRE);
    int wanted = line & 1;
    uint8_t count = (uint8_t)(line >> 8);

    if (__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
        return;
    if (count != dips && level && wanted) {
        qemu.qemu_set_irq(irq, 0);
        qemu.qemu_set_irq(irq, 1);
    }
    dips = count;
    if (wanted != level)
        qemu.qemu_set_irq(irq, level = wanted);
}

/* Put a request into the ring; its number (from 1 on) goes to *number.  Returns false if there is no room. */
static bool request_at(
    uint64_t ns, uint8_t op, uint8_t offset, uint8_t value, uint8_t slot, uint32_t reserve, uint32_t *number)
{
    pthread_mutex_lock(&ring_lock);
    uint32_t head = page->head;
    bool room = head - __atomic_load_n(&page->served, __ATOMIC_ACQUIRE) < RING - reserve;
    if (room) {
        page->ring[head % RING] = (struct request){op, offset, value, slot, 0, ns};
        __atomic_store_n(&page->head, head + 1, __ATOMIC_RELEASE);
        *number = head + 1;
        if (slot == OF_MAIN_LOOP || slot == UNANSWERED)
            barrier = (struct mark){true, head + 1};
    }
    pthread_mutex_unlock(&ring_lock);
    return room;
}

static bool request(uint8_t op, uint8_t offset, uint8_t value, uint8_t slot, uint32_t reserve, uint32_t *number)
{
    return request_at(now_ns(), op, offset, value, slot, reserve, number);
}

/* Call the server, unless it has been called already or will soon look by itself. */
static void call_server(bool at_once)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!at_once && now_ns() < __atomic_load_n(&page->gather_ns, __ATOMIC_RELAXED))
        return;
    if (!__atomic_exchange_n(&page->called, 1, __ATOMIC_SEQ_CST))
        send(link_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);   /* if the socket is full, the server will wake up anyway */
}

static bool is_served(uint32_t number)
{
    return (int32_t)(__atomic_load_n(&page->served, __ATOMIC_ACQUIRE) - number) >= 0;
}

/* Whether the request of a mark has not been served yet. */
static bool outstanding(struct mark *mark)
{
    if (mark->set && is_served(mark->number))
        mark->set = false;           /* clear it now, because the numbers wrap around */
    return mark->set;
}

/* Wait until a request has been served.  Returns false after limit_ns without any progress of the server. */
static bool wait_served(uint32_t number, uint64_t limit_ns)
{
    uint64_t begin = now_ns(), give_up = begin + limit_ns;
    uint32_t served = 0, beat = 0;
    bool done;

    while (!(done = is_served(number)) && now_ns() - begin < SPIN_NS)
        for (int i = 0; i < 64 && !is_served(number); i++)
            relax();
    __atomic_fetch_add(&page->waiting, 1, __ATOMIC_SEQ_CST);
    while (!done && !(done = is_served(number)) && !__atomic_load_n(&gone, __ATOMIC_ACQUIRE)) {
        uint32_t now_served = __atomic_load_n(&page->served, __ATOMIC_ACQUIRE);
        uint32_t now_beat = __atomic_load_n(&page->beat, __ATOMIC_ACQUIRE);
        uint64_t now = now_ns();
        if (now_served != served || now_beat != beat) {
            served = now_served, beat = now_beat;
            give_up = now + limit_ns;
        }
        if (now >= give_up)
            break;
        if (!is_served(number))
            futex_wait(&page->served, now_served, limit_ns < WAIT_SLICE_NS ? limit_ns : WAIT_SLICE_NS);
    }
    __atomic_fetch_sub(&page->waiting, 1, __ATOMIC_SEQ_CST);
    uint64_t took = now_ns() - begin;
    if (took > page->longest_wait_ns)
        page->longest_wait_ns = took;
    page->waits[took / WAIT_UNIT_NS < WAITS ? took / WAIT_UNIT_NS : WAITS - 1]++;
    return done;
}

/* Make a request and wait for its answer; FF if there is none. */
static uint8_t ask(uint8_t op, uint8_t offset, uint8_t value)
{
    uint32_t number = 0;
    uint8_t answer = 0xff;
    bool answered = false;

    if (!qemu.qemu_in_vcpu_thread()) {       /* the monitor must not wait long for an answer */
        if (request(op, offset, value, OF_MAIN_LOOP, 0, &number)) {
            call_server(true);
            if (wait_served(number, MAIN_LOOP_WAIT_NS))
                answer = page->answers[OF_MAIN_LOOP];
            follow_line();
        }
        return answer;
    }
    qemu.qemu_mutex_unlock_iothread();
    pthread_mutex_lock(&waiting_lock);
    bool room = request(op, offset, value, OF_PROCESSOR, RING_RESERVE / 2, &number);
    while (!room && wait_served(__atomic_load_n(&page->head, __ATOMIC_ACQUIRE) - RING / 2, PATIENCE_NS)
           && !__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
        room = request(op, offset, value, OF_PROCESSOR, RING_RESERVE / 2, &number);
    if (room) {
        call_server(true);
        if ((answered = wait_served(number, PATIENCE_NS)))
            answer = page->answers[OF_PROCESSOR];
    }
    pthread_mutex_unlock(&waiting_lock);
    qemu.qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
    if (!answered)
        lose("it does not answer");
    follow_line();
    return answered ? answer : 0xff;
}

/* -- leases ----------------------------------------------------------------------------------------------------- */

/* Make a consistent copy of the published lease.  Returns false if it is being rewritten all the time. */
static bool copy_lease(struct lease *lease, uint32_t *generation)
{
    for (int i = 0; i < 64; i++) {
        *generation = __atomic_load_n(&page->generation, __ATOMIC_ACQUIRE);
        if (*generation & 1)
            continue;
        memcpy(lease, &page->lease, sizeof *lease);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&page->generation, __ATOMIC_RELAXED) == *generation)
            return true;
    }
    return false;
}

/* The step of the lease that covers a register now, or NULL. */
static const struct step *covering(const struct lease *lease, unsigned offset, uint64_t now)
{
    if (lease->served != page->head && (!(lease->keep >> offset & 1) || outstanding(&barrier)))
        return NULL;
    for (int i = 0; i < lease->count && i < STEPS; i++)
        if (now < lease->steps[i].until_ns)
            return lease->steps[i].mask >> offset & 1 ? &lease->steps[i] : NULL;
    return NULL;
}

/* Whether the transmitter has room for a character now. */
static bool has_room(const struct lease *lease, struct ahead before, uint64_t ticks)
{
    if (ticks >= before.empty_at)
        return true;
    /* The FIFO holds all frames that remain to be sent, except for the one that is on the line. */
    return lease->depth > 1 && before.drained_at - ticks <= lease->depth * lease->frame;
}

/* The transmitter's future after a write to THR for which it has room. */
static struct ahead after_write(const struct lease *lease, struct ahead before, uint64_t ticks)
{
    bool idle = ticks >= before.drained_at;

    if (lease->depth > 1) {
        uint64_t taken_at = idle ? ticks : before.drained_at;
        return (struct ahead){taken_at, taken_at + lease->frame};
    }
    if (idle)
        return (struct ahead){ticks + lease->bit, ticks + lease->bit + lease->frame};
    return (struct ahead){before.drained_at + lease->bit / 2, before.drained_at + lease->frame};
}

/* Whether the transmitter's future is known now; if so, it goes to *to. */
static bool foresee(const struct lease *lease, uint64_t now, struct ahead *to)
{
    if (!lease->depth || now >= lease->lsr_until_ns || outstanding(&barrier))
        return false;
    *to = lease->served == page->head ? lease->ahead : ahead;
    return lease->served == page->head || ahead_number == page->head;
}

/* Whether a register's value is known here; if so, it goes to *value, and the end of its validity to *until. */
static bool known(const struct lease *lease, unsigned offset, uint64_t now, uint8_t *value, uint64_t *until)
{
    const struct step *step;
    struct ahead to;
    bool ier_waits = outstanding(&ier_posted);

    if (offset == IER && ier_waits && !outstanding(&barrier)) {
        *value = ier_value, *until = now;
        return true;
    }
    if (offset == IIR && ier_waits)
        return false;
    if ((step = covering(lease, offset, now))) {
        *value = step->values[offset], *until = step->until_ns;
        return true;
    }
    if (offset == LSR && lease->count && foresee(lease, now, &to)) {
        uint64_t ticks = now * TICKS_PER_NS, next = ticks < to.empty_at ? to.empty_at : to.drained_at;
        *value = lease->steps[0].values[LSR] & (uint8_t)~(THRE | TEMT);
        *value |= (uint8_t)((ticks >= to.empty_at ? THRE : 0) | (ticks >= to.drained_at ? TEMT : 0));
        *until = ticks < next ? next / TICKS_PER_NS : lease->lsr_until_ns;
        return true;
    }
    return false;
}

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

static void on_run(void *opaque, bool running, int state)
{
    (void)opaque, (void)state;
    if (running)
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
