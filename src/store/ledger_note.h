/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch of the writer added, for a cluster: a row of the table `ship`, in the batch's own
 * transaction, that the shipper (ledger_ship.h) brings to PostgreSQL and drops later. Calls are
 * named (their rows, with their attempts, are read when they are shipped), sums are increments.
 * What a key may see of its own (key_rollups) stays here. Switched off it costs nothing. One
 * thread.
 */
#ifndef SLUICE_STORE_LEDGER_NOTE_H
#define SLUICE_STORE_LEDGER_NOTE_H

#include "base/buf.h"
#include "base/id.h"
#include "store/database.h"

/* Numbers of 64 bits in the machine's order: the file stays on its machine's kind. */
#define NOTE_SUMS 13                        /* those of struct sums */
#define NOTE_SUMS_BEFORE 7                  /* those of batches of before version 10 */
#define NOTE_ROLLUP_NUMBERS (3 + NOTE_SUMS) /* dimension, hour, name, then the sums */
#define NOTE_SPEND_NUMBERS 5                /* kind, scope, model, bucket_s, cost_nd */

struct ledger_note {
    bool on;
    struct buf calls; /* struct id */
    struct buf rollups;
    struct buf spends;
};

/* Off. */
void note_init(struct ledger_note *note);
void note_release(struct ledger_note *note);
void note_clear(struct ledger_note *note);
/* When it is off these do nothing. */
void note_call(struct ledger_note *note, const struct id *call);
void note_rollup(struct ledger_note *note, const int64_t numbers[NOTE_ROLLUP_NUMBERS]);
void note_spend(struct ledger_note *note, const int64_t numbers[NOTE_SPEND_NUMBERS]);
/* Writes the row, if there is anything to say, and clears. `insert` is note_sql. */
extern const char note_sql[];
MUST_USE bool note_write(struct ledger_note *note, sqlite3_stmt *insert);

/* Is what this database adds noted? Once it was, it always is, until it leaves the cluster. */
MUST_USE bool note_is_on(sqlite3 *db, bool *ret_on);
/* From now on, beginning with all that is there already. One transaction. */
MUST_USE bool note_begin(sqlite3 *db);
/* Where PostgreSQL has nothing of this node and the first batches are gone here: all once more. */
MUST_USE bool note_again(sqlite3 *db);

#endif
