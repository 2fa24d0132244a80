/* SPDX-License-Identifier: Apache-2.0 */
#include "route/health.h"

#include "base/clock.h"
#include "tests/tap.h"

#include <pthread.h>

static struct target_health health;
static int64_t now_ns;

static void reset(void)
{
    health_init(&health);
    now_ns = 1000 * NS_PER_S;
}

static void record(enum health_outcome outcome, int64_t retry_after_ms)
{
    struct health_sample sample = {.outcome = outcome,
                                   .now_ns = now_ns,
                                   .retry_after_ms = retry_after_ms,
                                   .first_byte_ms = -1,
                                   .total_ms = -1};
    health_begin(&health);
    health_record(&health, &sample);
}

static void latency(int64_t first_ms, int64_t total_ms)
{
    struct health_sample sample = {
        .outcome = HEALTH_OK, .now_ns = now_ns, .first_byte_ms = first_ms, .total_ms = total_ms};
    health_begin(&health);
    health_record(&health, &sample);
}

static void fail_until_open(void)
{
    for (int i = 0; i < HEALTH_FAILURES_TO_OPEN; i++) {
        record(HEALTH_FAILED, 0);
    }
}

static bool wins_probe(void)
{
    bool probe = false;
    return health_try(&health, now_ns, &probe) && probe;
}

static void opens_after_three_failures_in_a_row(void)
{
    reset();
    record(HEALTH_FAILED, 0);
    record(HEALTH_FAILED, 0);
    EXPECT(health_alive(&health, now_ns));
    record(HEALTH_OK, 0);
    record(HEALTH_FAILED, 0);
    record(HEALTH_FAILED, 0);
    EXPECT(health_alive(&health, now_ns));
    record(HEALTH_FAILED, 0);
    EXPECT(!health_alive(&health, now_ns));
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 1000);
}

static void a_request_of_its_own_fault_is_no_failure(void)
{
    reset();
    record(HEALTH_FAILED, 0);
    record(HEALTH_FAILED, 0);
    record(HEALTH_REJECTED, 0);
    record(HEALTH_FAILED, 0);
    record(HEALTH_FAILED, 0);
    EXPECT(health_alive(&health, now_ns));
    record(HEALTH_CANCELLED, 0);
    record(HEALTH_FAILED, 0);
    EXPECT(!health_alive(&health, now_ns));
}

static void overload_and_fatal_open_at_once(void)
{
    reset();
    record(HEALTH_OVERLOADED, 0);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 1000);
    reset();
    record(HEALTH_FATAL, 0);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), HEALTH_BACKOFF_MAX_MS);
}

static void retry_after_is_honoured_and_cut(void)
{
    reset();
    record(HEALTH_OVERLOADED, 7000);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 7000);
    reset();
    record(HEALTH_OVERLOADED, 86400000);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), HEALTH_RETRY_AFTER_MAX_MS);
    reset();
    record(HEALTH_OVERLOADED, INT64_MAX);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), HEALTH_RETRY_AFTER_MAX_MS);
}

static void the_back_off_doubles_up_to_a_minute(void)
{
    static const int64_t expected[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    reset();
    fail_until_open();
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        EXPECT_INT(health_retry_in_ms(&health, now_ns), expected[i]);
        now_ns += expected[i] * NS_PER_MS;
        EXPECT(wins_probe());
        record(HEALTH_FAILED, 0);
    }
    now_ns += HEALTH_BACKOFF_MAX_MS * NS_PER_MS;
    EXPECT(wins_probe());
    record(HEALTH_OK, 0);
    EXPECT(health_alive(&health, now_ns));
    fail_until_open();
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 1000);
}

static void one_probe_at_a_time(void)
{
    bool probe = true;
    reset();
    EXPECT(health_try(&health, now_ns, &probe) && !probe);
    fail_until_open();
    EXPECT(!health_try(&health, now_ns, &probe));
    now_ns += NS_PER_S;
    EXPECT(health_alive(&health, now_ns));
    EXPECT(wins_probe());
    EXPECT(!health_try(&health, now_ns, &probe));
    EXPECT(!health_alive(&health, now_ns));
    now_ns += 30 * NS_PER_S;
    EXPECT(!health_try(&health, now_ns, &probe));
}

