/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/ledger_internal.h"

#include <sys/stat.h>

/* A batch of 8192 records is about 1,000 pages; a checkpoint every few batches. */
#define WAL_PAGES "4000"
#define WAL_BYTES_KEPT "33554432"
#define CACHE_KB "4096"

static const char *const writer_sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_NAME_FIND] = names_find_sql,
    [SQL_NAME_ADD] = names_add_sql,
    [SQL_NAME_TEXT] = "SELECT name FROM names WHERE id = ?",
    [SQL_CALL_ADD] =
        "INSERT INTO call_rows(id, shape, bits, task, attempts, complexity, started_ns, cost_nd,"
        " baseline_nd, expected_nd, input_tokens, output_tokens, first_byte_us, total_us,"
        " settled_after_ns, held_nd, attempt_first_byte_us, attempt_total_us, cache_read,"
        " cache_write, reasoning, provider_nd, expected, expected_input, expected_output,"
        " high_output, expected_ms)"
        " SELECT * FROM collected_calls WHERE true ON CONFLICT DO NOTHING",
    [SQL_CALL_FIND] = "SELECT c.started_ns, c.attempts, s.key_name, c.task, s.route, c.bits,"
                      " s.user, s.team, s.organisation, s.tag, s.key, s.counted"
                      " FROM call_rows c JOIN shapes s ON s.id = c.shape WHERE c.id = ?",
    /* The attempt leaves the call's row; 8 is CALL_OWN_ATTEMPT. */
    [SQL_CALL_SPLIT] = "INSERT OR REPLACE INTO attempt_rows SELECT * FROM attempts"
                       " WHERE call = ? AND attempt = 1",
    [SQL_CALL_EXTEND] = "UPDATE call_rows SET attempts = attempts + ?2, cost_nd = cost_nd + ?3,"
                        " bits = bits & ~8 WHERE id = ?1",
    [SQL_SHAPE_ADD] = shapes_add_sql,
    [SQL_ATTEMPT_ADD] =
        "INSERT INTO attempt_rows(call, attempt, settled_ns, held_nd, cost_nd, key, outcome,"
        " status, target, provider, model, lane, error, reported, priced, input, output,"
        " cache_read, cache_write, cache_write_1h, reasoning, audio_input, audio_output,"
        " first_byte_us, total_us, provider_nd, loss, offer, basis, purpose, catalogue_nd,"
        " expected_nd, expected_input, expected_output, high_output, expected_ms, held_ns,"
        " image_input, image_output, counted)"
        " SELECT * FROM collected_attempts WHERE true ON CONFLICT DO NOTHING",
    [SQL_ATTEMPT_LIST] =
        "SELECT a.call, a.attempt, a.cost_nd, a.target, a.provider, a.model, a.outcome, a.reported,"
        " coalesce(a.held_ns, a.settled_ns), a.purpose, a.catalogue_nd, CASE a.counted WHEN 0"
        " THEN o.limited_model WHEN -1 THEN 0 ELSE a.counted END"
        " FROM open_calls o CROSS JOIN attempt_rows a ON a.call = o.call"
        " ORDER BY a.call, a.attempt",
    [SQL_ROLLUP_ADD] = rollups_sql,
    [SQL_DAY_ROLLUP_ADD] = day_rollups_sql,
    [SQL_KEY_ROLLUP_ADD] = key_rollups_sql,
    [SQL_SPEND_ADD] = spends_sql,
    [SQL_CONTROL_ADD] = controls_sql,
    /* A call's row, taken from its hour (-1) or added to it, with its attempts' rows. */
    [SQL_CONTROL_CALL] =
        CONTROL_ADD(CONTROL_TOTALS("?2 * ", "c.id = ?1", "call = ?1 AND attempt = 1")),
    [SQL_NOTE_ADD] = note_sql,
    [SQL_TALLY_FIND] = tallies_find_sql,
    [SQL_TALLY_SET] = tallies_set_sql,
    [SQL_OPEN_ADD] = "INSERT INTO open_calls(call, key, started_ns, user, team, organisation,"
                     " limited_model, key_name, endpoint, asked_model, route, tag, task, tier,"
                     " complexity, seal) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_OPEN_REMOVE] = "DELETE FROM open_calls WHERE call = ?",
    [SQL_OPEN_LIST] = "SELECT call, key, started_ns, user, team, organisation, limited_model,"
                      " key_name, endpoint, asked_model, route, tag, task, tier, complexity"
                      " FROM open_calls",
    [SQL_HOLD_ADD] = "INSERT INTO holds(call, attempt, held_ns, amount_nd, target, provider, model,"
                     " counted, seal) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_HOLD_REMOVE] = "DELETE FROM holds WHERE call = ? AND attempt = ?",
    [SQL_HOLD_CLEAR] = "DELETE FROM holds WHERE call = ?",
    [SQL_HOLD_LIST] = "SELECT call, attempt, held_ns, amount_nd, target, provider, model,"
                      " counted FROM holds ORDER BY call, attempt",
    [SQL_POSITION_GET] = "SELECT segment, offset, record, open_offset, open_record FROM state",
    [SQL_POSITION_SET] = "UPDATE state SET segment = ?, offset = ?, record = ?, open_offset = ?,"
                         " open_record = ?, position_seal = ?",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_KEY_CHANGES] = "SELECT key_changes FROM state",
    [SQL_KEY_NAME] = "SELECT name FROM keys WHERE id = ?",
    [SQL_MENU_FIND] = menus_find_sql,
    [SQL_MENU_ADD] = menus_add_sql,
    [SQL_OFFER_ADD] = "INSERT INTO offers(id, kind, target, provider, model, per_request_nd)"
                      " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_RATES_ADD] =
        "INSERT INTO offer_rates(offer, above_input, input_pd, output_pd, cache_read_pd,"
        " cache_write_pd, cache_write_1h_pd, audio_input_pd, audio_output_pd,"
        " reasoning_pd, image_input_pd, image_output_pd)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_EVIDENCE_ADD] = "INSERT INTO evidence(kind, name, target, day, good, bad)"
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(kind, name, target, day)"
                         " DO UPDATE SET good = good + ?5, bad = bad + ?6",
    [SQL_FEEDBACK_FIND] = "SELECT score_ppm, at_ns FROM feedback WHERE call = ?",
    [SQL_FEEDBACK_PUT] = "INSERT OR REPLACE INTO feedback(call, key, at_ns, score_ppm, label)"
                         " VALUES(?, ?, ?, ?, ?)",
    [SQL_OVERRUN_ADD] = "INSERT INTO overruns(call, attempt, key, settled_ns, held_nd, cost_nd,"
                        " target) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
};

