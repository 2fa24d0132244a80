/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a crash. The journal has been replayed, so what is still open belongs to a process that is
 * gone: its answers may have been delivered or not, its providers may charge or not. The careful
 * reading is that they do: each unsettled hold becomes the charge. All in one transaction: killed
 * in the middle, the next start finds the same and does the same.
 */
#include "base/fault.h"
#include "store/ledger_internal.h"
#include "store/record_codec.h"

/* A name by its number, of keys (as it is now) or of words; empty when there is none. It is put
 * into the buffer. */
static struct slice name_of(sqlite3_stmt *sql, int64_t id, char *buffer, size_t size)
{
    struct slice name = SLICE_EMPTY;
    sqlite3_bind_int64(sql, 1, id);
    if (id != 0 && sqlite3_step(sql) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(sql, 0);
        size_t len = (size_t)sqlite3_column_bytes(sql, 0);
        slice_to_cstr(slice_of(text, text == NULL ? 0 : len), buffer, size);
        name = slice_from_cstr(buffer);
    }
    sqlite3_reset(sql);
    return name;
}

/* What is known of a call row that exists already. */
struct closed_call {
    bool found;
    int64_t hour;
    uint32_t attempts;
    bool own_attempt; /* the first is in its row */
    int64_t counted;  /* -1: of an older version */
    int64_t key;
    int64_t words[REPORT_BYS]; /* but for model, provider and target */
};

static bool find_closed(struct writer *writer, const struct id *id, struct closed_call *ret_closed)
{
    sqlite3_stmt *sql = writer->sql[SQL_CALL_FIND];
    *ret_closed = (struct closed_call){0};
    bind_id(sql, 1, id);
    if (sqlite3_step(sql) == SQLITE_ROW) {
        ret_closed->found = true;
        ret_closed->hour = writer_hour(sqlite3_column_int64(sql, 0));
        ret_closed->attempts = (uint32_t)sqlite3_column_int64(sql, 1);
        ret_closed->words[REPORT_KEY] = sqlite3_column_int64(sql, 2);
        ret_closed->words[REPORT_TASK] = sqlite3_column_int64(sql, 3);
        ret_closed->words[REPORT_ROUTE] = sqlite3_column_int64(sql, 4);
        ret_closed->words[REPORT_USER] = sqlite3_column_int64(sql, 6);
        ret_closed->words[REPORT_TEAM] = sqlite3_column_int64(sql, 7);
        ret_closed->words[REPORT_ORGANISATION] = sqlite3_column_int64(sql, 8);
        ret_closed->words[REPORT_TAG] = sqlite3_column_int64(sql, 9);
        ret_closed->key = sqlite3_column_int64(sql, 10);
        ret_closed->counted = sqlite3_column_int64(sql, 11);
        ret_closed->own_attempt = (sqlite3_column_int64(sql, 5) & CALL_OWN_ATTEMPT) != 0;
    }
    return sqlite3_reset(sql) == SQLITE_OK;
}

static bool count_late(struct writer *writer, const struct open_call *call,
                       const struct closed_call *closed, const struct open_attempt *attempt)
{
    static const enum report_by of_call[] = {REPORT_DAY,          REPORT_KEY,  REPORT_TASK,
                                             REPORT_ROUTE,        REPORT_USER, REPORT_TEAM,
                                             REPORT_ORGANISATION, REPORT_TAG};
    const struct sums sums = writer_attempt_sums(attempt, closed->hour);
    bool done = rollups_add_key(&writer->rollups, closed->key, REPORT_DAY, 0, &sums) &&
                writer_count_attempt(writer, call, attempt, closed->hour);
    for (size_t i = 0; done && i < ARRAY_LEN(of_call); i++) {
        int64_t word = closed->words[of_call[i]];
        bool none = word == 0 && of_call[i] >= REPORT_USER;
        done = none || rollups_add(&writer->rollups, of_call[i], word, &sums);
    }
    return done;
}

/* Adds its row, and that of its first attempt, to the control totals (1), or takes them away (-1).
 */
static bool take_control(struct writer *writer, const struct open_call *call, int sign)
{
    sqlite3_stmt *sql = writer->sql[SQL_CONTROL_CALL];
    bind_id(sql, 1, &call->id);
    sqlite3_bind_int64(sql, 2, sign);
    return database_run(sql);
}

/*
 * Attempts that came after their call was closed, against the rules: the row has counted those up
 * to its number of attempts; the others are added.
 */
static bool extend_call(struct writer *writer, struct open_call *call,
                        const struct closed_call *closed)
{
    int64_t count = 0;
    int64_t cost = 0;
    call->scopes[SCOPE_KEY] = closed->key;
    call->scopes[SCOPE_USER] = closed->words[REPORT_USER];
    call->scopes[SCOPE_TEAM] = closed->words[REPORT_TEAM];
    call->scopes[SCOPE_ORGANISATION] = closed->words[REPORT_ORGANISATION];
    call->limited_model = closed->counted > 0 ? closed->counted : 0;
    for (size_t i = 0; i < call->count; i++) {
        const struct open_attempt *attempt = &call->attempts[i];
        if (attempt->number > closed->attempts) {
            count++;
            cost += attempt->cost_nd;
            if (!count_late(writer, call, closed, attempt)) {
                return false;
            }
        }
    }
    sqlite3_stmt *split = writer->sql[SQL_CALL_SPLIT];
    bind_id(split, 1, &call->id);
    if (!take_control(writer, call, -1) || (closed->own_attempt && !database_run(split))) {
        return false;
    }
    sqlite3_stmt *sql = writer->sql[SQL_CALL_EXTEND];
    bind_id(sql, 1, &call->id);
    sqlite3_bind_int64(sql, 2, count);
    sqlite3_bind_int64(sql, 3, cost);
    note_call(&writer->note, &call->id);
    return database_run(sql) && take_control(writer, call, 1);
}

