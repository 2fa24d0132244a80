/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breaker and the latencies of a target. The one hard idea: `retry_at_ns` is both the state and
 * the election. 0 means closed. Anything else means open until then; who moves it forward by
 * compare-and-swap once it is due has won the probe, and the new value is a lease, so a probe that
 * never reports does not block the target for good. Every access is relaxed: each variable stands
 * for itself, and a moment's disagreement between two of them costs one request at most.
 *
 * Percentiles come from histograms of a quarter octave, halved whenever one holds
 * HISTOGRAM_HALVE_AT samples or its half-life is over (as long as enough are left to speak), so
 * what was long ago fades.
 */
#include "route/health.h"

#include "base/clock.h"

#include <stddef.h>

#define HISTOGRAM_HALVE_AT 1024u
#define HISTOGRAM_FADE_FROM 64u /* fewer are not halved by time alone */
#define PUBLISH_ALWAYS 64u
#define PUBLISH_EVERY 8u
#define BACKOFF_DOUBLINGS_MAX 6u /* 1 s doubled so often is beyond the longest back-off */

#define GET(member) atomic_load_explicit(&(member), memory_order_relaxed)
#define SET(member, value) atomic_store_explicit(&(member), (value), memory_order_relaxed)
#define ADD(member, value) atomic_fetch_add_explicit(&(member), (value), memory_order_relaxed)

static void times_init(struct health_times *times)
{
    atomic_init(&times->count, 0);
    atomic_init(&times->last_ns, 0);
    atomic_init(&times->faded_ns, 0);
    atomic_init(&times->ms[0], -1);
    atomic_init(&times->ms[1], -1);
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
        atomic_init(&times->buckets[i], 0);
    }
}

void health_note_lack(struct target_health *health, uint32_t capabilities, int64_t now_ns)
{
    uint32_t old = health_lacks(health, now_ns);
    atomic_store_explicit(&health->lacks_until_ns, now_ns + HEALTH_LACKS_NS, memory_order_relaxed);
    atomic_store_explicit(&health->lacks, old | capabilities, memory_order_relaxed);
}

void health_forget_lacks(struct target_health *health)
{
    atomic_store_explicit(&health->lacks, 0, memory_order_relaxed);
}

void health_init(struct target_health *health)
{
    atomic_init(&health->switched_off, false);
    atomic_init(&health->consecutive_failures, 0);
    atomic_init(&health->opened, 0);
    atomic_init(&health->retry_at_ns, 0);
    atomic_init(&health->probing, false);
    atomic_init(&health->in_flight, 0);
    atomic_init(&health->requests, 0);
    atomic_init(&health->failures, 0);
    atomic_init(&health->input_tokens, 0);
    atomic_init(&health->output_tokens, 0);
    atomic_init(&health->cost_nd, 0);
    for (size_t i = 0; i < HEALTH_SIZES; i++) {
        times_init(&health->first_byte[i]);
        times_init(&health->total[i]);
    }
}

/* --- breaker --- */

