/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: the one connection that changes calls, attempts, rollups and the position. What it
 * keeps in memory is a cache of the database's committed state plus the batch under way; after any
 * failure all of it is dropped and read again (writer_load), so there is one way to be right.
 */
#ifndef SLUICE_STORE_LEDGER_INTERNAL_H
#define SLUICE_STORE_LEDGER_INTERNAL_H

#include "base/buf.h"
#include "store/ledger.h"
#include "store/ledger_clock.h"
#include "store/ledger_control.h"
#include "store/ledger_evidence.h"
#include "store/ledger_names.h"
#include "store/ledger_note.h"
#include "store/ledger_open_calls.h"
#include "store/ledger_overrun.h"
#include "store/ledger_rollup.h"
#include "store/ledger_rows.h"
#include "store/ledger_schema.h"
#include "store/ledger_shapes.h"
#include "store/ledger_spend.h"
#include "store/ledger_tally.h"

#include <sys/types.h>

#define NS_PER_HOUR (3600 * NS_PER_S)

/* Of call_rows.bits, as the views of ledger_schema.c take them apart. */
enum call_bit {
    CALL_STREAMED = 1,
    CALL_COMPLETE = 2,
    CALL_ESTIMATED = 4,
    CALL_OWN_ATTEMPT = 8, /* the call's only attempt is in its row, with the three that follow */
    CALL_REPORTED = 16,
    CALL_PRICED = 32,
    CALL_TIER_SHIFT = 6,
    CALL_OUTCOME_SHIFT = 9,
    CALL_BASIS_SHIFT = 12,
    CALL_VERDICT_SHIFT = 15, /* VERDICT_BITS, the highest */
};

/* How many columns the rows have; CALL_ROW_OWN_COLUMNS of a call's are its own attempt's. */
#define CALL_ROW_COLUMNS 27
#define CALL_ROW_OWN_COLUMNS 13
#define ATTEMPT_ROW_COLUMNS 40
_Static_assert(CALL_ROW_COLUMNS <= ROW_COLUMNS_MAX && ATTEMPT_ROW_COLUMNS <= ROW_COLUMNS_MAX,
               "there is room");

/* The words of a call and of its own attempt, as they lie in the journal, with their numbers. */
#define WORD_MEMOS 64
#define WORD_MEMO_BYTES 320
struct word_memo {
    uint32_t call_len;
    uint32_t attempt_len;
    char bytes[WORD_MEMO_BYTES];
    int64_t parts[SHAPE_PARTS]; /* those that are words */
};
/* Room for what the rows of calls expect to pay; when it is gone they are written. */
#define EXPECTED_KEPT ((size_t)256 << 10)

enum writer_statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_NAME_FIND,
    SQL_NAME_ADD,
    SQL_NAME_TEXT,
    SQL_CALL_ADD,
    SQL_CALL_FIND,
    SQL_CALL_SPLIT,
    SQL_CALL_EXTEND,
    SQL_SHAPE_ADD,
    SQL_ATTEMPT_ADD,
    SQL_ATTEMPT_LIST,
    SQL_ROLLUP_ADD,
    SQL_DAY_ROLLUP_ADD,
    SQL_KEY_ROLLUP_ADD,
    SQL_SPEND_ADD,
    SQL_CONTROL_ADD,
    SQL_CONTROL_CALL,
    SQL_NOTE_ADD,
    SQL_TALLY_FIND,
    SQL_TALLY_SET,
    SQL_OPEN_ADD,
    SQL_OPEN_REMOVE,
    SQL_OPEN_LIST,
    SQL_HOLD_ADD,
    SQL_HOLD_REMOVE,
    SQL_HOLD_CLEAR,
    SQL_HOLD_LIST,
    SQL_POSITION_GET,
    SQL_POSITION_SET,
    SQL_DATA_VERSION,
    SQL_KEY_CHANGES,
    SQL_KEY_NAME,
    SQL_MENU_FIND,
    SQL_MENU_ADD,
    SQL_OFFER_ADD,
    SQL_RATES_ADD,
    SQL_EVIDENCE_ADD,
    SQL_FEEDBACK_FIND,
    SQL_FEEDBACK_PUT,
    SQL_OVERRUN_ADD,
    SQL_STATEMENTS
};

