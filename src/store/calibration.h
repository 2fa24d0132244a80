/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well forecasts were, from the ledger's sums (ledger_tally.h): its cost does not grow with the
 * number of calls. Read-only connections of the caller's thread, never on an event loop; errors and
 * deadline as in report.h. Of this node's own calls, in a cluster too.
 */
#ifndef SLUICE_STORE_CALIBRATION_H
#define SLUICE_STORE_CALIBRATION_H

#include "store/record.h"

#include "base/error.h"

/* Errors are of actual / expected - 1, in thousandths; CALIBRATION_UNKNOWN: nothing to compare. */
#define CALIBRATION_UNKNOWN INT64_MIN
struct calibration_row {
    char target[128];
    char task[32];        /* its identifier; empty: all tasks of the target */
    int64_t attempts;     /* answered, with a forecast and usage that was reported */
    int64_t within;       /* of them, those whose output was not above the 90th percentile */
    int64_t output_error; /* median of the absolute error */
    int64_t output_bias;  /* expected / actual - 1 of the sums: more than 0 is too much */
    int64_t input_bias;
    int64_t cost_error;
    int64_t cost_bias;
    int64_t latencies; /* attempts whose latency was expected */
    int64_t latency_error;
    int64_t latency_bias;
};

struct calibration {
    struct calibration_row *rows; /* by target, then task; the target's own row first */
    size_t count;
    struct calibration_row total;
};
#define CALIBRATION_ROWS_MAX 10000
/* Since the day of since_s. Free with calibration_release(). */
MUST_USE bool calibration_make(const char *path, int64_t since_s, struct calibration *ret_report,
                               struct error *error);
void calibration_release(struct calibration *report);

/* What a day taught of one target: for seeding what planning knows. */
struct learned_sums {
    int64_t count;
    int64_t sum;     /* of logarithms in thousandths */
    int64_t squares; /* of them */
};
struct learned_task {
    struct slice target; /* valid during the call */
    enum task task;
    struct learned_sums output;
    struct learned_sums input;
    struct learned_sums thinking[2]; /* [1]: where the request asked for it */
};
struct learned_times {
    struct slice target;
    unsigned size;
    uint32_t first_byte[FORECAST_BUCKETS];
    uint32_t total[FORECAST_BUCKETS];
};
struct learned_visitor {
    void (*task)(void *user, const struct learned_task *learned);
    void (*times)(void *user, const struct learned_times *learned);
    void *user;
};
/* Of the last CALIBRATION_SEED_DAYS, the oldest day first; of durations only the last two. */
#define CALIBRATION_SEED_DAYS 30
MUST_USE bool calibration_learned(const char *path, int64_t now_s,
                                  const struct learned_visitor *visitor, struct error *error);

#endif
