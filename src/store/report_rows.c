/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and attempts, read back into the records they came from. */
#include "store/report_query.h"

static const char sql_word[] = "SELECT name FROM names WHERE id = ?";

static struct slice copy_column(struct report_query *query, sqlite3_stmt *from, int column)
{
    const char *text = (const char *)sqlite3_column_text(from, column);
    size_t len = text == NULL ? 0 : (size_t)sqlite3_column_bytes(from, column);
    return len == 0 ? SLICE_EMPTY : arena_copy(query->arena, slice_of(text, len));
}

static struct slice find_word(struct report_query *query, int64_t id)
{
    struct slice word = SLICE_EMPTY;
    sqlite3_bind_int64(query->word, 1, id);
    if (sqlite3_step(query->word) == SQLITE_ROW) {
        word = copy_column(query, query->word, 0);
    }
    query->failed |= sqlite3_reset(query->word) != SQLITE_OK;
    return word;
}

struct slice report_word(struct report_query *query, int64_t id)
{
    if (id == 0) {
        return SLICE_EMPTY;
    }
    struct word_memo *memo = &query->memos[(uint64_t)id % REPORT_WORD_MEMOS];
    if (memo->id != id) {
        memo->word = find_word(query, id);
        memo->id = id;
    }
    return memo->word;
}

/* --- rows --- */

/* A row of SQLite, and who reads it. */
struct place {
    struct report_query *query;
    sqlite3_stmt *from;
};

static int64_t number(const struct member_row *row, int column)
{
    const struct place *place = row->from;
    return sqlite3_column_int64(place->from, column);
}

static struct slice bytes(const struct member_row *row, int column)
{
    const struct place *place = row->from;
    const void *at = sqlite3_column_blob(place->from, column);
    size_t len = at == NULL ? 0 : (size_t)sqlite3_column_bytes(place->from, column);
    return len == 0 ? SLICE_EMPTY : slice_of(at, len);
}

static struct slice word(const struct member_row *row, int column)
{
    const struct place *place = row->from;
    return report_word(place->query, sqlite3_column_int64(place->from, column));
}

static bool is_null(const struct member_row *row, int column)
{
    const struct place *place = row->from;
    return sqlite3_column_type(place->from, column) == SQLITE_NULL;
}

static struct member_row row_of(const struct place *place)
{
    return (struct member_row){.arena = place->query->arena,
                               .from = place,
                               .number = number,
                               .bytes = bytes,
                               .word = word,
                               .is_null = is_null};
}

void report_read_call(struct report_query *query, sqlite3_stmt *from, struct call_row *ret_row)
{
    const struct place place = {.query = query, .from = from};
    const struct member_row row = row_of(&place);
    member_read_call(&row, ret_row);
}

static void read_attempt(struct report_query *query, sqlite3_stmt *from,
                         struct settle_record *attempt)
{
    const struct place place = {.query = query, .from = from};
    const struct member_row row = row_of(&place);
    member_read_attempt(&row, attempt);
}

bool report_query_begin(struct report_query *query, const char *path, struct arena *arena,
                        struct database_deadline *deadline, struct error *error)
{
    *query = (struct report_query){.arena = arena};
    query->db = report_open(path, deadline, error);
    if (query->db == NULL) {
        return false;
    }
    /* One transaction, so that a call and its attempts are of one moment. */
    if (!database_exec(query->db, "BEGIN")) {
        return database_error(query->db, path, "reading calls", error);
    }
    query->word = database_prepare(query->db, sql_word);
    query->offer = database_prepare(query->db, REPORT_OFFER_SQL " WHERE id = ?1");
    query->rates = database_prepare(query->db, REPORT_RATES_SQL);
    return (query->word != NULL && query->offer != NULL && query->rates != NULL) ||
           database_error(query->db, path, "reading calls", error);
}

void report_query_end(struct report_query *query)
{
    if (query->db != NULL) {
        sqlite3_finalize(query->word);
        sqlite3_finalize(query->offer);
        sqlite3_finalize(query->rates);
        database_rollback(query->db);
        sqlite3_close(query->db);
    }
}

bool report_query_failed(struct report_query *query, const char *path, struct error *error)
{
    if (query->arena->exhausted) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory",
                         "the answer is too large; ask for fewer calls");
    }
    return database_error(query->db, path, "reading calls", error);
}

bool report_read_attempts(struct report_query *query, sqlite3_stmt *from,
                          struct call_detail *detail)
{
    size_t room = detail->row.call.attempts;
    detail->attempts = arena_array(query->arena, room, sizeof(detail->attempts[0]));
    detail->count = 0;
    bool full = room > 0 && detail->attempts == NULL;
    int status = full ? SQLITE_NOMEM : sqlite3_step(from);
    while (status == SQLITE_ROW && detail->count < room) {
        read_attempt(query, from, &detail->attempts[detail->count++]);
        status = sqlite3_step(from);
    }
    return (status == SQLITE_DONE || status == SQLITE_ROW) && !query->failed &&
           !query->arena->exhausted;
}
