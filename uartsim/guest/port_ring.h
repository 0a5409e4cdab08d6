/*
 * The ring of requests from QEMU's side of the port bridge to the server: making them, calling the server, and waiting
 * for answers.  port_bridge.c includes this file once, after its state.
 */
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
