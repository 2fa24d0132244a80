/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_ship_rows.h"

#include "base/buf.h"
#include "base/id.h"
#include "base/memory.h"
#include "store/ledger_note.h"
#include "store/offer.h"
#include "store/report.h"

#define PIECE_BYTES 65536

/* --- what is read ------------------------------------------------------------------------------
 */

#define WORD(column) "coalesce((SELECT name FROM names WHERE id = c." column "), ''), "

/* The same order as in the COPY below; the node is put in front of all. The hidden columns come
 * last: how many attempts, then what names offers. */
#define CALL_WORDS_READ                                                                            \
    WORD("key_name")                                                                               \
    WORD("endpoint")                                                                               \
    WORD("asked_model")                                                                            \
    WORD("route")                                                                                  \
    WORD("target")                                                                                 \
    WORD("provider")                                                                               \
    WORD("model")                                                                                  \
    WORD("task")
static const char call_sql[] =
    "SELECT c.id, c.started_ns, c.key, " CALL_WORDS_READ
    "CASE c.tier WHEN 0 THEN 'budget' WHEN 1 THEN 'mid' ELSE 'premium' END, c.complexity,"
    " c.streamed, c.status, " WORD("error") "c.attempts, c.cost_nd, c.baseline_nd, " WORD(
        "baseline") "c.input_tokens, c.output_tokens, c.expected_nd, c.first_byte_us, c.total_us,"
                    " c.complete, c.estimated, " WORD(
                        "tag") "c.user, c.team, c.organisation, c.verdict, c.baseline_offer,"
                               " '\\x' ||"
                               " hex(coalesce(c.menu, '')), '\\x' || hex(coalesce(c.expected,"
                               " '')), c.attempts, c.baseline_offer, c.menu FROM calls c WHERE "
                               "c.id = ?";
#define CALL_HIDDEN 3
#define CALL_COLUMNS                                                                               \
    "node, id, started_ns, key_id, key, endpoint, asked_model, route, target, provider, model,"    \
    " task, tier, complexity, streamed, status, error, attempts, cost_nd, baseline_nd, baseline,"  \
    " input_tokens, output_tokens, expected_nd, first_byte_us, total_us, complete, estimated,"     \
    " tag, user_id, team_id, organisation_id, verdict, baseline_offer, menu, expected"

/* Those that the call's row counted when it was read: one that came after its call was closed is
 * counted, and shipped, with the next start. */
#define ATTEMPT_WORDS_READ                                                                         \
    WORD("target")                                                                                 \
    WORD("provider")                                                                               \
    WORD("model")                                                                                  \
    WORD("lane")                                                                                   \
    WORD("error")
static const char attempt_sql[] =
    "SELECT c.call, c.attempt, c.settled_ns, c.held_nd, c.cost_nd, c.key,"
    " CASE c.outcome WHEN 0 THEN 'ok' WHEN 1 THEN 'failed' WHEN 2 THEN 'cut' WHEN 3 THEN"
    " 'cancelled' ELSE 'interrupted' END, c.status, " ATTEMPT_WORDS_READ
    "c.reported, c.priced, c.input, c.output, c.cache_read, c.cache_write, c.cache_write_1h,"
    " c.reasoning, c.audio_input, c.audio_output, c.first_byte_us, c.total_us, c.provider_nd,"
    " c.loss, c.basis, c.purpose, c.catalogue_nd, c.offer, c.expected_input, c.expected_output,"
    " c.high_output, c.expected_nd, c.expected_ms, c.image_input, c.image_output, c.offer"
    " FROM attempts c"
    " WHERE c.call = ?1 AND c.attempt <= ?2";
#define ATTEMPT_COLUMNS                                                                            \
    "node, call, attempt, settled_ns, held_nd, cost_nd, key_id, outcome, status, target,"          \
    " provider, model, lane, error, reported, priced, input, output, cache_read, cache_write,"     \
    " cache_write_1h, reasoning, audio_input, audio_output, first_byte_us, total_us, provider_nd," \
    " loss, basis, purpose, catalogue_nd, offer, expected_input, expected_output, high_output,"    \
    " expected_nd, expected_ms, image_input, image_output"
