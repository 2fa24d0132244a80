/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live state of a target: counters, latency, and the breaker. Written by every worker with relaxed
 * atomics, read by planning and reports. A target is dead after consecutive failures (or one that
 * says so, like a refused key), is skipped for a back-off that doubles, and then one request at a
 * time probes it. The clock is passed in.
 */
#ifndef SLUICE_ROUTE_HEALTH_H
#define SLUICE_ROUTE_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_LATENCY_BUCKETS 72 /* of a quarter octave from 1 ms: up to 262 s */

struct target_health {
    atomic_bool switched_off; /* `sluice target off NAME` */
    atomic_uint consecutive_failures;
    atomic_uint opened; /* times in a row that the breaker opened: the back-off's exponent */
    atomic_int_fast64_t retry_at_ns; /* monotonic; 0: closed */
    atomic_bool probing;
    atomic_int in_flight;
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t failures;
    atomic_uint_fast64_t input_tokens;
    atomic_uint_fast64_t output_tokens;
    atomic_int_fast64_t cost_nd;
    atomic_uint first_byte_count; /* samples in `first_byte`, after decay */
    atomic_uint total_count;
    atomic_int_fast64_t
        first_byte_ms[2]; /* p50 and p90 as of late, for planning; -1: too few samples */
    atomic_int_fast64_t total_ms[2];
    atomic_uint first_byte[HEALTH_LATENCY_BUCKETS]; /* decayed by halving */
    atomic_uint total[HEALTH_LATENCY_BUCKETS];
};

enum health_outcome {
    HEALTH_OK,
    HEALTH_FAILED,     /* counts towards the breaker: connect errors, timeouts, 5xx, malformed */
    HEALTH_OVERLOADED, /* 429, 529: opens at once for retry_after_ms (or the back-off) */
    HEALTH_REJECTED,   /* the request's own fault (4xx): the target is fine */
    HEALTH_FATAL, /* 401, 403, 402: this target cannot work until somebody acts: opens at once */
    HEALTH_CANCELLED, /* our client left */
};

struct health_sample {
    enum health_outcome outcome;
    int64_t now_ns;
    int64_t retry_after_ms; /* 0: not said */
    int64_t first_byte_ms;  /* -1: none */
    int64_t total_ms;       /* -1: none */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_nd;
};

void health_init(struct target_health *health);
#define HEALTH_FAILURES_TO_OPEN 3
#define HEALTH_BACKOFF_MIN_MS 1000
#define HEALTH_BACKOFF_MAX_MS 60000
#define HEALTH_RETRY_AFTER_MAX_MS 600000 /* a longer Retry-After is cut to this */
#define HEALTH_PROBE_LEASE_MS                                                                      \
    120000                    /* a probe that never reports blocks the next one for so long */
#define HEALTH_SAMPLES_MIN 20 /* fewer say nothing about a percentile */

/* May a request go there now? Open and due: true, if this caller wins the probe (`*ret_probe`),
   which it must end with health_record(). */
bool health_try(struct target_health *health, int64_t now_ns, bool *ret_probe);
/* Would health_try() say yes? Changes nothing: for plans and explanations. */
bool health_alive(const struct target_health *health, int64_t now_ns);
/* ms until it will be probed; 0 when alive. */
int64_t health_retry_in_ms(const struct target_health *health, int64_t now_ns);
void health_begin(struct target_health *health);
/* Ends what health_begin() began. */
void health_record(struct target_health *health, const struct health_sample *sample);
/* Percentile (0..100) of the time to the first byte / to completion in ms; -1 with fewer than 20
 * samples. */
int64_t health_first_byte_ms(const struct target_health *health, int percentile);
int64_t health_total_ms(const struct target_health *health, int percentile);
/* The p50 and p90 that planning reads: a load each, up to 7 samples old. -1 with fewer than 20
 * samples. */
struct health_latency {
    int64_t p50_ms;
    int64_t p90_ms;
};
struct health_latency health_latency(const struct target_health *health, bool first_byte);
/* Output tokens per second after the first byte, in thousandths; -1 until there is data. */
int64_t health_throughput_milli(const struct target_health *health);

#endif