/* Of the batch under way; told when it is committed. */
struct evidence_changes {
    struct evidence_change *items;
    size_t count;
    size_t cap;
};

struct writer {
    const char *path;
    enum ledger_sync sync;
    sqlite3 *db; /* NULL: to be opened again */
    sqlite3_stmt *sql[SQL_STATEMENTS];
    dev_t device; /* of the file that is open */
    ino_t inode;
    struct names names;
    struct names menus;
    struct word_memo *word_memos;
    struct buf expected; /* of the rows of calls that wait */
    struct open_calls calls_open;
    struct rollups rollups;
    struct spends spends;
    struct controls controls;
    struct tallies tallies;
    struct ledger_note note; /* of the batch under way */
    struct evidence_changes evidence;
    struct shapes shapes;
    struct rows calls;
    struct rows attempts;
    struct sums tasks[TASK_COUNT];    /* of the batch under way */
    int64_t task_names[TASK_COUNT];   /* 0: not asked yet */
    struct journal_position position; /* applied; committed unless a batch is under way */
    struct journal_position open;     /* the same segment: the oldest hold that has no row */
    struct journal_position before;   /* the record under way */
    struct ledger_clock clock;
    bool loaded; /* memory and database agree */
    int64_t data_version;
    int64_t key_changes;
    /* Of the batch under way. */
    uint64_t rows;
    uint64_t anomalies;
    uint64_t overruns; /* that block a key */
    bool careful;  /* each row is written at once, to see whether it was there already */
    bool repeated; /* some were, and it was not careful: the batch has to be run again */
};

/* --- ledger_writer.c --- */
MUST_USE bool writer_open(struct writer *writer, const char *path, enum ledger_sync sync,
                          enum database_access access, struct error *error);
void writer_close(struct writer *writer);
/* Reads position, open calls and holds: from the database, and from the journal what the database
 * need not say (no journal: the positions are all that is good). */
MUST_USE bool writer_load(struct writer *writer, struct journal *journal, struct error *error);
/* Inside a transaction. */
MUST_USE bool writer_write_position(struct writer *writer);
/* Applies at most `max` records in one transaction. *ret_count: how many there were. False: nothing
 * changed, in the database or in what the journal keeps. */
MUST_USE bool writer_batch(struct writer *writer, struct journal *journal, size_t max,
                           size_t *ret_count, struct error *error);
/* Binds `count` numbers from parameter `first` on. */
void bind_numbers(sqlite3_stmt *statement, int first, const int64_t *values, size_t count);
/* True once after the keys were changed by another connection. */
bool writer_keys_changed(struct writer *writer);

/* --- ledger_prune.c --- */
/* Removes calls that began before this time, some thousands of them: *ret_more says whether there
 * are others. Between two batches. False: nothing changed. */
MUST_USE bool writer_prune(struct writer *writer, int64_t before_ns, bool *ret_more);

/* --- ledger_apply.c: inside a transaction; false: roll back --- */
MUST_USE bool writer_apply(struct writer *writer, const struct journal_entry *entry);
/* For a record that was applied and committed: what it did to the open calls that have no rows. */
MUST_USE bool writer_remember(struct writer *writer, const struct journal_entry *entry);
/* Writes down which calls and holds are open, but for those that are better found in the journal
 * again: most of them end in the next batch. */