/* What the INSERTs read from: the columns that their tables have, in the same order, as in the
   INSERTs themselves; SQLite copies each column once more where an order is another. */
static const char calls_declaration[] =
    "CREATE TABLE collected(id, shape, bits, task, attempts, complexity, started_ns, cost_nd,"
    " baseline_nd, expected_nd, input_tokens, output_tokens, first_byte_us, total_us,"
    " settled_after_ns, held_nd, attempt_first_byte_us, attempt_total_us, cache_read,"
    " cache_write, reasoning, provider_nd, expected, expected_input, expected_output,"
    " high_output, expected_ms)";
static const char attempts_declaration[] =
    "CREATE TABLE collected(call, attempt, settled_ns, held_nd, cost_nd, key, outcome, status,"
    " target, provider, model, lane, error, reported, priced, input, output, cache_read,"
    " cache_write, cache_write_1h, reasoning, audio_input, audio_output, first_byte_us, total_us,"
    " provider_nd, loss, offer, basis, purpose, catalogue_nd, expected_nd, expected_input,"
    " expected_output, high_output, expected_ms, held_ns, image_input, image_output,"
    " counted)";

void bind_numbers(sqlite3_stmt *statement, int first, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, first + (int)i, values[i]);
    }
}

/* --- opening -----------------------------------------------------------------------------------
 */