bool health_try(struct target_health *health, int64_t now_ns, bool *ret_probe)
{
    *ret_probe = false;
    int_fast64_t retry_at = GET(health->retry_at_ns);
    if (retry_at == 0) {
        return true;
    }
    if (now_ns < retry_at) {
        return false;
    }
    int_fast64_t lease = now_ns + HEALTH_PROBE_LEASE_MS * NS_PER_MS;
    if (!atomic_compare_exchange_strong_explicit(&health->retry_at_ns, &retry_at, lease,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return false;
    }
    SET(health->probing, true);
    *ret_probe = true;
    return true;
}

bool health_alive(const struct target_health *health, int64_t now_ns)
{
    return health_retry_in_ms(health, now_ns) == 0;
}

int64_t health_retry_in_ms(const struct target_health *health, int64_t now_ns)
{
    int64_t retry_at = GET(health->retry_at_ns);
    if (retry_at == 0 || now_ns >= retry_at) {
        return 0;
    }
    return (retry_at - now_ns + NS_PER_MS - 1) / NS_PER_MS;
}

void health_begin(struct target_health *health)
{
    ADD(health->in_flight, 1);
}

static void breaker_close(struct target_health *health)
{
    SET(health->consecutive_failures, 0);
    SET(health->opened, 0);
    SET(health->probing, false);
    SET(health->retry_at_ns, 0);
}

static int64_t backoff_ms(unsigned opened)
{
    unsigned doublings = opened < BACKOFF_DOUBLINGS_MAX ? opened : BACKOFF_DOUBLINGS_MAX;
    int64_t ms = (int64_t)HEALTH_BACKOFF_MIN_MS << doublings;
    return ms < HEALTH_BACKOFF_MAX_MS ? ms : HEALTH_BACKOFF_MAX_MS;
}

/* 0 is the closed state, so an opening at the clock's very start is moved by a nanosecond. */
static int64_t retry_time(int64_t now_ns, int64_t wait_ms)
{
    int64_t at = now_ns + wait_ms * NS_PER_MS;
    return at == 0 ? 1 : at;
}

static int64_t wait_of(const struct health_sample *sample, unsigned opened)
{
    if (sample->retry_after_ms > 0) {
        return sample->retry_after_ms < HEALTH_RETRY_AFTER_MAX_MS ? sample->retry_after_ms
                                                                  : HEALTH_RETRY_AFTER_MAX_MS;
    }
    return sample->outcome == HEALTH_FATAL ? HEALTH_BACKOFF_MAX_MS : backoff_ms(opened);
}

static void breaker_open(struct target_health *health, const struct health_sample *sample)
{
    unsigned opened = ADD(health->opened, 1);
    SET(health->retry_at_ns, retry_time(sample->now_ns, wait_of(sample, opened)));
    SET(health->probing, false);
}

/* A request that began before the breaker opened has failed as well: that is no news and must not
   double the back-off, but a later Retry-After is heeded. */
static void breaker_extend(struct target_health *health, const struct health_sample *sample)
{
    if (sample->retry_after_ms <= 0) {
        return;
    }
    int_fast64_t wanted = retry_time(sample->now_ns, wait_of(sample, 0));
    int_fast64_t retry_at = GET(health->retry_at_ns);
    while (retry_at != 0 && retry_at < wanted &&
           !atomic_compare_exchange_weak_explicit(&health->retry_at_ns, &retry_at, wanted,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void breaker_failed(struct target_health *health, const struct health_sample *sample)
{
    unsigned failures = ADD(health->consecutive_failures, 1) + 1;
    bool open = GET(health->retry_at_ns) != 0;
    if (open && !GET(health->probing)) {
        breaker_extend(health, sample);
    } else if (open || failures >= HEALTH_FAILURES_TO_OPEN || sample->outcome != HEALTH_FAILED) {
        breaker_open(health, sample);
    }
}

/* The target answers. While it is open only the probe's answer counts: an older request may have
   been answered before the trouble began, and a Retry-After stands. */
static void breaker_answered(struct target_health *health)
{
    if (GET(health->retry_at_ns) == 0) {
        if (GET(health->consecutive_failures) != 0) {
            SET(health->consecutive_failures, 0);
        }
    } else if (GET(health->probing)) {
        breaker_close(health);
    }
}

/* A probe whose client left says nothing: the next one may try soon. */
static void breaker_abandoned(struct target_health *health, int64_t now_ns)
{
    if (GET(health->retry_at_ns) != 0 && GET(health->probing)) {
        SET(health->probing, false);
        SET(health->retry_at_ns, retry_time(now_ns, HEALTH_BACKOFF_MIN_MS));
    }
}

/* --- latency --- */

/* Whole and quarter octaves of `ms`: the thresholds are 2^(1/4), 2^(2/4), 2^(3/4) in 1/65536. */
unsigned health_bucket(int64_t ms)
{
    if (ms < 1) {
        return 0;
    }
    unsigned octave = 63u - (unsigned)__builtin_clzll((unsigned long long)ms);
    uint64_t fraction =
        octave <= 16 ? (uint64_t)ms << (16 - octave) : (uint64_t)ms >> (octave - 16);
    unsigned bucket =
        octave * 4u + (fraction >= 77936) + (fraction >= 92682) + (fraction >= 110218);
    return bucket < HEALTH_LATENCY_BUCKETS ? bucket : HEALTH_LATENCY_BUCKETS - 1;
}

/* Lower bound of a bucket in microseconds. */
static int64_t bucket_floor_us(size_t bucket)
{
    static const int64_t quarter[4] = {1000000, 1189207, 1414214, 1681793};
    return (quarter[bucket % 4] << (bucket / 4)) / 1000;
}

/* Where `rank` of `samples` falls inside a bucket, by equal parts; rounded up to a whole ms, at
 * least 1. */
static int64_t bucket_value_ms(size_t bucket, uint64_t rank, uint64_t samples)
{
    int64_t floor_us = bucket == 0 ? 0 : bucket_floor_us(bucket);
    int64_t width_us = bucket_floor_us(bucket + 1) - floor_us;
    int64_t us = floor_us + width_us * (int64_t)rank / (int64_t)samples;
    int64_t ms = (us + 999) / 1000;
    return ms < 1 ? 1 : ms;
}

static uint64_t rank_of(uint64_t samples, int percentile)
{
    uint64_t share = (uint64_t)(percentile < 0 ? 0 : percentile > 100 ? 100 : percentile);
    uint64_t rank = (samples * share + 99) / 100;
    return rank == 0 ? 1 : rank;
}

static int64_t counts_percentile(const uint32_t *counts, uint64_t samples, int percentile)
{
    if (samples < HEALTH_SAMPLES_MIN) {
        return -1;
    }
    uint64_t rank = rank_of(samples, percentile);
    uint64_t seen = 0;
    size_t last = 0;
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
        uint64_t here = counts[i];
        if (here > 0 && seen + here >= rank) {
            return bucket_value_ms(i, rank - seen, here);
        }
        last = here > 0 ? i : last;
        seen += here;
    }
    /* A writer is between the bucket and the count: the slowest bucket in use is the answer. */
    return bucket_value_ms(last, 1, 1);
}

static uint64_t counts_add(const struct health_times *times, uint32_t *counts)
{
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
        counts[i] += GET(times->buckets[i]);
    }
    return GET(times->count);
}

/* Percentiles are worked out here and not while planning: a plan asks every target, a sample
 * concerns one. As counts_percentile(), both in one pass. */
static void times_publish(struct health_times *times)
{
    uint64_t samples = GET(times->count);
    const uint64_t ranks[2] = {rank_of(samples, 50), rank_of(samples, 90)};
    int64_t ms[2] = {-1, -1};
    unsigned found = samples < HEALTH_SAMPLES_MIN ? 2 : 0;
    uint64_t seen = 0;
    size_t last = 0;
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS && found < 2; i++) {
        uint64_t here = GET(times->buckets[i]);
        for (; found < 2 && here > 0 && seen + here >= ranks[found]; found++) {
            ms[found] = bucket_value_ms(i, ranks[found] - seen, here);
        }
        last = here > 0 ? i : last;
        seen += here;
    }
    for (; found < 2; found++) { /* a writer is between the bucket and the count */
        ms[found] = bucket_value_ms(last, 1, 1);
    }
    SET(times->ms[0], ms[0]);
    SET(times->ms[1], ms[1]);
}

/* Leaves 1 / 2^shift of them; the caller has changed the count. */
static void buckets_shrink(struct health_times *times, unsigned shift)
{
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
        unsigned short here = GET(times->buckets[i]);
        atomic_fetch_sub_explicit(&times->buckets[i],
                                  (unsigned short)(here - (unsigned)(here >> shift)),
                                  memory_order_relaxed);
    }
}