#define ATTEMPT_HIDDEN 1

#define SUM_COLUMNS                                                                                \
    "calls, failed, input_tokens, output_tokens, cost_nd, baseline_nd, estimated, failed_nd,"      \
    " judge_nd, shadow_nd, escalation_nd, told_nd, catalogue_nd"

const char ship_session_sql[] =
    "CREATE TEMP TABLE IF NOT EXISTS coming_calls ON COMMIT DELETE ROWS AS SELECT " CALL_COLUMNS
    " FROM sluice.calls LIMIT 0;"
    "CREATE TEMP TABLE IF NOT EXISTS coming_attempts ON COMMIT DELETE ROWS AS "
    "SELECT " ATTEMPT_COLUMNS " FROM sluice.attempts LIMIT 0;"
    "CREATE TEMP TABLE IF NOT EXISTS coming_offers ON COMMIT DELETE ROWS AS SELECT * FROM"
    " sluice.offers LIMIT 0;"
    "CREATE TEMP TABLE IF NOT EXISTS coming_rates ON COMMIT DELETE ROWS AS SELECT * FROM"
    " sluice.offer_rates LIMIT 0;"
    "CREATE TEMP TABLE IF NOT EXISTS coming_rollups(dimension text, hour bigint, name text, calls "
    "bigint,"
    " failed bigint, input_tokens bigint, output_tokens bigint, cost_nd bigint,"
    " baseline_nd bigint, estimated bigint, failed_nd bigint, judge_nd bigint, shadow_nd bigint,"
    " escalation_nd bigint, told_nd bigint, catalogue_nd bigint) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS coming_spend(kind text, scope bigint, model text, bucket_s "
    "bigint,"
    " cost_nd bigint) ON COMMIT DELETE ROWS";

/* --- offers ------------------------------------------------------------------------------------
 */

#define OFFERS_MAX 65536 /* that are remembered: an offer that is sent twice does no harm */

void ship_offers_init(struct ship_offers *offers)
{
    *offers = (struct ship_offers){.fresh = BUF_INIT(OFFERS_MAX * sizeof(int64_t) * 2)};
}

void ship_offers_release(struct ship_offers *offers)
{
    memory_free(offers->ids);
    buf_release(&offers->fresh);
}

void ship_offers_forget(struct ship_offers *offers)
{
    offers->count = 0;
    buf_clear(&offers->fresh);
}