static bool prepare_statements(struct writer *writer)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        writer->sql[i] = database_prepare(writer->db, writer_sql[i]);
        if (writer->sql[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool set_pragmas(struct writer *writer)
{
    const char *synchronous = writer->sync == LEDGER_SYNC_NORMAL ? "PRAGMA synchronous = NORMAL"
                                                                 : "PRAGMA synchronous = FULL";
    return database_exec(writer->db, synchronous) &&
           database_exec(writer->db,
                         "PRAGMA wal_autocheckpoint = " WAL_PAGES
                         "; PRAGMA journal_size_limit = " WAL_BYTES_KEPT
                         "; PRAGMA cache_size = -" CACHE_KB "; PRAGMA temp_store = MEMORY");
}

static void remember_file(struct writer *writer)
{
    struct stat info;
    if (stat(writer->path, &info) == 0) {
        writer->device = info.st_dev;
        writer->inode = info.st_ino;
        if ((info.st_mode & 077) != 0) {
            log_event(LOG_WARN, "ledger_mode",
                      "%s can be read by other users of this machine (mode %o)", writer->path,
                      (unsigned)info.st_mode & 0777);
        }
    }
}

static bool make_collections(struct writer *writer)
{
    writer->calls.declaration = calls_declaration;
    writer->calls.bytes = true;
    writer->attempts.declaration = attempts_declaration;
    return rows_init(&writer->calls, writer->db, "collected_calls") &&
           rows_init(&writer->attempts, writer->db, "collected_attempts");
}

static void close_database(struct writer *writer)
{
    names_release(&writer->names);
    names_release(&writer->menus);
    memory_free(writer->word_memos);
    writer->word_memos = NULL;
    buf_release(&writer->expected);
    shapes_release(&writer->shapes);
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(writer->sql[i]);
        writer->sql[i] = NULL;
    }
    sqlite3_close(writer->db);
    writer->db = NULL;
    writer->loaded = false;
    rows_release(&writer->calls);
    rows_release(&writer->attempts);
}

static bool make_caches(struct writer *writer)
{
    writer->word_memos = memory_array(WORD_MEMOS, sizeof(writer->word_memos[0]));
    return writer->word_memos != NULL &&
           names_init(&writer->names, writer->sql[SQL_NAME_FIND], writer->sql[SQL_NAME_ADD],
                      false) &&
           names_init(&writer->menus, writer->sql[SQL_MENU_FIND], writer->sql[SQL_MENU_ADD],
                      true) &&
           buf_reserve(&writer->expected, EXPECTED_KEPT) != NULL;
}

static bool open_database(struct writer *writer, enum database_access access, struct error *error)
{
    writer->db = database_open(writer->path, access, error);
    if (writer->db == NULL) {
        return false;
    }
    if (!ledger_schema_prepare(writer->db, writer->path, error)) {
        close_database(writer);
        return false;
    }
    if (!set_pragmas(writer) || !control_register(writer->db) || !make_collections(writer) ||
        !prepare_statements(writer) || !make_caches(writer)) {
        database_error(writer->db, writer->path, "preparing", error);
        close_database(writer);
        return false;
    }
    shapes_init(&writer->shapes, writer->sql[SQL_SHAPE_ADD]);
    remember_file(writer);
    return true;
}

bool writer_open(struct writer *writer, const char *path, enum ledger_sync sync,
                 enum database_access access, struct error *error)
{
    *writer = (struct writer){.path = path, .sync = sync, .expected = BUF_INIT(EXPECTED_KEPT)};
    open_calls_init(&writer->calls_open);
    rollups_init(&writer->rollups);
    spends_init(&writer->spends);
    controls_init(&writer->controls);
    tallies_init(&writer->tallies);
    note_init(&writer->note);
    return open_database(writer, access, error);
}

void writer_close(struct writer *writer)
{
    close_database(writer);
    open_calls_release(&writer->calls_open);
    rollups_release(&writer->rollups);
    spends_release(&writer->spends);
    controls_release(&writer->controls);
    tallies_release(&writer->tallies);
    note_release(&writer->note);
    evidence_changes_release(&writer->evidence);
    ledger_clock_release(&writer->clock);
}

/* --- loading -----------------------------------------------------------------------------------
 */

static bool column_id(sqlite3_stmt *row, int column, struct id *ret_id)
{
    const void *bytes = sqlite3_column_blob(row, column);
    if (bytes == NULL || sqlite3_column_bytes(row, column) != (int)sizeof(ret_id->bytes)) {
        return false;
    }
    memcpy(ret_id->bytes, bytes, sizeof(ret_id->bytes));
    return true;
}

/* The open call of this row; rows with an identifier that is none are passed over (NULL, true). */
static bool row_call(struct writer *writer, sqlite3_stmt *row, struct open_call **ret_call)
{
    struct id id;
    *ret_call = NULL;
    if (!column_id(row, 0, &id)) {
        return true;
    }
    *ret_call = open_calls_at(&writer->calls_open, id);
    return *ret_call != NULL;
}

static bool load_call(struct writer *writer, sqlite3_stmt *row)
{
    struct open_call *call;
    if (!row_call(writer, row, &call) || call == NULL) {
        return call != NULL;
    }
    call->key_id = (uint64_t)sqlite3_column_int64(row, 1);
    call->started_ns = sqlite3_column_int64(row, 2);
    call->scopes[SCOPE_KEY] = (int64_t)call->key_id;
    for (int kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        call->scopes[kind] = sqlite3_column_int64(row, 2 + kind);
    }
    call->limited_model = sqlite3_column_int64(row, 6);
    for (int i = 0; i < CALL_WORDS; i++) {
        call->names[i] = sqlite3_column_int64(row, 7 + i);
    }
    call->named = true;
    int64_t task = sqlite3_column_int64(row, 12);
    int64_t tier = sqlite3_column_int64(row, 13);
    call->task = task >= 0 && task < TASK_COUNT ? (enum task)task : TASK_OTHER;
    call->tier = tier >= 0 && tier < TIER_COUNT ? (enum tier)tier : (enum tier)0;
    call->complexity_permille = (int32_t)sqlite3_column_int64(row, 14);
    call->written = true;
    return true;
}

static bool load_hold(struct writer *writer, sqlite3_stmt *row)
{
    struct open_call *call;
    if (!row_call(writer, row, &call) || call == NULL) {
        return call != NULL;
    }
    struct open_attempt *attempt = open_call_attempt(call, (uint32_t)sqlite3_column_int64(row, 1));
    if (attempt == NULL) {
        return false;
    }
    attempt->written = true;
    attempt->named = true;
    attempt->held_ns = sqlite3_column_int64(row, 2);
    attempt->amount_nd = sqlite3_column_int64(row, 3);
    attempt->most_nd = attempt->amount_nd;
    for (int i = 0; i < ATTEMPT_WORDS; i++) {
        attempt->names[i] = sqlite3_column_int64(row, 4 + i);
    }
    int64_t counted = sqlite3_column_int64(row, 4 + ATTEMPT_WORDS);
    attempt->counted = counted == COUNTED_AS_CALL ? call->limited_model
                       : counted == COUNTED_NONE  ? 0
                                                  : counted;
    return true;
}

static bool load_attempt(struct writer *writer, sqlite3_stmt *row)
{
    struct open_call *call;
    if (!row_call(writer, row, &call) || call == NULL) {
        return call != NULL;
    }
    struct open_attempt *attempt = open_call_attempt(call, (uint32_t)sqlite3_column_int64(row, 1));
    if (attempt == NULL) {
        return false;
    }
    attempt->settled = true;
    attempt->named = true;
    attempt->cost_nd = sqlite3_column_int64(row, 2);
    attempt->held_ns = sqlite3_column_int64(row, 8);
    attempt->counted = sqlite3_column_int64(row, 11);
    for (int i = 0; i < ATTEMPT_WORDS; i++) {
        attempt->names[i] = sqlite3_column_int64(row, 3 + i);
    }
    attempt->outcome = (enum attempt_outcome)sqlite3_column_int64(row, 6);
    attempt->purpose = (enum attempt_purpose)sqlite3_column_int64(row, 9);
    attempt->told = sqlite3_column_type(row, 10) != SQLITE_NULL;
    attempt->catalogue_nd = sqlite3_column_int64(row, 10);
    if (attempt->outcome != ATTEMPT_FAILED) {
        call->estimated = sqlite3_column_int64(row, 7) == 0;
    }
    return true;
}

static bool load_rows(struct writer *writer, enum writer_statement which,
                      bool (*load)(struct writer *, sqlite3_stmt *))
{
    sqlite3_stmt *row = writer->sql[which];
    bool done = true;
    int status;
    while (done && (status = sqlite3_step(row)) == SQLITE_ROW) {
        done = load(writer, row);
    }
    return sqlite3_reset(row) == SQLITE_OK && done;
}

static bool load_position(struct writer *writer, sqlite3_stmt *row)
{
    writer->position = (struct journal_position){
        .segment = (uint64_t)sqlite3_column_int64(row, 0),
        .offset = (uint64_t)sqlite3_column_int64(row, 1),
        .record = (uint64_t)sqlite3_column_int64(row, 2),
    };
    writer->open = (struct journal_position){
        .segment = writer->position.segment,
        .offset = (uint64_t)sqlite3_column_int64(row, 3),
        .record = (uint64_t)sqlite3_column_int64(row, 4),
    };
    return true;
}

/* The holds between the two positions. If the segment is gone (the database is an older copy), so
 * is what was to be found there. */
static bool load_from_journal(struct writer *writer, struct journal *journal)
{
    struct journal_entry entry;
    const struct journal_position *end = &writer->position;
    struct journal_position at = writer->open;
    while (at.record < end->record) {
        writer->before = at;
        if (!journal_read(journal, &at, &entry) || at.segment != end->segment ||
            at.record > end->record) {
            break;
        }
        if (!writer_remember(writer, &entry)) {
            return false;
        }
    }
    return true;
}

bool writer_load(struct writer *writer, struct journal *journal, struct error *error)
{
    if (writer->db == NULL && !open_database(writer, DATABASE_CHANGE, error)) {
        return false;
    }
    open_calls_release(&writer->calls_open);
    rollups_clear(&writer->rollups);
    spends_clear(&writer->spends);
    controls_clear(&writer->controls);
    tallies_clear(&writer->tallies);
    note_clear(&writer->note);
    evidence_changes_clear(&writer->evidence);
    shapes_clear(&writer->shapes);
    names_clear(&writer->names);
    names_clear(&writer->menus);
    memset(writer->word_memos, 0, WORD_MEMOS * sizeof(writer->word_memos[0]));
    buf_clear(&writer->expected);
    memset(writer->tasks, 0, sizeof(writer->tasks));
    writer->calls.count = 0;
    writer->attempts.count = 0;
    memset(writer->task_names, 0, sizeof(writer->task_names));
    writer->loaded = note_is_on(writer->db, &writer->note.on) &&
                     load_rows(writer, SQL_POSITION_GET, load_position) &&
                     load_rows(writer, SQL_OPEN_LIST, load_call) &&
                     load_rows(writer, SQL_ATTEMPT_LIST, load_attempt) &&
                     load_rows(writer, SQL_HOLD_LIST, load_hold) &&
                     (journal == NULL || load_from_journal(writer, journal));
    return writer->loaded || database_error(writer->db, writer->path, "reading the state", error);
}

/* --- batches -----------------------------------------------------------------------------------
 */

bool writer_write_collected(struct writer *writer)
{
    size_t added;
    if (!writer_write_rows(writer, &writer->attempts, &added) ||
        !writer_write_rows(writer, &writer->calls, &added) ||
        !shapes_spread(&writer->shapes, &writer->rollups)) {
        return false;
    }
    for (size_t i = 0; i < TASK_COUNT; i++) {
        if (writer->tasks[i].calls != 0 &&
            !rollups_add(&writer->rollups, REPORT_TASK, writer->task_names[i], &writer->tasks[i])) {
            return false;
        }
    }
    memset(writer->tasks, 0, sizeof(writer->tasks));
    const struct rollup_upserts upserts = {
        .hours = writer->sql[SQL_ROLLUP_ADD],
        .days = writer->sql[SQL_DAY_ROLLUP_ADD],
        .of_keys = writer->sql[SQL_KEY_ROLLUP_ADD],
    };
    return rollups_write(&writer->rollups, &upserts, &writer->note) &&
           spends_write(&writer->spends, writer->sql[SQL_SPEND_ADD], &writer->note) &&
           controls_write(&writer->controls, writer->sql[SQL_CONTROL_ADD]) &&
           tallies_write(&writer->tallies, writer->sql[SQL_TALLY_FIND],
                         writer->sql[SQL_TALLY_SET]) &&
           note_write(&writer->note, writer->sql[SQL_NOTE_ADD]);
}

/*
 * SQLite goes on writing to a file that was removed or replaced, and those rows would be lost. A
 * file that came instead (a restored backup) is opened; a missing one is never made again.
 */
static bool check_file(struct writer *writer, struct error *error)
{
    struct stat info;
    if (stat(writer->path, &info) != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "ledger_gone",
                         "the ledger %s is gone; calls are kept in its journal", writer->path);
    }
    if (writer->db != NULL && (info.st_dev != writer->device || info.st_ino != writer->inode)) {
        log_event(LOG_WARN, "ledger_replaced", "the ledger %s was replaced by another file",
                  writer->path);
        close_database(writer);
    }
    return true;
}