/* Before a sample that comes now: who moves the time forward does it for all. */
static void times_fade(struct health_times *times, int64_t now_ns)
{
    int_fast64_t faded = GET(times->faded_ns);
    unsigned count = GET(times->count);
    bool stale = count > 0 && now_ns - GET(times->last_ns) > HEALTH_STALE_NS;
    if (!stale && (now_ns - faded < HEALTH_HALF_LIFE_NS || count < HISTOGRAM_FADE_FROM)) {
        return;
    }
    if (atomic_compare_exchange_strong_explicit(&times->faded_ns, &faded, now_ns,
                                                memory_order_relaxed, memory_order_relaxed) &&
        atomic_compare_exchange_strong_explicit(&times->count, &count, stale ? 0 : count / 2,
                                                memory_order_relaxed, memory_order_relaxed)) {
        buckets_shrink(times, stale ? 15 : 1);
    }
}

static void times_add(struct health_times *times, int64_t ms, int64_t now_ns)
{
    if (ms < 0) {
        return;
    }
    times_fade(times, now_ns);
    if (GET(times->last_ns) != now_ns) {
        SET(times->last_ns, now_ns);
    }
    ADD(times->buckets[health_bucket(ms)], 1);
    unsigned samples = ADD(times->count, 1) + 1;
    if (samples <= PUBLISH_ALWAYS || samples % PUBLISH_EVERY == 0) {
        times_publish(times);
    }
    if (samples >= HISTOGRAM_HALVE_AT &&
        atomic_compare_exchange_strong_explicit(&times->count, &samples, samples / 2,
                                                memory_order_relaxed, memory_order_relaxed)) {
        buckets_shrink(times, 1);
    }
}

