/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each scope has spent, per quarter of an hour: where budget.h begins after a start. Collected
 * in memory during a batch, like the rollups, and added to the table `spend` at its end. An
 * attempt counts in the quarter of an hour in which it was held, for its key and for the scopes
 * that the key belonged to then; as a whole and, where a limit named the call's model, for that
 * model too. One thread.
 */
#ifndef SLUICE_STORE_LEDGER_SPEND_H
#define SLUICE_STORE_LEDGER_SPEND_H

#include "base/clock.h"
#include "store/database.h"
#include "store/ledger_note.h"
#include "store/limits.h"

#define SPEND_BUCKET_S 900
/* Rows of days that are over are put together by days, as if it had all been spent when the last
 * of it was, older ones by months and the oldest into one: so a start reads some dozen rows of each
 * scope however many calls there were. Days and months are those of the process's time zone, as
 * periods of caps are. What lies in the span of a rolling cap of the scope is put together by
 * sixtieths of the span (within a day; of the shortest span that has it): after a start it counts
 * for as much longer, never shorter. Nothing of the day on which something was last spent is put
 * together, whatever the clock says.
 *
 * So a row has what was held from its column start_s on until the end of its bucket: both have
 * something in them, and both are what ledger_verify() finds in the calls and in `openings`, which
 * has what there was of calls that were removed. */
#define SPEND_DAYS_KEPT 40
#define SPEND_DAYS_MAX 370

/* The quarter of an hour of a time. */
static inline int64_t spend_bucket(int64_t wall_ns)
{
    int64_t wall_s = wall_ns < 0 ? 0 : wall_ns / NS_PER_S;
    return wall_s - wall_s % SPEND_BUCKET_S;
}

struct spend {
    int64_t scope; /* 0: an empty slot */
    int64_t model; /* a number of `names`; 0: as a whole */
    int64_t bucket_s;
    int64_t cost_nd;
    uint32_t kind; /* enum scope_kind */
};

struct spends {
    struct spend *slots; /* open addressing */
    size_t cap;          /* power of two or 0 */
    size_t count;
};

void spends_init(struct spends *spends);
void spends_release(struct spends *spends);
void spends_clear(struct spends *spends);
/* False when out of memory. */
MUST_USE bool spends_add(struct spends *spends, enum scope_kind kind, int64_t scope, int64_t model,
                         int64_t held_ns, int64_t cost_nd);
/* The SQL that spends_write() wants prepared. */
extern const char spends_sql[];
/* Adds all to the database, inside the caller's transaction, and clears them. */
MUST_USE bool spends_write(struct spends *spends, sqlite3_stmt *upsert, struct ledger_note *note);
/* Puts rows together that no cap needs apart any more, in a transaction of its own. */
MUST_USE bool spends_fold(sqlite3 *db, int64_t wall_s);

#endif