bool writer_write_position(struct writer *writer)
{
    sqlite3_stmt *sql = writer->sql[SQL_POSITION_SET];
    const int64_t values[] = {
        (int64_t)writer->position.segment, (int64_t)writer->position.offset,
        (int64_t)writer->position.record,  (int64_t)writer->open.offset,
        (int64_t)writer->open.record,
    };
    bind_numbers(sql, 1, values, ARRAY_LEN(values));
    sqlite3_bind_int64(sql, (int)ARRAY_LEN(values) + 1,
                       control_seal(NULL, values, ARRAY_LEN(values)));
    return database_run(sql);
}

/* Inside the transaction. */
static bool apply_records(struct writer *writer, struct journal *journal, size_t max,
                          size_t *ret_count)
{
    struct journal_entry entry;
    size_t count = 0;
    for (;;) {
        writer->before = writer->position;
        if (count == max || !journal_read(journal, &writer->position, &entry)) {
            break;
        }
        FAULT_POINT("ledger.apply");
        if (!writer_apply(writer, &entry)) {
            return false;
        }
        count++;
    }
    *ret_count = count;
    return true;
}

static bool run_batch(struct writer *writer, struct journal *journal, size_t max, size_t *ret_count)
{
    if (!database_run(writer->sql[SQL_BEGIN]) || !apply_records(writer, journal, max, ret_count) ||
        !writer_write_open(writer) || !writer_write_collected(writer) ||
        !writer_write_position(writer) || !ledger_clock_write(&writer->clock, writer->db)) {
        return false;
    }
    FAULT_POINT("ledger.before_commit");
    return database_run(writer->sql[SQL_COMMIT]);
}

