/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums per hour and word, collected in memory during a batch and added to the database at its end:
 * a batch of thousands of calls costs some dozen rows. The dimensions are enum report_by; their
 * numbers are in the database. REPORT_DAY has one row for each hour, with the empty word.
 */
#ifndef SLUICE_STORE_LEDGER_ROLLUP_H
#define SLUICE_STORE_LEDGER_ROLLUP_H

#include "store/database.h"
#include "store/report.h"

struct rollup {
    int64_t hour; /* since 1970 */
    int64_t name;
    uint32_t dimension;
    bool used;
    int64_t calls;
    int64_t failed;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_nd;
    int64_t baseline_nd;
    int64_t estimated;
};

struct rollups {
    struct rollup *slots; /* open addressing */
    size_t cap;           /* power of two or 0 */
    size_t count;
};

void rollups_init(struct rollups *rollups);
void rollups_release(struct rollups *rollups);
void rollups_clear(struct rollups *rollups);
/* The sums to add to; NULL when out of memory. Valid until the next call. */
MUST_USE struct rollup *rollups_at(struct rollups *rollups, enum report_by dimension, int64_t hour,
                                   int64_t name);
/* The SQL that rollups_write() wants prepared. */
extern const char rollups_sql[];
/* Adds all sums to the database, inside the caller's transaction, and clears them. */
MUST_USE bool rollups_write(struct rollups *rollups, sqlite3_stmt *upsert);

#endif