/* The one that was begun last; NULL: none. */
static const struct open_attempt *last_attempt(const struct open_call *call)
{
    const struct open_attempt *last = NULL;
    for (size_t i = 0; i < call->count; i++) {
        if (last == NULL || call->attempts[i].number > last->number) {
            last = &call->attempts[i];
        }
    }
    return last;
}

/* What its last hold said of it, put into the buffers. */
static void fill_facts(struct writer *writer, const struct open_call *call,
                       char words[CALL_WORDS][RECORD_NAME_MAX + 1], struct call_record *record)
{
    struct slice *const of_call[CALL_WORDS] = {
        [CALL_WORD_KEY_NAME] = &record->key_name,
        [CALL_WORD_ENDPOINT] = &record->endpoint,
        [CALL_WORD_ASKED_MODEL] = &record->asked_model,
        [CALL_WORD_ROUTE] = &record->route,
        [CALL_WORD_TAG] = &record->tag,
    };
    for (size_t w = 0; w < CALL_WORDS; w++) {
        *of_call[w] =
            name_of(writer->sql[SQL_NAME_TEXT], call->names[w], words[w], sizeof(words[w]));
    }
    if (record->endpoint.len == 0) { /* of an older version */
        record->key_name = name_of(writer->sql[SQL_KEY_NAME], (int64_t)call->key_id,
                                   words[CALL_WORD_KEY_NAME], sizeof(words[CALL_WORD_KEY_NAME]));
    }
    record->task = call->task;
    record->tier = call->tier;
    record->complexity_permille = call->complexity_permille;
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        record->scopes[kind] = (uint64_t)call->scopes[kind];
    }
}

/* The row of a call whose process died: what its holds and settles said of it. */
static bool close_interrupted(struct writer *writer, struct open_call *call)
{
    char facts[CALL_WORDS][RECORD_NAME_MAX + 1];
    char words[ATTEMPT_WORDS][RECORD_NAME_MAX + 1];
    sqlite3_stmt *text = writer->sql[SQL_NAME_TEXT];
    const struct open_attempt *last = last_attempt(call);
    struct call_record record = {
        .call = call->id,
        .wall_ns = call->started_ns,
        .key_id = call->key_id,
        .error = SLICE_INIT("interrupted"),
        .attempts = (uint32_t)call->count,
        .first_byte_us = -1,
    };
    if (!writer_name_call(writer, call)) {
        return false;
    }
    fill_facts(writer, call, facts, &record);
    struct slice *const of_call[ATTEMPT_WORDS] = {
        [WORD_TARGET] = &record.target,
        [WORD_PROVIDER] = &record.provider,
        [WORD_MODEL] = &record.model,
    };
    for (size_t w = 0; last != NULL && w < ATTEMPT_WORDS; w++) {
        *of_call[w] = name_of(text, last->names[w], words[w], sizeof(words[w]));
    }
    for (size_t i = 0; i < call->count; i++) {
        record.cost_nd += call->attempts[i].cost_nd;
    }
    call->estimated = true;
    return writer_close_call(writer, &record, call, NULL);
}

static bool recover_call(struct writer *writer, struct open_call *call, int64_t wall_ns)
{
    struct closed_call closed;
    for (size_t i = 0; i < call->count; i++) {
        struct open_attempt *attempt = &call->attempts[i];
        if (!attempt->settled && !writer_interrupt(writer, call, attempt, wall_ns)) {
            return false;
        }
    }
    FAULT_POINT("ledger.recover_call");
    if (!find_closed(writer, &call->id, &closed)) {
        return false;
    }
    if (!closed.found) {
        return close_interrupted(writer, call);
    }
    if (!extend_call(writer, call, &closed)) {
        return false;
    }
    return writer_forget_call(writer, call);
}

static bool recover_all(struct writer *writer, int64_t wall_ns)
{
    if (!database_run(writer->sql[SQL_BEGIN])) {
        return false;
    }
    size_t cursor = 0;
    struct open_call *call = open_calls_next(&writer->calls_open, NULL, &cursor);
    while (call != NULL) {
        struct open_call *next = open_calls_next(&writer->calls_open, call, &cursor);
        if (!recover_call(writer, call, wall_ns)) {
            return false;
        }
        call = next;
    }
    writer->open = writer->position; /* the holds that have no rows are closed, too */
    if (!writer_write_collected(writer) || !writer_write_position(writer)) {
        return false;
    }
    FAULT_POINT("ledger.recover_commit");
    return database_run(writer->sql[SQL_COMMIT]);
}

bool writer_recover(struct writer *writer, int64_t wall_ns, uint64_t *ret_calls,
                    struct error *error)
{
    *ret_calls = writer->calls_open.count;
    if (writer->calls_open.count == 0) {
        return true;
    }
    writer->careful = true; /* nothing is known of the rows that it adds */
    bool done = recover_all(writer, wall_ns);
    writer->careful = false;
    if (!done) {
        database_error(writer->db, writer->path, "settling what a crash left", error);
        database_rollback(writer->db);
        writer->loaded = false;
        return false;
    }
    FAULT_POINT("ledger.recovered");
    return true;
}