/* Rolls back, and runs it again when all that was wrong is that rows were there already. */
static bool run_again(struct writer *writer, struct journal *journal, size_t max, size_t *ret_count,
                      struct error *error)
{
    bool repeated = writer->repeated;
    if (!repeated) {
        database_error(writer->db, writer->path, "writing a batch", error);
    }
    database_rollback(writer->db);
    writer->loaded = false;
    if (!repeated || !writer_load(writer, journal, error)) {
        return false;
    }
    writer->rows = 0;
    writer->anomalies = 0;
    writer->overruns = 0;
    writer->careful = true;
    bool done = run_batch(writer, journal, max, ret_count);
    writer->careful = false;
    if (!done) {
        database_error(writer->db, writer->path, "writing a batch", error);
        database_rollback(writer->db);
        writer->loaded = false;
    }
    return done;
}

bool writer_batch(struct writer *writer, struct journal *journal, size_t max, size_t *ret_count,
                  struct error *error)
{
    *ret_count = 0;
    writer->rows = 0;
    writer->anomalies = 0;
    writer->overruns = 0;
    writer->repeated = false;
    if (!check_file(writer, error) || (!writer->loaded && !writer_load(writer, journal, error))) {
        return false;
    }
    if (!run_batch(writer, journal, max, ret_count) &&
        !run_again(writer, journal, max, ret_count, error)) {
        return false;
    }
    ledger_clock_written(&writer->clock);
    FAULT_POINT("ledger.after_commit");
    journal_consumed(journal, writer->position);
    FAULT_POINT("ledger.consumed");
    return true;
}

/* --- keys --------------------------------------------------------------------------------------
 */

static bool read_number(sqlite3_stmt *sql, int64_t *ret_value)
{
    bool found = sqlite3_step(sql) == SQLITE_ROW;
    if (found) {
        *ret_value = sqlite3_column_int64(sql, 0);
    }
    return sqlite3_reset(sql) == SQLITE_OK && found;
}

bool writer_keys_changed(struct writer *writer)
{
    int64_t version;
    int64_t changes;
    if (writer->db == NULL || !read_number(writer->sql[SQL_DATA_VERSION], &version) ||
        version == writer->data_version || !read_number(writer->sql[SQL_KEY_CHANGES], &changes)) {
        return false;
    }
    bool changed = changes != writer->key_changes;
    writer->data_version = version;
    writer->key_changes = changes;
    return changed;
}
