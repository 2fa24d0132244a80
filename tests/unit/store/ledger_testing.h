/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the ledger share: a ledger in a scratch directory, and questions to it in SQL.
 */
#ifndef TESTS_LEDGER_TESTING_H
#define TESTS_LEDGER_TESTING_H

#include "store/key_seals.h"
#include "store/ledger.h"
#include "store/ledger_control.h"
#include "tests/tap.h"
#include "tests/unit/store/store_testing.h"

#include <sqlite3.h>

static struct scratch scratch;
static char ledger_path[256];

static inline void begin(void)
{
    scratch_init(&scratch);
    scratch_file(&scratch, "sluice.db", ledger_path);
}

static inline void end(void)
{
    scratch_release(&scratch);
}

static inline struct ledger *open_ledger_with(struct ledger_options options)
{
    struct error error;
    options.path = ledger_path;
    if (options.journal.segment_bytes == 0) {
        options.journal.segment_bytes = 1 << 18;
    }
    options.journal.sync_ms = 5;
    options.batch_ms = options.batch_ms == 0 ? 5 : options.batch_ms;
    struct ledger *ledger = ledger_open(&options, &error);
    if (ledger == NULL) {
        printf("# %s: %s\n", error.code, error.text);
        fflush(stdout);
    }
    return ledger;
}

static inline struct ledger *open_ledger(void)
{
    return open_ledger_with((struct ledger_options){0});
}

static inline bool append_attempt(struct journal *journal, uint64_t seed, uint32_t attempt)
{
    struct hold_record hold = sample_hold(seed, attempt);
    struct settle_record settle = sample_settle(seed, attempt);
    return journal_hold(journal, &hold) && journal_settle(journal, &settle);
}

/* A whole call, as the gateway writes it. */
static inline bool append_call(struct journal *journal, uint64_t seed)
{
    struct call_record call = sample_call(seed);
    uint32_t attempts = sample_attempts(seed);
    if (attempts == 0) {
        return journal_call(journal, &call);
    }
    for (uint32_t i = 1; i < attempts; i++) {
        if (!append_attempt(journal, seed, i)) {
            return false;
        }
    }
    struct hold_record hold = sample_hold(seed, attempts);
    struct settle_record settle = sample_settle(seed, attempts);
    return journal_hold(journal, &hold) && journal_settle_and_call(journal, &settle, &call);
}

#define UNDO_SCHEMA_16                                                                             \
    "DROP TABLE clock_spans; ALTER TABLE state DROP COLUMN believed_ns;"                           \
    "DROP TABLE key_seals; DROP TABLE overruns;"                                                   \
    "DROP VIEW counted; DROP VIEW calls; DROP VIEW attempts; DROP TABLE openings;"                 \
    "DROP TABLE controls; ALTER TABLE shapes DROP COLUMN counted; ALTER TABLE shapes DROP COLUMN " \
    "seal;"                                                                                        \
    "ALTER TABLE attempt_rows DROP COLUMN image_input;"                                            \
    "ALTER TABLE attempt_rows DROP COLUMN image_output;"                                           \
    "ALTER TABLE offer_rates DROP COLUMN reasoning_pd;"                                            \
    "ALTER TABLE offer_rates DROP COLUMN image_input_pd;"                                          \
    "ALTER TABLE offer_rates DROP COLUMN image_output_pd;"                                         \
    "ALTER TABLE attempt_rows DROP COLUMN counted; ALTER TABLE holds DROP COLUMN counted;"         \
    "ALTER TABLE attempt_rows DROP COLUMN held_ns; ALTER TABLE spend DROP COLUMN start_s;"         \
    "ALTER TABLE holds DROP COLUMN seal; ALTER TABLE open_calls DROP COLUMN seal;"                 \
    "ALTER TABLE state DROP COLUMN booked_s; ALTER TABLE state DROP COLUMN position_seal;"         \
    "ALTER TABLE state DROP COLUMN marks_seal;"                                                    \
    "CREATE VIEW calls AS SELECT 1; CREATE VIEW attempts AS SELECT 1;"
/* What makes a database of this version look as version 7 left it, but for user_version. Of the
 * views only what a migration reads. */
#define UNDO_SCHEMA_11                                                                             \
    UNDO_SCHEMA_16                                                                                 \
    "DROP TABLE revoked_tokens;"                                                                   \
    "DROP TABLE rollups_day;"                                                                      \
    "DROP TABLE sessions; ALTER TABLE cluster_state DROP COLUMN exchanges;"                        \
    "DROP VIEW attempts; ALTER TABLE call_rows DROP COLUMN expected_input;"                        \
    "ALTER TABLE call_rows DROP COLUMN expected_output;"                                           \
    "ALTER TABLE call_rows DROP COLUMN high_output;"                                               \
    "ALTER TABLE call_rows DROP COLUMN expected_ms;"                                               \
    "ALTER TABLE attempt_rows DROP COLUMN expected_nd;"                                            \
    "ALTER TABLE attempt_rows DROP COLUMN expected_input;"                                         \
    "ALTER TABLE attempt_rows DROP COLUMN expected_output;"                                        \
    "ALTER TABLE attempt_rows DROP COLUMN high_output;"                                            \
    "ALTER TABLE attempt_rows DROP COLUMN expected_ms; DROP TABLE calibration;"                    \
    "CREATE VIEW attempts AS SELECT * FROM attempt_rows;"
