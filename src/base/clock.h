/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time is passed in. Durations and deadlines use the monotonic clock (ns since an arbitrary start);
 * timestamps in logs and the ledger use the wall clock (ns since 1970-01-01 UTC). Tests pass a
 * clock that they turn by hand.
 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

struct clock {
    int64_t (*monotonic)(const struct clock *clock);
    int64_t (*wall)(const struct clock *clock);
};

/* The machine's clocks. Any thread. */
extern const struct clock clock_system;

struct clock_manual {
    struct clock clock;
    int64_t monotonic_ns;
    int64_t wall_ns;
};
void clock_manual_init(struct clock_manual *manual, int64_t monotonic_ns, int64_t wall_ns);
void clock_manual_advance(struct clock_manual *manual, int64_t ns);

static inline int64_t clock_monotonic(const struct clock *clock)
{
    return clock->monotonic(clock);
}

static inline int64_t clock_wall(const struct clock *clock)
{
    return clock->wall(clock);
}

/* "2026-11-21T22:34:06.123Z" into a buffer of at least 25 bytes. */
#define CLOCK_TEXT_SIZE 32
char *clock_format(int64_t wall_ns, char *buffer);

#endif
