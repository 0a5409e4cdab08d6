/*
 * QEMU's internal interface, as of QEMU 7.2: the structures and functions that the port bridge uses.  port_bridge.c
 * includes this file once.
 */
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
