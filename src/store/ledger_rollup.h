/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums per hour (and per day, UTC) and word, collected in memory during a batch and added to the
 * database at its end: a batch of thousands of calls costs some dozen rows. The dimensions are enum
 * report_by; their numbers are in the database. REPORT_DAY has one row for each hour, with the
 * empty word; what belongs to no user, team, organisation or tag has no row there. What a key may
 * see of itself is kept apart, by day and by model.
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
    /* Of the cost: what no answer cost (report.h). */
    int64_t failed_nd;
    int64_t judge_nd;
    int64_t shadow_nd;
    int64_t escalation_nd;
    int64_t told_nd;      /* what providers said that they charge, where there is a price, too, */
    int64_t catalogue_nd; /* and what that says */
};

struct rollup {
    int64_t key; /* 0: of all; else of this key only */
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
/* To those of the key's own calls; there are none of no key. */
MUST_USE bool rollups_add_key(struct rollups *rollups, int64_t key, enum report_by dimension,
                              int64_t name, const struct sums *sums);
static inline void sums_add(struct sums *to, const struct sums *sums)
{
    to->calls += sums->calls;
    to->failed += sums->failed;
    to->input_tokens += sums->input_tokens;
    to->output_tokens += sums->output_tokens;
    to->cost_nd += sums->cost_nd;
    to->baseline_nd += sums->baseline_nd;
    to->estimated += sums->estimated;
    to->failed_nd += sums->failed_nd;
    to->judge_nd += sums->judge_nd;
    to->shadow_nd += sums->shadow_nd;
    to->escalation_nd += sums->escalation_nd;
    to->told_nd += sums->told_nd;
    to->catalogue_nd += sums->catalogue_nd;
}
#define ROLLUP_DAY_HOURS 24
/* The SQL of rollups_write(), and the same prepared. */
extern const char rollups_sql[];
extern const char day_rollups_sql[];
extern const char key_rollups_sql[];
struct rollup_upserts {
    sqlite3_stmt *hours;
    sqlite3_stmt *days;
    sqlite3_stmt *of_keys;
};
/* Adds all sums to the database, inside the caller's transaction, and clears them. */
MUST_USE bool rollups_write(struct rollups *rollups, const struct rollup_upserts *upserts,
                            struct ledger_note *note);

#endif
