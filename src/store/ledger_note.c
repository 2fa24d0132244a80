/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_note.h"

#define NOTE_BYTES_MAX ((size_t)64 << 20)
#define CALLS_OF_A_ROW 4096 /* of those that were there before */

const char note_sql[] =
    "INSERT INTO ship(first, calls, rollups, spends, sums) VALUES(?, ?, ?, ?, ?)";

void note_init(struct ledger_note *note)
{
    *note = (struct ledger_note){0};
    buf_init(&note->calls, NOTE_BYTES_MAX);
    buf_init(&note->rollups, NOTE_BYTES_MAX);
    buf_init(&note->spends, NOTE_BYTES_MAX);
}

void note_release(struct ledger_note *note)
{
    buf_release(&note->calls);
    buf_release(&note->rollups);
    buf_release(&note->spends);
}

void note_clear(struct ledger_note *note)
{
    buf_clear(&note->calls);
    buf_clear(&note->rollups);
    buf_clear(&note->spends);
}

/* Failures are seen by note_write(): buffers remember them. */
void note_call(struct ledger_note *note, const struct id *call)
{
    if (note->on) {
        buf_append(&note->calls, slice_of((const char *)call->bytes, sizeof(call->bytes)));
    }
}

static void add_numbers(struct buf *buf, const int64_t *numbers, size_t count)
{
    buf_append(buf, slice_of((const char *)numbers, count * sizeof(numbers[0])));
}

void note_rollup(struct ledger_note *note, const int64_t numbers[NOTE_ROLLUP_NUMBERS])
{
    if (note->on) {
        add_numbers(&note->rollups, numbers, NOTE_ROLLUP_NUMBERS);
    }
}

void note_spend(struct ledger_note *note, const int64_t numbers[NOTE_SPEND_NUMBERS])
{
    if (note->on) {
        add_numbers(&note->spends, numbers, NOTE_SPEND_NUMBERS);
    }
}

static void bind_bytes(sqlite3_stmt *insert, int at, const void *bytes, size_t len)
{
    sqlite3_bind_blob64(insert, at, len == 0 ? "" : bytes, len, SQLITE_STATIC);
}

/* The oldest call: retention leaves it and what is newer until it is shipped. */
static struct slice first_of(const struct buf *calls)
{
    struct slice first = slice_of(calls->ptr, calls->len < sizeof(struct id) ? 0 : 16);
    for (size_t at = sizeof(struct id); at + sizeof(struct id) <= calls->len;
         at += sizeof(struct id)) {
        if (memcmp(calls->ptr + at, first.ptr, sizeof(struct id)) < 0) {
            first.ptr = calls->ptr + at;
        }
    }
    return first;
}

bool note_write(struct ledger_note *note, sqlite3_stmt *insert)
{
    if (note->calls.failed || note->rollups.failed || note->spends.failed) {
        return false;
    }
    if (note->calls.len == 0 && note->rollups.len == 0 && note->spends.len == 0) {
        return true;
    }
    struct slice first = first_of(&note->calls);
    bind_bytes(insert, 1, first.ptr, first.len);
    bind_bytes(insert, 2, note->calls.ptr, note->calls.len);
    bind_bytes(insert, 3, note->rollups.ptr, note->rollups.len);
    bind_bytes(insert, 4, note->spends.ptr, note->spends.len);
    sqlite3_bind_int64(insert, 5, NOTE_SUMS);
    bool done = database_run(insert);
    note_clear(note);
    return done;
}

/* --- beginning ---------------------------------------------------------------------------------
 */

bool note_is_on(sqlite3 *db, bool *ret_on)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT shipped >= 0 FROM cluster_state");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    *ret_on = found && sqlite3_column_int64(row, 0) != 0;
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

static bool note_numbers(sqlite3 *db, const char *sql, int count, struct buf *out)
{
    sqlite3_stmt *row = database_prepare(db, sql);
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    while (status == SQLITE_ROW) {
        for (int i = 0; i < count; i++) {
            int64_t number = sqlite3_column_int64(row, i);
            add_numbers(out, &number, 1);
        }
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return status == SQLITE_DONE && !out->failed;
}

/* `note` may have sums in it, which go with the first row. */
static bool note_old_calls(sqlite3 *db, struct ledger_note *note, sqlite3_stmt *insert)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT id FROM call_rows ORDER BY id");
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool done = true;
    while (done && status == SQLITE_ROW) {
        struct id id = {{0}};
        if (sqlite3_column_bytes(row, 0) == (int)sizeof(id.bytes)) {
            memcpy(id.bytes, sqlite3_column_blob(row, 0), sizeof(id.bytes));
            note_call(note, &id);
        }
        if (note->calls.len >= CALLS_OF_A_ROW * sizeof(id)) {
            done = note_write(note, insert);
        }
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return done && status == SQLITE_DONE && note_write(note, insert);
}

static bool note_old(sqlite3 *db)
{
    struct ledger_note note;
    note_init(&note);
    note.on = true;
    sqlite3_stmt *insert = database_prepare(db, note_sql);
    bool done = insert != NULL &&
                note_numbers(db,
                             "SELECT dimension, hour, name, calls, failed, input_tokens,"
                             " output_tokens, cost_nd, baseline_nd, estimated, failed_nd, judge_nd,"
                             " shadow_nd, escalation_nd, told_nd, catalogue_nd FROM rollups",
                             NOTE_ROLLUP_NUMBERS, &note.rollups) &&
                note_numbers(db, "SELECT kind, scope, model, bucket_s, cost_nd FROM spend",
                             NOTE_SPEND_NUMBERS, &note.spends) &&
                note_old_calls(db, &note, insert);
    sqlite3_finalize(insert);
    note_release(&note);
    return done;
}

static bool first_is_there(sqlite3 *db, bool *ret_there)
{
    sqlite3_stmt *row =
        database_prepare(db, "SELECT (SELECT coalesce(min(seq), 0) FROM ship) = 1 OR NOT EXISTS"
                             " (SELECT 1 FROM sqlite_sequence WHERE name = 'ship')");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    *ret_there = found && sqlite3_column_int64(row, 0) != 0;
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

bool note_again(sqlite3 *db)
{
    bool there = false;
    bool done = database_exec(db, "BEGIN IMMEDIATE") && first_is_there(db, &there) &&
                (there || (database_exec(db, "DELETE FROM ship") && note_old(db))) &&
                database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    return done;
}

bool note_begin(sqlite3 *db)
{
    bool done = database_exec(db, "BEGIN IMMEDIATE") && note_old(db) &&
                database_exec(db, "UPDATE cluster_state SET shipped = 0") &&
                database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    return done;
}
