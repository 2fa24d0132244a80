/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sum over the last span of time, in buckets: what is in a bucket counts until the whole bucket
 * is older than the span, so that no span of that length ever held more than the sum said. Single
 * owner; times are monotonic.
 */
#ifndef SLUICE_STORE_BUDGET_WINDOW_H
#define SLUICE_STORE_BUDGET_WINDOW_H

#include <stdint.h>

struct window {
    int64_t width_ns; /* of a bucket; count - 1 of them are at least the span */
    int64_t last;     /* number of the newest bucket */
    int64_t sum;
    int64_t *buckets; /* count of them, the caller's, zeroed */
    uint32_t count;
};

void window_init(struct window *window, int64_t *buckets, uint32_t count, int64_t width_ns,
                 int64_t now_ns);
/* The sum, after what is too old was dropped. */
int64_t window_sum(struct window *window, int64_t now_ns);
/* Adds to the bucket of `at_ns`, which is not later than now; what is too old already is left out.
 * Sums saturate. */
void window_add(struct window *window, int64_t now_ns, int64_t at_ns, int64_t amount);
/* All that is in buckets before that of `at_ns`, and `amount` of that one's, is older by as much.
 */
void window_age(struct window *window, int64_t at_ns, int64_t amount, int64_t older_ns);
/* How long until `amount` of the sum is gone; -1: it never was that much. */
int64_t window_free_ns(const struct window *window, int64_t now_ns, int64_t amount);

#endif