MUST_USE bool writer_write_open(struct writer *writer);
/* Makes sure that `names` of an open call is valid. */
MUST_USE bool writer_name_call(struct writer *writer, struct open_call *call);
/* Settles an attempt that will not be settled any more at the amount of its hold. */
MUST_USE bool writer_interrupt(struct writer *writer, struct open_call *call,
                               struct open_attempt *attempt, int64_t wall_ns);
/* Adds the call's row and its sums, and forgets the open call (which may be NULL). `own` is the
 * call's only attempt, when its row shall hold that too; else NULL. */
MUST_USE bool writer_close_call(struct writer *writer, const struct call_record *record,
                                struct open_call *call, const struct settle_record *own);
/* Writes the rows and sums that were collected. */
MUST_USE bool writer_write_collected(struct writer *writer);
/* Removes it from memory and its rows from `open_calls` and `holds`. */
MUST_USE bool writer_forget_call(struct writer *writer, struct open_call *call);
/* What an attempt that is settled adds to sums. */
struct sums writer_attempt_sums(const struct open_attempt *attempt, int64_t hour);
/* Adds it to the sums of its target, provider and model, and to what was spent. */
MUST_USE bool writer_count_attempt(struct writer *writer, const struct open_call *call,
                                   const struct open_attempt *attempt, int64_t hour);
/* An attempt's cost for its key and what stands above it, in the time of its hold. */
MUST_USE bool writer_add_spend(struct writer *writer, const struct open_call *call,
                               const struct open_attempt *attempt, int64_t cost_nd);
int64_t writer_hour(int64_t wall_ns);
/* What arrived against the rules of record.h. */
void writer_anomaly(struct writer *writer, const char *what, struct id call);
static inline void bind_id(sqlite3_stmt *statement, int index, const struct id *id)
{
    sqlite3_bind_blob(statement, index, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
}

/* Writes the rows that wait, and forgets them. *ret_added: how many were not there yet; false also
 * where some were and the writer is not careful. */
MUST_USE bool writer_write_rows(struct writer *writer, struct rows *rows, size_t *ret_added);

/* --- ledger_numbers.c: likewise --- */
MUST_USE bool writer_number_words(struct writer *writer, const struct slice *words,
                                  int64_t *ret_names, size_t count);
/* Of a call and its own attempt (NULL: none); all but the menu. */
MUST_USE bool writer_number_call(struct writer *writer, const struct call_record *record,
                                 const struct settle_record *own, int64_t parts[SHAPE_PARTS]);
/* What a call costs is spent by those whom its row names. Its holds know them as well, and records
 * of older versions lacked one or the other. NULL: it has none. */
void writer_agree_on_scopes(struct open_call *call, int64_t parts[SHAPE_PARTS]);
/* -1 on failure; *ret_expected is for the call's row, valid until that is written. */
MUST_USE int64_t writer_number_menu(struct writer *writer, const struct call_record *record,
                                    struct slice *ret_expected);
MUST_USE bool writer_add_offer(struct writer *writer, const struct offer *offer);
/* Sums up how well an attempt was foreseen whose row is new; does nothing where it was not. */
MUST_USE bool writer_tally(struct writer *writer, const struct settle_record *settle);

/* --- ledger_evidence.c --- */
/* Inside a transaction; false: roll back. */
MUST_USE bool writer_add_evidence(struct writer *writer, const struct evidence_record *record);
void evidence_changes_clear(struct evidence_changes *changes);
void evidence_changes_release(struct evidence_changes *changes);
/* Removes sums that are too old to say anything. */
MUST_USE bool evidence_fold(sqlite3 *db, int64_t wall_s);

/* --- ledger_overrun.c --- */
/* Inside a transaction; false: roll back. */
MUST_USE bool writer_add_overrun(struct writer *writer, const struct settle_record *settle);

/* --- ledger_recover.c --- */
/* Settles and closes, in one transaction, every call that a former process left open. */
MUST_USE bool writer_recover(struct writer *writer, int64_t wall_ns, uint64_t *ret_calls,
                             struct error *error);

#endif
