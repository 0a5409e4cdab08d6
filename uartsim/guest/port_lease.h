/*
 * The lease that the server has published: which registers QEMU's side of the port bridge may answer by itself, and
 * what the transmitter does after a write.  port_bridge.c includes this file once, after port_ring.h.
 */
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
