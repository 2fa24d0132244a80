/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: a journal, and one writer thread that moves it into SQLite (WAL) in batches: one
 * compact row per call, one more per attempt where a call has several, rollups per dimension in the
 * same transaction, and the journal position with them, so that each record is applied exactly once
 * whatever is killed when.
 * Database locked, full, slow or gone: the journal carries on and the writer tries again; nothing
 * is lost. After a crash, holds without a settle become attempts of outcome `interrupted` that cost
 * their hold, and their calls are closed with status 0 and the error "interrupted".
 */
#ifndef SLUICE_STORE_LEDGER_H
#define SLUICE_STORE_LEDGER_H

#include "store/journal.h"
#include "store/ledger_evidence.h"

struct ledger;

enum ledger_sync {
    LEDGER_SYNC_FULL,   /* a batch is on the disk before its journal segment may be reused */
    LEDGER_SYNC_NORMAL, /* the last batches may be lost with the power (not with the process) */
};

struct sqlite3;

/*
 * What else lives in the same database and may lose its last moments: asked on the writer's thread
 * between two batches, LEDGER_KEEP_MS apart, and when the ledger closes. All of it by one thread at
 * a time.
 */
#define LEDGER_KEEPERS_MAX 8
#define LEDGER_KEEP_MS 500
struct ledger_keeper {
    bool (*changed)(void *user); /* is there anything to write? */
    /* In a transaction of its own; some of what there is, if that is much: it is asked again.
     * False: it is rolled back. */
    bool (*write)(void *user, struct sqlite3 *db, int64_t wall_ns);
    void (*written)(void *user, bool committed); /* after each write */
    void *user;
};

struct ledger_options {
    const char *path;               /* of the database, e.g. "sluice.db" */
    struct journal_options journal; /* directory NULL: PATH-journal.d; resume is filled in here */
    uint64_t batch_ms;              /* a batch is committed at least that often, with many
                                       records half as often; 0: 200 */
    size_t batch_records;           /* or when it holds that many; 0: 8192 */
    enum ledger_sync sync;
    int64_t retention_ms; /* calls that began longer ago are removed (sums stay); 0: never. By
                             ledger_clock_known(): a clock that jumps makes nothing old */
    int64_t doubt_ms;     /* for so long the clock is not believed; 0: see clock_doubt_ns() */
    bool ships;           /* this node belongs to a cluster: what is added is noted for the shipper
                             (ledger_note.h), and retention waits for it */
    const struct ledger_keeper *keepers; /* copied */
    size_t keeper_count;                 /* at most LEDGER_KEEPERS_MAX */
    void (*on_keys_changed)(void *user); /* another process or thread changed the keys (called on
                                            the writer thread); may be NULL */
    /* What evidence a batch added, once it is committed; on the writer thread; may be NULL. What
     * was replayed while it opened is not told: ledger_evidence_read() has it. */
    void (*on_evidence)(void *user, const struct evidence_change *changes, size_t count);
    /* A batch added overruns (ledger_overrun.h); likewise. */
    void (*on_overruns)(void *user);
    void *user;
};

/*
 * Opens the database (creates it 0600, migrates the schema), replays the journal, settles what a
 * crash left, starts the writer. Errors: "ledger_corrupt", "ledger_foreign" (another program's
 * file), "ledger_newer", "ledger_locked", "ledger_full", "ledger_io", those of journal_open(). A
 * database that cannot be read is never replaced.
 */
MUST_USE struct ledger *ledger_open(const struct ledger_options *options, struct error *error);
/* Drains the journal into the database (at most `ms`), joins the writer. NULL-safe. */
void ledger_close(struct ledger *ledger, uint64_t ms);
struct journal *ledger_journal(struct ledger *ledger);
/* Waits until everything appended before the call is in the database; false after `ms`. */
MUST_USE bool ledger_flush(struct ledger *ledger, uint64_t ms);

struct ledger_stats {
    uint64_t rows; /* calls and attempts committed by this process */
    uint64_t commits;
    uint64_t last_commit_us; /* duration of the last batch, from its first record */
    uint64_t lag_ms;         /* age of the oldest record that is not committed */
    uint64_t errors;         /* batches that failed (and are tried again) */
    uint64_t anomalies;      /* records that broke the rules of record.h: kept, logged, counted */
    uint64_t interrupted;    /* calls that were closed for a former process at the start */
    uint64_t open_calls;     /* with a hold or a settle, not yet closed, as of the last batch */
    uint64_t cpu_user_us;    /* of the writer thread */
    uint64_t cpu_system_us;
    bool healthy; /* the last batch worked */
    char last_error[160];
};
void ledger_stats(struct ledger *ledger, struct ledger_stats *ret_stats);

/*
 * Checks the invariants on the database at `path` (read only, also while it is written): the file
 * is sound, every call = the sum of its attempts, every attempt settled exactly once and owned by a
 * call, rollups = sums, names known. False: *error names the first violation ("ledger_violation")
 * or why the check could not be made.
 */
MUST_USE bool ledger_verify(const char *path, struct error *error);

#endif
