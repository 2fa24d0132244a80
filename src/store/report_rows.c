/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and attempts, read back into the records they came from. */
#include "store/report_query.h"

static const char sql_word[] = "SELECT name FROM names WHERE id = ?";

/* Columns are read from left to right. */
struct row {
    struct report_query *query;
    sqlite3_stmt *from;
    int column;
};

static int64_t next_number(struct row *row)
{
    return sqlite3_column_int64(row->from, row->column++);
}

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

static struct slice next_word(struct row *row)
{
    return report_word(row->query, next_number(row));
}

static struct id next_id(struct row *row)
{
    struct id id = {{0}};
    const void *bytes = sqlite3_column_blob(row->from, row->column);
    if (bytes != NULL && sqlite3_column_bytes(row->from, row->column) == (int)sizeof(id.bytes)) {
        memcpy(id.bytes, bytes, sizeof(id.bytes));
    }
    row->column++;
    return id;
}

static int next_choice(struct row *row, int count)
{
    int64_t value = next_number(row);
    return value < 0 || value >= count ? 0 : (int)value;
}

static struct slice next_bytes(struct row *row)
{
    const void *bytes = sqlite3_column_blob(row->from, row->column);
    size_t len = bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(row->from, row->column);
    row->column++;
    return len == 0 ? SLICE_EMPTY : arena_copy(row->query->arena, slice_of(bytes, len));
}

static enum task next_task(struct row *row)
{
    enum task task = TASK_OTHER;
    if (!task_from_name(next_word(row), &task)) {
        task = TASK_OTHER; /* of a version that had other tasks */
    }
    return task;
}

static struct slice join_candidates(struct report_query *query, struct slice menu,
                                    struct slice expected)
{
    size_t count = menu.len / MENU_BYTES;
    char *joined = count == 0 ? NULL : arena_alloc(query->arena, count * CANDIDATE_BYTES);
    if (joined == NULL || !candidates_join(menu, expected, joined)) {
        return SLICE_EMPTY;
    }
    return slice_of(joined, count * CANDIDATE_BYTES);
}

void report_read_call(struct report_query *query, sqlite3_stmt *from, struct call_row *ret_row)
{
    struct row row = {.query = query, .from = from};
    struct call_record *call = &ret_row->call;
    call->call = next_id(&row);
    call->wall_ns = next_number(&row);
    call->key_id = (uint64_t)next_number(&row);
    call->key_name = next_word(&row);
    call->endpoint = next_word(&row);
    call->asked_model = next_word(&row);
    call->route = next_word(&row);
    call->target = next_word(&row);
    call->provider = next_word(&row);
    call->model = next_word(&row);
    call->task = next_task(&row);
    call->tier = (enum tier)next_choice(&row, TIER_COUNT);
    call->complexity_permille = (int32_t)next_number(&row);
    call->streamed = next_number(&row) != 0;
    call->status = (int)next_number(&row);
    call->error = next_word(&row);
    call->attempts = (uint32_t)next_number(&row);
    call->cost_nd = next_number(&row);
    call->baseline_nd = next_number(&row);
    call->baseline = next_word(&row);
    call->input_tokens = next_number(&row);
    call->output_tokens = next_number(&row);
    call->expected_cost_nd = next_number(&row);
    call->first_byte_us = next_number(&row);
    call->total_us = next_number(&row);
    call->complete = next_number(&row) != 0;
    ret_row->estimated = next_number(&row) != 0;
    call->baseline_offer = (uint64_t)next_number(&row);
    call->scopes[SCOPE_KEY] = 0;
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        call->scopes[kind] = (uint64_t)next_number(&row);
    }
    call->tag = next_word(&row);
    struct slice menu = next_bytes(&row);
    call->candidates = join_candidates(query, menu, next_bytes(&row));
    call->words = SLICE_EMPTY;
}

static void read_usage(struct row *row, struct usage *usage)
{
    usage->input = next_number(row);
    usage->output = next_number(row);
    usage->cache_read = next_number(row);
    usage->cache_write = next_number(row);
    usage->cache_write_1h = next_number(row);
    usage->reasoning = next_number(row);
    usage->audio_input = next_number(row);
    usage->audio_output = next_number(row);
}

static void read_attempt(struct report_query *query, sqlite3_stmt *from,
                         struct settle_record *attempt)
{
    struct row row = {.query = query, .from = from};
    attempt->call = next_id(&row);
    attempt->attempt = (uint32_t)next_number(&row);
    attempt->wall_ns = next_number(&row);
    attempt->released_nd = next_number(&row);
    attempt->cost_nd = next_number(&row);
    attempt->key_id = (uint64_t)next_number(&row);
    attempt->outcome = (enum attempt_outcome)next_choice(&row, ATTEMPT_OUTCOMES);
    attempt->status = (int)next_number(&row);
    attempt->target = next_word(&row);
    attempt->provider = next_word(&row);
    attempt->model = next_word(&row);
    attempt->lane = next_word(&row);
    attempt->error = next_word(&row);
    attempt->usage.reported = next_number(&row) != 0;
    attempt->priced = next_number(&row) != 0;
    read_usage(&row, &attempt->usage);
    attempt->first_byte_us = next_number(&row);
    attempt->total_us = next_number(&row);
    attempt->usage.has_provider_cost = sqlite3_column_type(from, row.column) != SQLITE_NULL;
    attempt->usage.provider_cost_nd = next_number(&row);
    attempt->loss = copy_column(query, from, row.column++);
    attempt->offer = (uint64_t)next_number(&row);
    attempt->basis = (enum charge_basis)next_choice(&row, CHARGE_BASES);
    attempt->purpose = (enum attempt_purpose)next_choice(&row, ATTEMPT_PURPOSES);
    bool compared = sqlite3_column_type(from, row.column) != SQLITE_NULL;
    attempt->catalogue_nd = compared ? next_number(&row) : RECORD_NO_CATALOGUE;
    attempt->words = SLICE_EMPTY;
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
