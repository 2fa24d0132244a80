/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days, weeks and months as caps have them: those of the process's time zone (TZ). One begins when
 * the wall clock reaches its beginning and ends when that reaches its end, or, if the wall clock
 * was turned back behind its beginning, when as long as it lasts has passed on the monotonic clock.
 */
#ifndef SLUICE_STORE_LEDGER_PERIOD_H
#define SLUICE_STORE_LEDGER_PERIOD_H

#include "base/clock.h"
#include "store/limits.h"

/* One reading of the clocks. */
struct instant {
    int64_t wall_ns;
    int64_t monotonic_ns;
};

struct period {
    int64_t start_s;
    int64_t end_s;
    int64_t began_ns; /* monotonic: when this process entered it */
    uint32_t serial;
};

/* [*ret_start_s, *ret_end_s) of the day, week or month with wall_s in it. */
void budget_period(enum cap_period period, int64_t wall_s, int64_t *ret_start_s,
                   int64_t *ret_end_s);
/* Ends those that are over; of [CAP_TOTAL] nothing is touched. True: some were. */
bool periods_tick(struct period periods[CAP_ROLLING], const struct instant *now);

#endif