static void a_lost_probe_does_not_block_for_ever(void)
{
    reset();
    fail_until_open();
    now_ns += NS_PER_S;
    EXPECT(wins_probe());
    now_ns += HEALTH_PROBE_LEASE_MS * NS_PER_MS;
    EXPECT(wins_probe());
}

static void a_cancelled_probe_is_soon_repeated(void)
{
    reset();
    fail_until_open();
    now_ns += NS_PER_S;
    EXPECT(wins_probe());
    record(HEALTH_CANCELLED, 0);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), HEALTH_BACKOFF_MIN_MS);
}

static void older_requests_change_nothing_while_open(void)
{
    reset();
    fail_until_open();
    for (int i = 0; i < 50; i++) {
        record(HEALTH_FAILED, 0);
    }
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 1000);
    record(HEALTH_OK, 0);
    EXPECT(!health_alive(&health, now_ns));
    record(HEALTH_OVERLOADED, 5000);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 5000);
    record(HEALTH_OVERLOADED, 2000);
    EXPECT_INT(health_retry_in_ms(&health, now_ns), 5000);
}

static void counts_requests_tokens_and_money(void)
{
    struct health_sample sample = {.outcome = HEALTH_OK,
                                   .now_ns = now_ns,
                                   .first_byte_ms = 10,
                                   .total_ms = 20,
                                   .input_tokens = 100,
                                   .output_tokens = 7,
                                   .cost_nd = 1234};
    reset();
    health_begin(&health);
    health_begin(&health);
    EXPECT_INT(atomic_load(&health.in_flight), 2);
    health_record(&health, &sample);
    sample.outcome = HEALTH_FAILED;
    health_record(&health, &sample);
    EXPECT_INT(atomic_load(&health.in_flight), 0);
    EXPECT_INT(atomic_load(&health.requests), 2);
    EXPECT_INT(atomic_load(&health.failures), 1);
    EXPECT_INT(atomic_load(&health.input_tokens), 200);
    EXPECT_INT(atomic_load(&health.output_tokens), 14);
    EXPECT_INT(atomic_load(&health.cost_nd), 2468);
}

static void few_samples_say_nothing(void)
{
    reset();
    for (int i = 0; i < HEALTH_SAMPLES_MIN - 1; i++) {
        latency(100, 200);
    }
    EXPECT_INT(health_first_byte_ms(&health, 50), -1);
    EXPECT_INT(health_latency(&health, true, 100, now_ns).p50_ms, -1);
    latency(100, 200);
    EXPECT(health_first_byte_ms(&health, 50) > 0);
    EXPECT(health_latency(&health, true, 100, now_ns).p90_ms > 0);
}

/* Within a quarter octave: a factor of 1.19 either way. */
static void expect_near(int64_t actual, int64_t wanted)
{
    EXPECT(actual * 10000 >= wanted * 8409 - 10000 && actual * 10000 <= wanted * 11893 + 10000);
    if (tap_point_failed) {
        printf("# %lld is not near %lld\n", (long long)actual, (long long)wanted);
    }
}

static void percentiles_are_within_a_quarter_octave(void)
{
    static const int64_t values[] = {1,  2,   3,   5,    9,    17,    40,
                                     99, 250, 777, 1500, 4100, 30000, 200000};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        reset();
        for (int j = 0; j < 100; j++) {
            latency(values[i], values[i] * 2);
        }
        expect_near(health_first_byte_ms(&health, 50), values[i]);
        expect_near(health_first_byte_ms(&health, 90), values[i]);
        expect_near(health_latency(&health, true, 100, now_ns).p90_ms, values[i]);
    }
}

static void percentiles_rise(void)
{
    reset();
    for (int i = 1; i <= 1000; i++) {
        latency(i, 10 * i);
    }
    expect_near(health_first_byte_ms(&health, 50), 500);
    expect_near(health_first_byte_ms(&health, 90), 900);
    expect_near(health_total_ms(&health, 99), 9900);
    int64_t before = 0;
    for (int percentile = 0; percentile <= 100; percentile += 5) {
        int64_t here = health_first_byte_ms(&health, percentile);
        EXPECT(here >= before);
        before = here;
    }
}

