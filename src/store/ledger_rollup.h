/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums per hour and word, collected in memory during a batch and added to the database at its end:
 * a batch of thousands of calls costs some dozen rows. The dimensions are enum report_by; their
 * numbers are in the database. REPORT_DAY has one row for each hour, with the empty word.
 */
#ifndef SLUICE_STORE_LEDGER_ROLLUP_H
#define SLUICE_STORE_LEDGER_ROLLUP_H

#include "store/database.h"
#include "store/ledger_note.h"
#include "store/report.h"

struct sums {
    int64_t hour; /* since 1970 */
    int64_t calls;
    int64_t failed;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_nd;
    int64_t baseline_nd;
    int64_t estimated;
};

struct rollup {
    int64_t name;
    uint32_t dimension;
    bool used;
    struct sums sums;
};

struct rollups {
    struct rollup *slots; /* open addressing */
    size_t cap;           /* power of two or 0 */
    size_t count;
};

void rollups_init(struct rollups *rollups);
void rollups_release(struct rollups *rollups);
void rollups_clear(struct rollups *rollups);
/* Adds to those of the word, in the hour of `sums`; false when out of memory. */
MUST_USE bool rollups_add(struct rollups *rollups, enum report_by dimension, int64_t name,
                          const struct sums *sums);
static inline void sums_add(struct sums *to, const struct sums *sums)
{
    to->calls += sums->calls;
    to->failed += sums->failed;
    to->input_tokens += sums->input_tokens;
    to->output_tokens += sums->output_tokens;
    to->cost_nd += sums->cost_nd;
    to->baseline_nd += sums->baseline_nd;
    to->estimated += sums->estimated;
}
/* The SQL that rollups_write() wants prepared. */
extern const char rollups_sql[];
/* Adds all sums to the database, inside the caller's transaction, and clears them. */
MUST_USE bool rollups_write(struct rollups *rollups, sqlite3_stmt *upsert,
                            struct ledger_note *note);

#endif