void health_seed(struct target_health *health, bool first_byte, unsigned size,
                 const uint32_t counts[HEALTH_LATENCY_BUCKETS], int64_t now_ns)
{
    struct health_times *times = first_byte ? &health->first_byte[size] : &health->total[size];
    uint64_t all = 0;
    unsigned added = 0;
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS; i++) {
        all += counts[i];
    }
    uint64_t most = all > HISTOGRAM_HALVE_AT / 2 ? HISTOGRAM_HALVE_AT / 2 : all;
    for (size_t i = 0; i < HEALTH_LATENCY_BUCKETS && all > 0; i++) {
        unsigned here = (unsigned)(counts[i] * most / all);
        ADD(times->buckets[i], (unsigned short)here);
        added += here;
    }
    if (added > 0) {
        SET(times->last_ns, now_ns);
        SET(times->faded_ns, now_ns);
        ADD(times->count, added);
        times_publish(times);
    }
}

/* Of all sizes. */
static int64_t times_percentile(const struct health_times *times, int percentile)
{
    uint32_t counts[HEALTH_LATENCY_BUCKETS] = {0};
    uint64_t samples = 0;
    for (size_t i = 0; i < HEALTH_SIZES; i++) {
        samples += counts_add(&times[i], counts);
    }
    return counts_percentile(counts, samples, percentile);
}

int64_t health_first_byte_ms(const struct target_health *health, int percentile)
{
    return times_percentile(health->first_byte, percentile);
}

int64_t health_total_ms(const struct target_health *health, int percentile)
{
    return times_percentile(health->total, percentile);
}

unsigned health_size(int64_t input_tokens)
{
    return (unsigned)(input_tokens > 2000) + (unsigned)(input_tokens > 16000);
}

static inline bool times_speak(const struct health_times *times, int64_t now_ns)
{
    return GET(times->ms[1]) >= 0 && now_ns - GET(times->last_ns) <= HEALTH_STALE_NS;
}

struct health_latency health_latency(const struct target_health *health, bool first_byte,
                                     int64_t input_tokens, int64_t now_ns)
{
    /* own size, then smaller ones, then larger ones */
    static const uint8_t order[HEALTH_SIZES][HEALTH_SIZES] = {{0, 1, 2}, {1, 0, 2}, {2, 1, 0}};
    const struct health_times *times = first_byte ? health->first_byte : health->total;
    const uint8_t *sizes = order[health_size(input_tokens)];
    for (size_t i = 0; i < HEALTH_SIZES; i++) {
        const struct health_times *of_size = &times[sizes[i]];
        if (times_speak(of_size, now_ns)) {
            return (struct health_latency){.p50_ms = GET(of_size->ms[0]),
                                           .p90_ms = GET(of_size->ms[1])};
        }
    }
    return (struct health_latency){.p50_ms = -1, .p90_ms = -1};
}

int64_t health_throughput_milli(const struct target_health *health)
{
    int64_t first = health_first_byte_ms(health, 50);
    int64_t total = health_total_ms(health, 50);
    uint64_t requests = GET(health->requests);
    uint64_t failures = GET(health->failures);
    if (first < 0 || total <= first || requests <= failures) {
        return -1;
    }
    uint64_t tokens = GET(health->output_tokens) / (requests - failures);
    uint64_t ceiling = (uint64_t)INT64_MAX / 1000000;
    return (int64_t)((tokens < ceiling ? tokens : ceiling) * 1000000 / (uint64_t)(total - first));
}

/* --- one request's end --- */

static bool is_failure(enum health_outcome outcome)
{
    return outcome == HEALTH_FAILED || outcome == HEALTH_OVERLOADED || outcome == HEALTH_FATAL;
}

static void counters_add(struct target_health *health, const struct health_sample *sample)
{
    ADD(health->requests, 1);
    if (is_failure(sample->outcome)) {
        ADD(health->failures, 1);
    }
    if (sample->input_tokens > 0) {
        ADD(health->input_tokens, (uint_fast64_t)sample->input_tokens);
    }
    if (sample->output_tokens > 0) {
        ADD(health->output_tokens, (uint_fast64_t)sample->output_tokens);
    }
    if (sample->cost_nd > 0) {
        ADD(health->cost_nd, sample->cost_nd);
    }
}

void health_record(struct target_health *health, const struct health_sample *sample)
{
    ADD(health->in_flight, -1);
    counters_add(health, sample);
    if (sample->outcome == HEALTH_OK) {
        unsigned size = health_size(sample->input_tokens);
        times_add(&health->first_byte[size], sample->first_byte_ms, sample->now_ns);
        times_add(&health->total[size], sample->total_ms, sample->now_ns);
    }
    if (is_failure(sample->outcome)) {
        breaker_failed(health, sample);
    } else if (sample->outcome == HEALTH_CANCELLED) {
        breaker_abandoned(health, sample->now_ns);
    } else {
        breaker_answered(health);
    }
}