static void what_was_long_ago_fades(void)
{
    reset();
    for (int i = 0; i < 1500; i++) {
        latency(5000, 5000);
    }
    for (int i = 0; i < 3000; i++) {
        latency(50, 50);
    }
    expect_near(health_first_byte_ms(&health, 50), 50);
    EXPECT(health_first_byte_ms(&health, 75) < 100);
}

static void sized(int64_t input_tokens, int64_t first_ms)
{
    struct health_sample sample = {.outcome = HEALTH_OK,
                                   .now_ns = now_ns,
                                   .first_byte_ms = first_ms,
                                   .total_ms = 2 * first_ms,
                                   .input_tokens = input_tokens};
    health_begin(&health);
    health_record(&health, &sample);
}

static void latency_goes_by_the_size_of_the_input(void)
{
    reset();
    for (int i = 0; i < 50; i++) {
        sized(500, 100);
        sized(100000, 4000);
    }
    expect_near(health_latency(&health, true, 500, now_ns).p90_ms, 100);
    expect_near(health_latency(&health, true, 100000, now_ns).p90_ms, 4000);
    expect_near(health_latency(&health, false, 100000, now_ns).p50_ms, 8000);
    /* nothing between was measured: the smaller size speaks */
    expect_near(health_latency(&health, true, 8000, now_ns).p90_ms, 100);
    for (int i = 0; i < HEALTH_SAMPLES_MIN; i++) {
        sized(8000, 900);
    }
    expect_near(health_latency(&health, true, 8000, now_ns).p90_ms, 900);
    expect_near(health_first_byte_ms(&health, 100), 4000);
}

static void an_hour_without_a_sample_is_no_data(void)
{
    reset();
    for (int i = 0; i < 200; i++) {
        sized(500, 3000);
    }
    now_ns += HEALTH_STALE_NS;
    expect_near(health_latency(&health, true, 500, now_ns).p90_ms, 3000);
    now_ns += 1;
    EXPECT_INT(health_latency(&health, true, 500, now_ns).p90_ms, -1);
    /* and what comes then is not mixed with what was */
    for (int i = 0; i < HEALTH_SAMPLES_MIN; i++) {
        EXPECT_INT(health_latency(&health, true, 500, now_ns).p90_ms, -1);
        sized(500, 50);
    }
    expect_near(health_latency(&health, true, 500, now_ns).p90_ms, 50);
}

static void time_halves_what_many_samples_said(void)
{
    reset();
    for (int i = 0; i < 400; i++) {
        sized(500, 3000);
    }
    for (int i = 0; i < 6; i++) {
        now_ns += HEALTH_HALF_LIFE_NS;
        sized(500, 3000);
    }
    for (int i = 0; i < 400; i++) { /* of 400 old ones some 60 are left */
        sized(500, 50);
    }
    expect_near(health_latency(&health, true, 500, now_ns).p50_ms, 50);
    EXPECT(health_first_byte_ms(&health, 80) < 100);
}

static void a_seed_speaks_at_once(void)
{
    uint32_t counts[HEALTH_LATENCY_BUCKETS] = {0};
    reset();
    counts[health_bucket(700)] = 1000000;
    health_seed(&health, true, health_size(500), counts, now_ns);
    expect_near(health_latency(&health, true, 500, now_ns).p90_ms, 700);
    EXPECT_INT(health_latency(&health, false, 500, now_ns).p90_ms, -1);
    for (int i = 0; i < 5000; i++) { /* it does not outweigh what is seen */
        sized(500, 20);
    }
    expect_near(health_latency(&health, true, 500, now_ns).p90_ms, 20);
}

static void failures_have_no_latency(void)
{
    reset();
    for (int i = 0; i < 100; i++) {
        struct health_sample sample = {
            .outcome = HEALTH_FAILED, .now_ns = now_ns, .first_byte_ms = 9000, .total_ms = 9000};
        health_begin(&health);
        health_record(&health, &sample);
    }
    EXPECT_INT(health_first_byte_ms(&health, 50), -1);
}

