/*
 * The memory page that QEMU's process and uartsim's process share.  port_bridge.c describes its use; bridge_page.py has
 * the same layout.  Times are CLOCK_MONOTONIC in nanoseconds, or in ticks of 1/144 ns where frames have to be exact.
 */
#include <stddef.h>
#include <stdint.h>

#define VERSION 1
#define PORTS 8
#define STEPS 4
#define RING 1024            /* a power of two */
#define WAITS 64
#define WAIT_UNIT_NS 4000u

/* Where the answer to a request goes: to a processor, to the main loop, or nowhere. */
enum slot { OF_PROCESSOR, OF_MAIN_LOOP, UNANSWERED, POSTED };

struct request {
    uint8_t op;              /* 'H' hello, 'R' read, 'W' write, 'Z' reset, 'V' the machine runs (1) or is stopped (0) */
    uint8_t offset, value;
    uint8_t slot;            /* where the answer goes */
    uint32_t unused;
    uint64_t ns;             /* CLOCK_MONOTONIC at the access */
};

struct step {
    uint64_t until_ns;       /* the step holds from the end of the one before it until this time */
    uint8_t mask;            /* the registers that read as values[] in this step */
    uint8_t unused[7];
    uint8_t values[PORTS];
};

struct lease {
    uint32_t served;         /* the number of requests that the lease reflects */
    uint8_t count;           /* the number of steps */
    uint8_t post;            /* the offsets whose writes need not wait */
    uint8_t keep;            /* the registers that a write to THR does not change */
    uint8_t depth;           /* of the transmitter's FIFO, 1 without a FIFO; 0: the transmitter's future is unknown */
    struct step steps[STEPS];
    uint64_t lsr_until_ns;   /* until this time only the transmitter changes LSR */
    struct ahead {
        uint64_t empty_at;   /* when THRE is set again, in ticks of 1/144 ns */
        uint64_t drained_at; /* when TEMT is set again, in ticks */
    } ahead;
    uint64_t frame, bit;     /* the lengths of a frame and of a bit, in ticks */
};

struct page {
    uint32_t version;
    uint32_t generation;     /* odd while the lease is being rewritten; the futex of naps */
    uint32_t served;         /* the number of requests served; the futex of waits */
    uint32_t beat;           /* incremented whenever the server looks at the ring, even if it serves nothing */
    uint32_t line;           /* bit 0: the level of the interrupt line; from bit 8 on: a count of dips */
    uint32_t unused1;
    uint64_t gather_ns;      /* until this time the server looks at the ring by itself */
    uint8_t answers[PORTS];  /* by slot */
    struct lease lease;
    uint8_t unused2[256 - 40 - sizeof(struct lease)];
    /* written by QEMU's process */
    uint32_t head;           /* the number of requests made */
    uint32_t called;         /* whether a byte is on its way to the server */
    uint32_t waiting, napping;
    uint64_t leased[PORTS], waited[PORTS], posted[PORTS], written[PORTS];
    uint64_t naps, longest_wait_ns, lost;
    uint32_t waits[WAITS];   /* a histogram of the waits in units of WAIT_UNIT_NS; the last counts all longer ones */
    uint8_t unused3[4096 - 256 - 16 - 8 * (4 * PORTS + 3) - 4 * WAITS];
    struct request ring[RING];
};
_Static_assert(offsetof(struct page, lease) == 40 && offsetof(struct page, head) == 256, "layout");
_Static_assert(offsetof(struct page, leased) == 272 && offsetof(struct page, ring) == 4096, "layout");
_Static_assert(sizeof(struct request) == 16 && sizeof(struct lease) == 144, "layout");
