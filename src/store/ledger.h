/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: a journal, and one writer thread that moves it into SQLite (WAL) in batches: one compact row per attempt and
 * per call, rollups per dimension in the same transaction, and the journal position with them, so that each record is applied
 * exactly once whatever is killed when. Database locked, full, slow or gone: the journal carries on and the writer tries
 * again; nothing is lost. After a crash, holds without a settle become attempts of outcome `interrupted` that cost their hold.
 */
#ifndef SLUICE_STORE_LEDGER_H
#define SLUICE_STORE_LEDGER_H

#include "store/journal.h"

struct ledger;

struct ledger_options {
    const char *path;            /* of the database, e.g. "sluice.db"; the journal is the directory PATH-journal.d beside it */
    struct journal_options journal; /* directory NULL: derived from path */
    uint64_t batch_ms;           /* a batch is committed at least that often: 200 */
    size_t batch_records;        /* or when it holds that many: 8192 */
    void (*on_keys_changed)(void *user); /* another process changed the keys (writer thread); may be NULL */
    void *user;
};

/* Opens the database (creates it 0600, migrates the schema), replays the journal, settles what a crash left, starts the writer. */
MUST_USE struct ledger *ledger_open(const struct ledger_options *options, struct error *error);
/* Drains the journal into the database (at most `ms`), joins the writer. */
void ledger_close(struct ledger *ledger, uint64_t ms);
struct journal *ledger_journal(struct ledger *ledger);
/* Waits until everything appended before the call is in the database; false after `ms`. */
MUST_USE bool ledger_flush(struct ledger *ledger, uint64_t ms);

struct ledger_stats {
    uint64_t rows;           /* committed by this process */
    uint64_t commits;
    uint64_t last_commit_us; /* duration */
    uint64_t lag_ms;         /* age of the oldest record that is not committed */
    uint64_t errors;
    bool healthy;            /* the last commit worked */
    char last_error[160];
};
void ledger_stats(struct ledger *ledger, struct ledger_stats *ret_stats);

/* Checks the invariants on the database at `path`: rollups = sums, each attempt exactly one settle, calls = sum of their
   attempts. False: *error names the first violation. */
MUST_USE bool ledger_verify(const char *path, struct error *error);

#endif