static size_t find_offer(const struct ship_offers *offers, int64_t id)
{
    size_t low = 0;
    size_t high = offers->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (offers->ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* What there is no memory for is sent once more the next time. */
static void remember_offer(struct ship_offers *offers, size_t at, int64_t id)
{
    if (offers->count == offers->room && offers->room < OFFERS_MAX) {
        size_t room = offers->room == 0 ? 256 : offers->room * 2;
        int64_t *larger = memory_resize(offers->ids, room * sizeof(int64_t));
        offers->ids = larger == NULL ? offers->ids : larger;
        offers->room = larger == NULL ? offers->room : room;
    }
    if (offers->count < offers->room) {
        memmove(offers->ids + at + 1, offers->ids + at, (offers->count - at) * sizeof(int64_t));
        offers->ids[at] = id;
        offers->count++;
    }
}

static void name_offer(struct ship_offers *offers, int64_t id)
{
    size_t at = find_offer(offers, id);
    if (id != 0 && (at == offers->count || offers->ids[at] != id)) {
        buf_append(&offers->fresh, slice_of((const char *)&id, sizeof(id)));
        remember_offer(offers, at, id);
    }
}

/* An offer, or a menu: see offer.h. */
static void name_offers(struct ship_offers *offers, sqlite3_stmt *row, int column)
{
    if (sqlite3_column_type(row, column) == SQLITE_INTEGER) {
        name_offer(offers, sqlite3_column_int64(row, column));
        return;
    }
    const char *menu = sqlite3_column_blob(row, column);
    int len = sqlite3_column_bytes(row, column);
    for (int at = 0; at + MENU_BYTES <= len; at += MENU_BYTES) {
        uint64_t id = 0;
        memcpy(&id, menu + at, sizeof(id));
        name_offer(offers, (int64_t)le64toh(id));
    }
}

/* --- text --------------------------------------------------------------------------------------
 */

/* PostgreSQL takes neither NUL nor what is no UTF-8, and one bad name must not hold up the rest. */
static void put_text(struct buf *out, struct slice text)
{
    while (text.len > 0) {
        size_t length = slice_utf8_length(text);
        char byte = text.ptr[0];
        if (length == 0 || byte == '\0') {
            buf_append_char(out, '?');
            length = 1;
        } else if (byte == '\\' || byte == '\t' || byte == '\n' || byte == '\r') {
            buf_append_char(out, '\\');
            buf_append_char(out, byte == '\\'   ? '\\'
                                 : byte == '\t' ? 't'
                                 : byte == '\n' ? 'n'
                                                : 'r');
        } else {
            buf_append(out, slice_of(text.ptr, length));
        }
        text = slice_from(text, length);
    }
}

static void put_column(struct buf *out, sqlite3_stmt *row, int column)
{
    char text[ID_TEXT_LEN + 1];
    struct id id;
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL:
        buf_append_cstr(out, "\\N");
        break;
    case SQLITE_BLOB:
        memset(&id, 0, sizeof(id));
        if (sqlite3_column_bytes(row, column) == (int)sizeof(id.bytes)) {
            memcpy(id.bytes, sqlite3_column_blob(row, column), sizeof(id.bytes));
        }
        buf_append_cstr(out, id_format(id, text));
        break;
    case SQLITE_INTEGER:
        buf_append_i64(out, sqlite3_column_int64(row, column));
        break;
    default: {
        const char *words = (const char *)sqlite3_column_text(row, column);
        put_text(out, slice_of(words, (size_t)sqlite3_column_bytes(row, column)));
    }
    }
}

/* --- copying -----------------------------------------------------------------------------------
 */

static bool read_failed(struct ship_copy *copy)
{
    return database_error(copy->db, "the ledger", "reading what is to be shipped", copy->error);
}

static bool send_piece(struct ship_copy *copy, size_t keep)
{
    if (copy->piece->failed) {
        return error_set(copy->error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    if (copy->piece->len <= keep) {
        return true;
    }
    bool done = postgres_copy_put(copy->postgres, buf_slice(copy->piece), copy->error);
    buf_clear(copy->piece);
    return done;
}

/* *ret_count: attempts of a call, 0 where it is not there. */
static bool put_rows(struct ship_copy *copy, const struct id *call, int64_t *ret_count)
{
    int64_t count = 0;
    sqlite3_stmt *row = copy->statement;
    sqlite3_bind_blob(row, 1, call->bytes, sizeof(call->bytes), SQLITE_STATIC);
    int status = sqlite3_step(row);
    while (status == SQLITE_ROW) {
        int columns = sqlite3_column_count(row);
        buf_append_i64(copy->piece, copy->node);
        for (int i = 0; i < columns - copy->hidden; i++) {
            buf_append_char(copy->piece, '\t');
            put_column(copy->piece, row, i);
        }
        int hidden = columns - copy->hidden;
        if (copy->hidden == CALL_HIDDEN) {
            count = sqlite3_column_int64(row, hidden++);
        }
        for (int i = hidden; i < columns; i++) {
            name_offers(copy->offers, row, i);
        }
        buf_append_char(copy->piece, '\n');
        status = sqlite3_step(row);
    }
    sqlite3_reset(row);
    *ret_count = count;
    return status == SQLITE_DONE || read_failed(copy);
}

static bool put_calls(struct ship_copy *copy, struct slice calls)
{
    for (; calls.len >= sizeof(struct id); calls = slice_from(calls, sizeof(struct id))) {
        struct id id;
        int64_t count;
        memcpy(id.bytes, calls.ptr, sizeof(id.bytes));
        if (!put_rows(copy, &id, &count) || !send_piece(copy, PIECE_BYTES)) {
            return false;
        }
        buf_append(copy->counts, slice_of((const char *)&count, sizeof(count)));
    }
    return !copy->counts->failed ||
           error_set(copy->error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
}

static bool put_attempts(struct ship_copy *copy, struct slice calls)
{
    struct slice counts = buf_slice(copy->counts);
    for (; calls.len >= sizeof(struct id); calls = slice_from(calls, sizeof(struct id))) {
        struct id id;
        int64_t count = 0;
        int64_t none;
        memcpy(id.bytes, calls.ptr, sizeof(id.bytes));
        if (counts.len >= sizeof(count)) {
            memcpy(&count, counts.ptr, sizeof(count));
            counts = slice_from(counts, sizeof(count));
        }
        sqlite3_bind_int64(copy->statement, 2, count);
        if (!put_rows(copy, &id, &none) || !send_piece(copy, PIECE_BYTES)) {
            return false;
        }
    }
    return true;
}

/* Offers or their rates. */
static bool put_offers(struct ship_copy *copy, struct slice ids)
{
    sqlite3_stmt *row = copy->statement;
    for (; ids.len >= sizeof(int64_t); ids = slice_from(ids, sizeof(int64_t))) {
        int64_t id;
        memcpy(&id, ids.ptr, sizeof(id));
        sqlite3_bind_int64(row, 1, id);
        int status = sqlite3_step(row);
        while (status == SQLITE_ROW) {
            for (int i = 0; i < sqlite3_column_count(row); i++) {
                if (i > 0) {
                    buf_append_char(copy->piece, '\t');
                }
                put_column(copy->piece, row, i);
            }
            buf_append_char(copy->piece, '\n');
            status = sqlite3_step(row);
        }
        sqlite3_reset(row);
        if (status != SQLITE_DONE) {
            return read_failed(copy);
        }
        if (!send_piece(copy, PIECE_BYTES)) {
            return false;
        }
    }
    return true;
}

static bool put_names(struct ship_copy *copy, int64_t name)
{
    sqlite3_stmt *row = copy->statement;
    sqlite3_bind_int64(row, 1, name);
    if (name != 0 && sqlite3_step(row) == SQLITE_ROW) {
        put_column(copy->piece, row, 0);
    }
    return sqlite3_reset(row) == SQLITE_OK || read_failed(copy);
}

static void put_number(struct ship_copy *copy, int64_t number)
{
    buf_append_char(copy->piece, '\t');
    buf_append_i64(copy->piece, number);
}

/* Scopes may get another name: their numbers are the cluster's. */
static bool is_scope(enum report_by by)
{
    return by == REPORT_USER || by == REPORT_TEAM || by == REPORT_ORGANISATION;
}

static bool put_rollups(struct ship_copy *copy, struct slice rollups)
{
    int64_t numbers[NOTE_ROLLUP_NUMBERS];
    for (; rollups.len >= sizeof(numbers); rollups = slice_from(rollups, sizeof(numbers))) {
        memcpy(numbers, rollups.ptr, sizeof(numbers));
        if (numbers[0] < 0 || numbers[0] >= REPORT_BYS) {
            continue; /* of a version that had more */
        }
        buf_append_cstr(copy->piece, report_by_name((enum report_by)numbers[0]));
        put_number(copy, numbers[1]);
        if (is_scope((enum report_by)numbers[0])) {
            put_number(copy, numbers[2]);
        } else {
            buf_append_char(copy->piece, '\t');
            if (!put_names(copy, numbers[2])) {
                return false;
            }
        }
        for (int i = 3; i < NOTE_ROLLUP_NUMBERS; i++) {
            put_number(copy, numbers[i]);
        }
        buf_append_char(copy->piece, '\n');
        if (!send_piece(copy, PIECE_BYTES)) {
            return false;
        }
    }
    return true;
}

static bool put_spends(struct ship_copy *copy, struct slice spends)
{
    static const char *const kinds[] = {"key", "user", "team", "organisation"};
    int64_t numbers[NOTE_SPEND_NUMBERS];
    for (; spends.len >= sizeof(numbers); spends = slice_from(spends, sizeof(numbers))) {
        memcpy(numbers, spends.ptr, sizeof(numbers));
        if (numbers[0] < 0 || numbers[0] >= (int64_t)ARRAY_LEN(kinds)) {
            continue;
        }
        buf_append_cstr(copy->piece, kinds[numbers[0]]);
        put_number(copy, numbers[1]);
        buf_append_char(copy->piece, '\t');
        if (!put_names(copy, numbers[2])) {
            return false;
        }
        put_number(copy, numbers[3]);
        put_number(copy, numbers[4]);
        buf_append_char(copy->piece, '\n');
        if (!send_piece(copy, PIECE_BYTES)) {
            return false;
        }
    }
    return true;
}

/* One table: COPY into the session's, `merge` into the shared one. `sql` reads the rows or names.
 */
static bool copy_table(struct ship_copy *copy, const char *sql, const char *begin,
                       bool (*put)(struct ship_copy *, struct slice), struct slice what,
                       const char *merge)
{
    struct postgres_params params = {0};
    int64_t count = 0;
    if (what.len == 0) {
        return true;
    }
    copy->statement = database_prepare(copy->db, sql);
    if (copy->statement == NULL) {
        return read_failed(copy);
    }
    bool done = postgres_copy_begin(copy->postgres, begin, copy->error) && put(copy, what) &&
                send_piece(copy, 0) && postgres_copy_end(copy->postgres, &count, copy->error);
    sqlite3_finalize(copy->statement);
    copy->statement = NULL;
    if (strstr(merge, "$1") != NULL) {
        params_int64(&params, copy->node);
    }
    return done && postgres_run(copy->postgres, merge, &params, NULL, copy->error);
}

bool ship_copy_calls(struct ship_copy *copy, struct slice calls)
{
    copy->hidden = CALL_HIDDEN;
    return copy_table(copy, call_sql, "COPY coming_calls FROM STDIN", put_calls, calls,
                      "INSERT INTO calls(" CALL_COLUMNS ") SELECT DISTINCT ON (id) " CALL_COLUMNS
                      " FROM coming_calls ORDER BY id ON CONFLICT (id) DO UPDATE SET"
                      " attempts = excluded.attempts, cost_nd = excluded.cost_nd,"
                      " estimated = excluded.estimated");
}

bool ship_copy_attempts(struct ship_copy *copy, struct slice calls)
{
    copy->hidden = ATTEMPT_HIDDEN;
    return copy_table(copy, attempt_sql, "COPY coming_attempts FROM STDIN", put_attempts, calls,
                      "INSERT INTO attempts(" ATTEMPT_COLUMNS
                      ") SELECT DISTINCT ON (call, attempt) " ATTEMPT_COLUMNS
                      " FROM coming_attempts ORDER BY call, attempt ON CONFLICT DO NOTHING");
}

static const char offer_sql[] =
    "SELECT c.id, CASE c.kind WHEN 1 THEN 'priced' WHEN 2 THEN 'ceiling' WHEN 3 THEN 'free' ELSE"
    " 'unpriced' END, " WORD("target") WORD("provider")
        WORD("model") "c.per_request_nd FROM offers c WHERE c.id = ?";
static const char rates_sql[] =
    "SELECT offer, above_input, input_pd, output_pd, cache_read_pd, cache_write_pd,"
    " cache_write_1h_pd, audio_input_pd, audio_output_pd, reasoning_pd, image_input_pd,"
    " image_output_pd FROM offer_rates WHERE offer = ?";

/* Another node may have brought the same ones at the same time: in one order, nobody waits for
 * somebody who waits. */
bool ship_copy_offers(struct ship_copy *copy)
{
    struct slice ids = buf_slice(&copy->offers->fresh);
    return (!copy->offers->fresh.failed ||
            error_set(copy->error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory")) &&
           copy_table(copy, offer_sql, "COPY coming_offers FROM STDIN", put_offers, ids,
                      "INSERT INTO offers SELECT DISTINCT ON (id) * FROM coming_offers ORDER BY id"
                      " ON CONFLICT DO NOTHING") &&
           copy_table(copy, rates_sql, "COPY coming_rates FROM STDIN", put_offers, ids,
                      "INSERT INTO offer_rates SELECT DISTINCT ON (offer, above_input) * FROM"
                      " coming_rates ORDER BY offer, above_input ON CONFLICT DO NOTHING");
}

static const char name_sql[] = "SELECT name FROM names WHERE id = ?";

#define MERGE_SUMS(table, column, from)                                                            \
    "INSERT INTO " table " AS r(dimension, " column ", name, node, " SUM_COLUMNS                   \
    ") SELECT dimension, " from ", name, $1, sum(calls), sum(failed), sum(input_tokens),"          \
    " sum(output_tokens), sum(cost_nd), sum(baseline_nd), sum(estimated),"                         \
    " sum(failed_nd), sum(judge_nd), sum(shadow_nd), sum(escalation_nd), sum(told_nd),"            \
    " sum(catalogue_nd) FROM coming_rollups"                                                       \
    " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 ON CONFLICT (dimension, " column                           \
    ", name, node) DO UPDATE SET calls = r.calls + excluded.calls,"                                \
    " failed = r.failed + excluded.failed,"                                                        \
    " input_tokens = r.input_tokens + excluded.input_tokens,"                                      \
    " output_tokens = r.output_tokens + excluded.output_tokens,"                                   \
    " cost_nd = r.cost_nd + excluded.cost_nd,"                                                     \
    " baseline_nd = r.baseline_nd + excluded.baseline_nd,"                                         \
    " estimated = r.estimated + excluded.estimated,"                                               \
    " failed_nd = r.failed_nd + excluded.failed_nd,"                                               \
    " judge_nd = r.judge_nd + excluded.judge_nd,"                                                  \
    " shadow_nd = r.shadow_nd + excluded.shadow_nd,"                                               \
    " escalation_nd = r.escalation_nd + excluded.escalation_nd,"                                   \
    " told_nd = r.told_nd + excluded.told_nd,"                                                     \
    " catalogue_nd = r.catalogue_nd + excluded.catalogue_nd"

/* Sums of days beside those of hours: a report over years reads some thousand rows. */
bool ship_copy_rollups(struct ship_copy *copy, struct slice rollups)
{
    struct postgres_params params = {0};
    params_int64(&params, copy->node);
    return copy_table(copy, name_sql, "COPY coming_rollups FROM STDIN", put_rollups, rollups,
                      MERGE_SUMS("rollups", "hour", "hour")) &&
           postgres_run(copy->postgres, MERGE_SUMS("rollups_day", "day", "hour / 24"), &params,
                        NULL, copy->error);
}

bool ship_copy_spends(struct ship_copy *copy, struct slice spends)
{
    return copy_table(copy, name_sql, "COPY coming_spend FROM STDIN", put_spends, spends,
                      "INSERT INTO spend AS s(kind, scope, model, bucket_s, node, cost_nd)"
                      " SELECT kind, scope, model, bucket_s, $1, sum(cost_nd) FROM coming_spend"
                      " GROUP BY kind, scope, model, bucket_s ORDER BY kind, scope, model, bucket_s"
                      " ON CONFLICT (kind, scope, model, bucket_s, node)"
                      " DO UPDATE SET cost_nd = s.cost_nd + excluded.cost_nd");
}
