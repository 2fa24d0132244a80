/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live state of a target: counters, latency, and the breaker. Written by every worker with relaxed
 * atomics, read by planning and reports. A target is dead after consecutive failures (or one that
 * says so, like a refused key), is skipped for a back-off that doubles, and then one request at a
 * time probes it. Latency is kept by the size of the input, and fades. The clock is passed in.
 */
#ifndef SLUICE_ROUTE_HEALTH_H
#define SLUICE_ROUTE_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_LATENCY_BUCKETS 72 /* of a quarter octave from 1 ms: up to 262 s */
#define HEALTH_SIZES 3            /* classes of requests by their input, see health_size() */

/* Durations of one kind, of requests of one size. What is old fades: counts are halved when there
 * are many, or by the half-life; after HEALTH_STALE_NS without a sample nothing is known. */
struct health_times {
    atomic_uint count; /* samples in `buckets`, after decay */
    atomic_ushort buckets[HEALTH_LATENCY_BUCKETS];
    atomic_int_fast64_t last_ns;  /* of the last sample */
    atomic_int_fast64_t faded_ns; /* when they were halved last */
    atomic_int_fast64_t ms[2];    /* p50 and p90 as of late, for planning; -1: too few samples */
};

struct target_health {
    atomic_bool switched_off; /* `sluice target off NAME` */
    atomic_uint lacks; /* capabilities that its provider says it has not; see health_lacks() */
    atomic_int_fast64_t lacks_until_ns;
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
    struct health_times first_byte[HEALTH_SIZES];
    struct health_times total[HEALTH_SIZES]; /* to completion */
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
/* What the target was believed to be able to do (bits of capability_set) and said that it is not:
   not asked of it for HEALTH_LACKS_NS, or until the configuration is read again. */
#define HEALTH_LACKS_NS (INT64_C(600) * 1000000000)
void health_note_lack(struct target_health *health, uint32_t capabilities, int64_t now_ns);
void health_forget_lacks(struct target_health *health);
static inline uint32_t health_lacks(const struct target_health *health, int64_t now_ns)
{
    uint32_t lacks = atomic_load_explicit(&health->lacks, memory_order_relaxed);
    bool past = lacks != 0 && atomic_load_explicit(&health->lacks_until_ns,
                                                   memory_order_relaxed) <= now_ns;
    return past ? 0 : lacks;
}
#define HEALTH_FAILURES_TO_OPEN 3
#define HEALTH_BACKOFF_MIN_MS 1000
#define HEALTH_BACKOFF_MAX_MS 60000
#define HEALTH_RETRY_AFTER_MAX_MS 600000 /* a longer Retry-After is cut to this */
#define HEALTH_PROBE_LEASE_MS                                                                      \
    120000                    /* a probe that never reports blocks the next one for so long */
#define HEALTH_SAMPLES_MIN 20 /* fewer say nothing about a percentile */
#define HEALTH_HALF_LIFE_NS (INT64_C(600) * 1000000000)
#define HEALTH_STALE_NS (INT64_C(3600) * 1000000000)

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
/* Up to 2,000 tokens of input, up to 16,000, more. */
unsigned health_size(int64_t input_tokens);
/*
 * The p50 and p90 that planning reads, of requests of this size: a load each, up to 7 samples old.
 * Where this size has too few samples, the next smaller size that has enough speaks for it, else
 * the next larger one. -1: none has 20 samples of late.
 */
struct health_latency {
    int64_t p50_ms;
    int64_t p90_ms;
};
struct health_latency health_latency(const struct target_health *health, bool first_byte,
                                     int64_t input_tokens, int64_t now_ns);
/* What a former process measured, by bucket, as if it had come now. */
void health_seed(struct target_health *health, bool first_byte, unsigned size,
                 const uint32_t counts[HEALTH_LATENCY_BUCKETS], int64_t now_ns);
/* The bucket of a duration: a quarter octave each. */
unsigned health_bucket(int64_t ms);
/* Output tokens per second after the first byte, in thousandths; -1 until there is data. */
int64_t health_throughput_milli(const struct target_health *health);

#endif