static void throughput_is_output_over_time_after_the_first_byte(void)
{
    reset();
    EXPECT_INT(health_throughput_milli(&health), -1);
    for (int i = 0; i < 100; i++) {
        struct health_sample sample = {.outcome = HEALTH_OK,
                                       .now_ns = now_ns,
                                       .first_byte_ms = 100,
                                       .total_ms = 2100,
                                       .output_tokens = 100};
        health_begin(&health);
        health_record(&health, &sample);
    }
    int64_t milli = health_throughput_milli(&health);
    EXPECT(milli > 40000 && milli < 62000);
}

#define THREADS 4
#define ROUNDS 20000

static void *hammer(void *argument)
{
    int64_t *probes = argument;
    for (int64_t i = 0; i < ROUNDS; i++) {
        bool probe = false;
        int64_t now = NS_PER_S + i * NS_PER_MS;
        if (!health_try(&health, now, &probe)) {
            continue;
        }
        *probes += probe;
        struct health_sample sample = {.outcome = (enum health_outcome)(i % 7 == 0),
                                       .now_ns = now,
                                       .first_byte_ms = i % 300,
                                       .total_ms = i % 900,
                                       .output_tokens = 1};
        health_begin(&health);
        health_record(&health, &sample);
        (void)health_alive(&health, now);
        (void)health_first_byte_ms(&health, 90);
    }
    return NULL;
}

static void threads_lose_no_count(void)
{
    pthread_t threads[THREADS];
    int64_t probes[THREADS] = {0};
    reset();
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, hammer, &probes[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT_INT(atomic_load(&health.in_flight), 0);
    EXPECT(atomic_load(&health.requests) > 0);
    EXPECT(atomic_load(&health.failures) <= atomic_load(&health.requests));
    EXPECT(atomic_load(&health.output_tokens) == atomic_load(&health.requests));
    EXPECT(health_first_byte_ms(&health, 50) <= 360);
}

static void *race_for_probe(void *argument)
{
    *(bool *)argument = wins_probe();
    return NULL;
}

static void one_of_many_threads_wins_the_probe(void)
{
    for (int round = 0; round < 200; round++) {
        pthread_t threads[THREADS];
        bool won[THREADS] = {false};
        reset();
        fail_until_open();
        now_ns += NS_PER_S;
        for (int i = 0; i < THREADS; i++) {
            EXPECT(pthread_create(&threads[i], NULL, race_for_probe, &won[i]) == 0);
        }
        int winners = 0;
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            winners += won[i];
        }
        EXPECT_INT(winners, 1);
    }
}

int main(void)
{
    TEST(opens_after_three_failures_in_a_row, "three failures in a row open the breaker");
    TEST(a_request_of_its_own_fault_is_no_failure, "a rejected request shows that a target lives");
    TEST(overload_and_fatal_open_at_once, "overload and refused credentials open at once");
    TEST(retry_after_is_honoured_and_cut, "Retry-After is honoured up to ten minutes");
    TEST(the_back_off_doubles_up_to_a_minute,
         "the back-off doubles up to a minute and starts anew");
    TEST(one_probe_at_a_time, "one probe at a time");
    TEST(a_lost_probe_does_not_block_for_ever, "a probe that never reports is replaced");
    TEST(a_cancelled_probe_is_soon_repeated, "a probe whose client left is soon repeated");
    TEST(older_requests_change_nothing_while_open, "older requests change nothing while open");
    TEST(counts_requests_tokens_and_money, "requests, tokens and money are counted");
    TEST(few_samples_say_nothing, "few samples say nothing");
    TEST(percentiles_are_within_a_quarter_octave, "percentiles are within a quarter octave");
    TEST(percentiles_rise, "percentiles rise with their rank");
    TEST(what_was_long_ago_fades, "what was long ago fades");
    TEST(latency_goes_by_the_size_of_the_input, "latency goes by the size of the input");
    TEST(an_hour_without_a_sample_is_no_data, "an hour without a sample is no data");
    TEST(time_halves_what_many_samples_said, "time fades what many samples said");
    TEST(a_seed_speaks_at_once, "what a former process measured speaks at once");
    TEST(failures_have_no_latency, "failures have no latency");
    TEST(throughput_is_output_over_time_after_the_first_byte, "throughput is tokens per second");
    TEST(threads_lose_no_count, "threads lose no count");
    TEST(one_of_many_threads_wins_the_probe, "one of many threads wins the probe");
    return tap_done();
}
