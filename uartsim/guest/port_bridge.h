/*
 * The page that QEMU's process and ours share.  port_bridge.c says how it is used; bridge_page.py has the same layout.
 * Times are CLOCK_MONOTONIC in nanoseconds, or in ticks of 1/144 ns where a frame has to be exact.
 */
#include <stddef.h>
#include <stdint.h>

#define VERSION 1
#define PORTS 8
#define STEPS 4
#define RING 1024            /* a power of two */
#define WAITS 64
#define WAIT_UNIT_NS 4000u

/* Where answers go: to a processor, to the main loop, or nowhere. */
enum slot { OF_PROCESSOR, OF_MAIN_LOOP, UNANSWERED, POSTED };

struct request {
    uint8_t op;              /* 'H' hello, 'R' read, 'W' write, 'Z' reset, 'V' the machine runs (1) or stands (0) */
    uint8_t offset, value;
    uint8_t slot;            /* where the answer goes */
    uint32_t unused;
    uint64_t ns;             /* CLOCK_MONOTONIC at the access */
};

struct step {
    uint64_t until_ns;       /* the step holds from the end of the one before it until then */
    uint8_t mask;            /* the registers that read values[] in this step */
    uint8_t unused[7];
    uint8_t values[PORTS];
};

struct lease {
    uint32_t served;         /* requests taken into account */
    uint8_t count;           /* of steps */
    uint8_t post;            /* offsets whose writes need not wait */
    uint8_t keep;            /* registers that a write to THR does not change */
    uint8_t depth;           /* of the transmitter's FIFO, 1 without; 0: its future is not known */
    struct step steps[STEPS];
    uint64_t lsr_until_ns;   /* until then nothing but the transmitter changes LSR */
    struct ahead {
        uint64_t empty_at;   /* when THRE comes back, in ticks of 1/144 ns */
        uint64_t drained_at; /* when TEMT does */
    } ahead;
    uint64_t frame, bit;     /* in ticks */
};

struct page {
    uint32_t version;
    uint32_t generation;     /* odd while the lease is being rewritten; who naps, naps on it */
    uint32_t served;         /* requests served; who waits, waits on it */
    uint32_t beat;           /* moves whenever the server is alive, though it serves nothing */
    uint32_t line;           /* bit 0: the interrupt's level; from bit 8 on: a count of dips */
    uint32_t unused1;
    uint64_t gather_ns;      /* until then the server looks at the ring by itself */
    uint8_t answers[PORTS];  /* by slot */
    struct lease lease;
    uint8_t unused2[256 - 40 - sizeof(struct lease)];
    /* what QEMU's process writes */
    uint32_t head;           /* requests made */
    uint32_t called;         /* a byte is on its way to the server */
    uint32_t waiting, napping;
    uint64_t leased[PORTS], waited[PORTS], posted[PORTS], written[PORTS];
    uint64_t naps, longest_wait_ns, lost;
    uint32_t waits[WAITS];   /* waits by their length in units of WAIT_UNIT_NS, the last for all that were longer */
    uint8_t unused3[4096 - 256 - 16 - 8 * (4 * PORTS + 3) - 4 * WAITS];
    struct request ring[RING];
};
_Static_assert(offsetof(struct page, lease) == 40 && offsetof(struct page, head) == 256, "layout");
_Static_assert(offsetof(struct page, leased) == 272 && offsetof(struct page, ring) == 4096, "layout");
_Static_assert(sizeof(struct request) == 16 && sizeof(struct lease) == 144, "layout");