#define UNDO_SCHEMA_8                                                                              \
    UNDO_SCHEMA_11                                                                                 \
    "ALTER TABLE rollups DROP COLUMN failed_nd; ALTER TABLE rollups DROP COLUMN judge_nd;"         \
    "ALTER TABLE rollups DROP COLUMN shadow_nd; ALTER TABLE rollups DROP COLUMN escalation_nd;"    \
    "ALTER TABLE rollups DROP COLUMN told_nd; ALTER TABLE rollups DROP COLUMN catalogue_nd;"       \
    "DROP TABLE key_rollups; DROP INDEX shapes_of_keys; DROP TABLE evidence; DROP TABLE feedback;" \
    "ALTER TABLE state DROP COLUMN sums_hour; ALTER TABLE ship DROP COLUMN sums;"                  \
    "ALTER TABLE cluster_state RENAME COLUMN shipped TO shipping;"                                 \
    "ALTER TABLE ship ADD COLUMN attempts BLOB NOT NULL DEFAULT x'';"                              \
    "DROP VIEW calls; DROP VIEW attempts; DROP TABLE offers; DROP TABLE offer_rates;"              \
    "ALTER TABLE shapes DROP COLUMN baseline_offer; ALTER TABLE shapes DROP COLUMN attempt_offer;" \
    "ALTER TABLE shapes DROP COLUMN user; ALTER TABLE shapes DROP COLUMN team;"                    \
    "ALTER TABLE shapes DROP COLUMN organisation; ALTER TABLE shapes DROP COLUMN tag;"             \
    "ALTER TABLE shapes DROP COLUMN menu; DROP TABLE menus;"                                       \
    "ALTER TABLE call_rows DROP COLUMN expected; ALTER TABLE attempt_rows DROP COLUMN offer;"      \
    "ALTER TABLE attempt_rows DROP COLUMN basis; ALTER TABLE attempt_rows DROP COLUMN purpose;"    \
    "ALTER TABLE attempt_rows DROP COLUMN catalogue_nd; ALTER TABLE open_calls DROP COLUMN tag;"   \
    "CREATE VIEW calls AS SELECT c.id, c.started_ns, s.key, c.cost_nd FROM call_rows c"            \
    " CROSS JOIN shapes s ON s.id = c.shape;"                                                      \
    "CREATE VIEW attempts AS SELECT * FROM attempt_rows;"
/* The same as version 2 left it. */
#define UNDO_SCHEMA_3                                                                              \
    UNDO_SCHEMA_8                                                                                  \
    "DROP TABLE cluster_state; DROP TABLE key_log; DROP TABLE audit_waiting; DROP TABLE ship;"     \
    "ALTER TABLE state DROP COLUMN pruned_hour;"                                                   \
    "DROP TABLE spend; ALTER TABLE open_calls DROP COLUMN user;"                                   \
    "ALTER TABLE open_calls DROP COLUMN team; ALTER TABLE open_calls DROP COLUMN organisation;"    \
    "ALTER TABLE open_calls DROP COLUMN limited_model;"                                            \
    "ALTER TABLE open_calls DROP COLUMN key_name; ALTER TABLE open_calls DROP COLUMN endpoint;"    \
    "ALTER TABLE open_calls DROP COLUMN asked_model; ALTER TABLE open_calls DROP COLUMN route;"    \
    "ALTER TABLE open_calls DROP COLUMN task; ALTER TABLE open_calls DROP COLUMN tier;"            \
    "ALTER TABLE open_calls DROP COLUMN complexity;"                                               \
    "DROP TABLE old_secrets; DROP TABLE scopes; DROP TABLE grants; DROP TABLE limits;"             \
    "DROP TABLE caps; DROP TABLE audit; ALTER TABLE keys DROP COLUMN role;"                        \
    "ALTER TABLE keys DROP COLUMN blocked_s; ALTER TABLE keys DROP COLUMN user;"                   \
    "ALTER TABLE keys DROP COLUMN team; ALTER TABLE keys DROP COLUMN organisation;"                \
    "ALTER TABLE keys DROP COLUMN creator; ALTER TABLE state DROP COLUMN audit_count;"             \
    "ALTER TABLE state DROP COLUMN audit_hash;"

/* One number; -1 and a note when the question fails. */
static inline int64_t ask(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    sqlite3_open_v2(ledger_path, &db, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_busy_timeout(db, 5000);
    sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        value = sqlite3_column_int64(statement, 0);
    } else {
        printf("# %s: %s\n", sql, sqlite3_errmsg(db));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static inline bool change_watched(const char *sql, bool (*watch)(sqlite3 *db))
{
    sqlite3 *db = NULL;
    char *reason = NULL;
    sqlite3_open_v2(ledger_path, &db, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_busy_timeout(db, 5000);
    bool done = watch(db) && sqlite3_exec(db, sql, NULL, NULL, &reason) == SQLITE_OK;
    if (!done) {
        printf("# %s: %s\n", sql, reason);
    }
    sqlite3_free(reason);
    sqlite3_close(db);
    return done;
}

/* As somebody with an editor. */
static inline bool change(const char *sql)
{
    return change_watched(sql, control_register);
}

/* Rows of keys and limits, as the program changes them. */
static inline bool change_keys(const char *sql)
{
    return change_watched(sql, key_seals_watch);
}

static inline void expect_sound(void)
{
    struct error error = {0};
    bool sound = ledger_verify(ledger_path, &error);
    if (!sound) {
        printf("# %s: %s\n", error.code, error.text);
    }
    EXPECT(sound);
}

#endif
