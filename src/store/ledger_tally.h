/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well forecasts were, and what answers taught, summed up per day, target and task; durations
 * per day, target and size of the input. Collected in memory during a batch and added to the
 * database at its end, so that a report and the next start (calibration.h) read some thousand rows
 * however many calls there were. One row is one blob of counters; what a counter means is enum
 * tally. The numbers are in databases: new ones come at the end.
 */
#ifndef SLUICE_STORE_LEDGER_TALLY_H
#define SLUICE_STORE_LEDGER_TALLY_H

#include "store/database.h"
#include "store/record.h"

/* Buckets of actual / expected: an eighth of an octave each, from 1/16 to 16; the middle one is
 * where both are equal. */
#define TALLY_RATIOS 65

/* Of a task. */
enum tally {
    TALLY_ATTEMPTS,
    TALLY_WITHIN, /* their output was not above the 90th percentile */
    TALLY_OUTPUT_EXPECTED,
    TALLY_OUTPUT,
    TALLY_INPUT_EXPECTED,
    TALLY_INPUT,
    TALLY_COST_EXPECTED,
    TALLY_COST,
    TALLY_LATENCIES, /* attempts whose latency was expected */
    TALLY_LATENCY_EXPECTED,
    TALLY_LATENCY,
    /* What experience is seeded with: count, sum, sum of squares of logarithms in thousandths. */
    TALLY_LOG_OUTPUT,
    TALLY_LOG_INPUT = TALLY_LOG_OUTPUT + 3,
    TALLY_LOG_QUIET = TALLY_LOG_INPUT + 3,    /* thinking where it was not asked for */
    TALLY_LOG_THINKING = TALLY_LOG_QUIET + 3, /* and where it was */
    TALLY_OUTPUT_RATIOS = TALLY_LOG_THINKING + 3,
    TALLY_COST_RATIOS = TALLY_OUTPUT_RATIOS + TALLY_RATIOS,
    TALLY_LATENCY_RATIOS = TALLY_COST_RATIOS + TALLY_RATIOS,
    TALLIES = TALLY_LATENCY_RATIOS + TALLY_RATIOS,
    /* Of a size instead: two histograms. */
    TALLY_FIRST_BYTES = 0,
    TALLY_TOTALS = FORECAST_BUCKETS,
    TALLIES_OF_SIZE = 2 * FORECAST_BUCKETS
};

/* Which row: a task, or TALLY_SIZE and a class of sizes. */
#define TALLY_SIZE 64
_Static_assert((int)TASK_COUNT <= TALLY_SIZE, "tasks come first");

struct tally_row {
    int64_t target; /* number of its name */
    int32_t day;    /* since 1970 */
    int32_t kind;
    bool used;
    int64_t numbers[TALLIES];
};

struct tallies {
    struct tally_row *slots; /* open addressing */
    size_t cap;              /* power of two or 0 */
    size_t count;
};

void tallies_init(struct tallies *tallies);
void tallies_release(struct tallies *tallies);
void tallies_clear(struct tallies *tallies);
/* An attempt that ended well, with a forecast and reported usage. False: out of memory. */
MUST_USE bool tallies_add(struct tallies *tallies, int64_t target,
                          const struct settle_record *settle);
/* The SQL that tallies_write() wants prepared. */
extern const char tallies_find_sql[];
extern const char tallies_set_sql[];
/* Adds all to the database, inside the caller's transaction, and clears them. */
MUST_USE bool tallies_write(struct tallies *tallies, sqlite3_stmt *find, sqlite3_stmt *set);

/* The blob of a row, added to `numbers`. False: it is none. */
MUST_USE bool tally_decode(struct slice bytes, int64_t numbers[TALLIES]);
/* The bucket of actual / expected; both more than 0. */
unsigned tally_ratio(int64_t actual, int64_t expected);

#endif
