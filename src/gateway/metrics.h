/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters and histograms in the Prometheus text format (0.0.4). Each worker owns one set and
 * writes it with relaxed atomics; a scrape sums them. Labels come from our tables and the
 * configuration only, so the number of series is bounded.
 */
#ifndef SLUICE_GATEWAY_METRICS_H
#define SLUICE_GATEWAY_METRICS_H

#include "base/buf.h"
#include "route/session.h"

#include <stdatomic.h>

#define METRICS_ENDPOINTS 64
#define METRICS_CODES 24
#define METRICS_BUCKETS 20
#define METRICS_CHECKS 15 /* enum answer_check */

struct histogram {
    atomic_uint_fast64_t buckets[METRICS_BUCKETS]; /* not cumulative; the last one is +Inf */
    atomic_uint_fast64_t sum_ns;
};

struct metrics {
    atomic_uint_fast64_t requests[METRICS_ENDPOINTS][METRICS_CODES];
    struct histogram duration;   /* of calls, seconds */
    struct histogram overhead;   /* what the gateway added before the upstream was asked */
    struct histogram first_byte; /* of upstreams */
    atomic_uint_fast64_t retries;
    atomic_uint_fast64_t abandoned;
    atomic_uint_fast64_t opaque_lost;
    atomic_uint_fast64_t fallbacks;
    atomic_uint_fast64_t cost_nd;
    atomic_uint_fast64_t baseline_nd;
    atomic_uint_fast64_t input_tokens;
    atomic_uint_fast64_t output_tokens;
    atomic_uint_fast64_t cache_read_tokens;
    atomic_uint_fast64_t cache_write_tokens;
    atomic_uint_fast64_t reasoning_tokens;
    atomic_uint_fast64_t estimated_usage;
    atomic_uint_fast64_t untrue_usage;
    atomic_uint_fast64_t refused_plans;
    atomic_uint_fast64_t unauthorized;
    atomic_uint_fast64_t ledger_refused;
    atomic_uint_fast64_t overruns;
    atomic_uint_fast64_t lease_waits;
    atomic_uint_fast64_t cache_hits;
    atomic_uint_fast64_t cache_misses;
    atomic_uint_fast64_t cache_kept;
    atomic_uint_fast64_t answers_accepted;
    atomic_uint_fast64_t answers_rejected;
    atomic_uint_fast64_t answers_early; /* streams that began because of their first words */
    atomic_uint_fast64_t escalations;   /* rejected answers that were not shown at once */
    atomic_uint_fast64_t checks_failed[METRICS_CHECKS];
    atomic_uint_fast64_t sessions[SESSION_STATES]; /* turns; [SESSION_NONE] is not used */
    atomic_uint_fast64_t session_cached_tokens;
};

/* On a worker's own counters, which only its thread writes: no locked instruction. */
static inline void metric_add(atomic_uint_fast64_t *counter, uint64_t value)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + value, memory_order_relaxed);
}

/* On counters that several threads write. */
static inline void metric_add_shared(atomic_uint_fast64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

void metrics_request(struct metrics *metrics, size_t endpoint, int status);
/* Durations in ns; bucket bounds double from 100 us (overhead) or 10 ms on. */
void histogram_add(struct histogram *histogram, int64_t first_bound_ns, int64_t ns);

#define METRICS_OVERHEAD_FIRST_NS 10000LL
#define METRICS_DURATION_FIRST_NS 5000000LL

struct gateway;
/* The whole exposition. */
void metrics_write(struct gateway *gateway, struct buf *out);

#endif
