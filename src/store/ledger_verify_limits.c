/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_verify_limits.h"

#include "model/money.h"
#include "store/limits.h"

static struct slice value_text(sqlite3_value *value)
{
    const char *text = (const char *)sqlite3_value_text(value);
    return text == NULL ? SLICE_EMPTY : slice_of(text, (size_t)sqlite3_value_bytes(value));
}

/* Of ["1.5",...] or [1.5,...]: an array keeps a number as it was written. */
static void usd_nd(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    int64_t amount_nd;
    struct error error;
    struct slice text = value_text(argv[0]);
    size_t end = slice_find(text, ',');
    (void)argc;
    if (end == SIZE_MAX || end < 1) {
        return;
    }
    text = slice_of(text.ptr + 1, end - 1);
    if (text.len >= 2 && text.ptr[0] == '"') {
        text = slice_of(text.ptr + 1, text.len - 2);
    }
    if (money_parse(text, &amount_nd, &error)) {
        sqlite3_result_int64(context, amount_nd);
    }
}

/* As the administration reads it: a whole number and its unit. */
static void window_s(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    struct slice text = value_text(argv[0]);
    uint64_t count = 0;
    (void)argc;
    const char *unit = text.len < 2 ? NULL : strchr(units, text.ptr[text.len - 1]);
    if (unit != NULL && *unit != '\0' && slice_to_u64(slice_of(text.ptr, text.len - 1), &count) &&
        count < UINT64_C(1) << 32) {
        sqlite3_result_int64(context, (int64_t)count * seconds[unit - units]);
    }
}

static const char audit_sql[] =
    "CREATE TEMP TABLE acts AS SELECT id, at_ns, action, substr(subject, 1, instr(subject || ' ',"
    " ' ')) AS prefix, json_valid(detail) AND detail NOT GLOB '*sk-sl-????...*' AS readable, CASE "
    "WHEN json_valid(detail) THEN detail"
    " ELSE '{}' END AS detail FROM audit WHERE outcome = 'ok' AND action IN ('key.create',"
    " 'admin.create', 'limit.change');"
    "CREATE TEMP TABLE pieces AS SELECT id, at_ns, prefix, CASE action WHEN 'limit.change' THEN"
    " coalesce(json_extract(detail, '$.model'), '') ELSE '' END AS model, detail AS limits,"
    " coalesce(json_extract(detail, '$.clear'), 0) AS clear FROM acts UNION ALL"
    " SELECT a.id, a.at_ns, a.prefix, l.key, l.value, 0 FROM acts a,"
    " json_each(a.detail, '$.limits') l WHERE a.action <> 'limit.change';"
    "CREATE TEMP TABLE priced AS SELECT p.id, p.prefix, p.model, json_extract(c.value, '$.per') AS"
    " per, coalesce(window_s(json_extract(c.value, '$.window')), 0) AS window_s,"
    " usd_nd(json_extract(c.value, '$.usd', '$.usd')) AS amount_nd,"
    " coalesce(json_extract(c.value, '$.soft'), 0) AS soft FROM pieces p,"
    " json_each(p.limits, '$.caps') c;"
    "CREATE INDEX temp.acts_of ON acts(prefix, action);"
    "CREATE INDEX temp.pieces_of ON pieces(prefix, model);"
    "CREATE INDEX temp.priced_of ON priced(id)";

bool verify_limits_register(sqlite3 *db)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    return sqlite3_create_function_v2(db, "usd_nd", 1, flags, NULL, usd_nd, NULL, NULL, NULL) ==
               SQLITE_OK &&
           sqlite3_create_function_v2(db, "window_s", 1, flags, NULL, window_s, NULL, NULL, NULL) ==
               SQLITE_OK &&
           database_exec(db, audit_sql);
}

/* --- the questions -----------------------------------------------------------------------------
 */

#define PREFIX                                                                                     \
    "CASE kind WHEN 0 THEN 'key:' WHEN 1 THEN 'user:' WHEN 2 THEN 'team:' ELSE 'organisation:' "   \
    "END"                                                                                          \
    " || scope || ' ' AS prefix"
#define CLEARED                                                                                    \
    "cleared AS (SELECT prefix, model, max(id) AS id FROM pieces WHERE clear GROUP BY 1, 2)"
#define UNREADABLE "(SELECT prefix FROM acts WHERE NOT readable)"
#define BOTH_WAYS                                                                                  \
    " SELECT prefix || 'model ' || model FROM (SELECT * FROM kept EXCEPT SELECT * FROM told"       \
    " UNION ALL SELECT * FROM (SELECT * FROM told EXCEPT SELECT * FROM kept))"                     \
    " WHERE prefix NOT IN " UNREADABLE " LIMIT 1"

/* Of each cap what was asked for last, unless all were cleared since. */
static const char caps_sql[] =
    "WITH " CLEARED
    ", listed AS (SELECT prefix, model, per, window_s, amount_nd, soft, max(id) AS id"
    " FROM priced GROUP BY 1, 2, 3, 4), told AS (SELECT l.prefix, l.model, l.per, l.window_s,"
    " l.amount_nd, l.soft FROM listed l LEFT JOIN cleared c ON c.prefix = l.prefix AND"
    " c.model = l.model WHERE l.id >= coalesce(c.id, 0) AND l.amount_nd IS NOT NULL),"
    " kept AS (SELECT " PREFIX
    ", model, CASE period WHEN 0 THEN 'total' WHEN 1 THEN 'day' WHEN 2 THEN 'week' WHEN 3 THEN"
    " 'month' WHEN 4 THEN 'rolling' ELSE period END, window_s, amount_nd, soft FROM "
    "caps)" BOTH_WAYS;
_Static_assert(CAP_TOTAL == 0 && CAP_DAY == 1 && CAP_WEEK == 2 && CAP_MONTH == 3 &&
                   CAP_ROLLING == 4,
               "as in the question");

/* The same of one number of a rule, which has one of its own when there is none. */
#define LIMIT(member, column, value, none)                                                         \
    "WITH " CLEARED ", listed AS (SELECT prefix, model, coalesce(" value ", " none                 \
    ") AS number, max(id) AS id FROM pieces"                                                       \
    " WHERE json_type(limits, '$." member "') IS NOT NULL GROUP BY 1, 2),"                         \
    " told AS (SELECT l.prefix, l.model, l.number FROM listed l LEFT JOIN cleared c"               \
    " ON c.prefix = l.prefix AND c.model = l.model"                                                \
    " WHERE l.id >= coalesce(c.id, 0) AND l.number <> " none "),"                                  \
    " kept AS (SELECT " PREFIX ", model, " column " FROM limits WHERE " column " <> " none         \
    ")" BOTH_WAYS
#define NUMBER(member, column) LIMIT(member, column, "json_extract(limits, '$." member "')", "-1")

static const struct {
    const char *broken;
    const char *sql;
} questions[] = {
    {"a cap is not what the audit log says", caps_sql},
    {"a limit of requests is not what the audit log says",
     NUMBER("requests_per_minute", "requests_per_minute")},
    {"a limit of tokens is not what the audit log says",
     NUMBER("tokens_per_minute", "tokens_per_minute")},
    {"a limit of calls at the same time is not what the audit log says",
     NUMBER("parallel", "parallel")},
    {"the most that a call may cost is not what the audit log says",
     LIMIT("max_request_usd", "max_request_nd",
           "usd_nd(json_extract(limits, '$.max_request_usd', '$.max_request_usd'))", "-1")},
    {"a pace is not what the audit log says",
     LIMIT("pace", "pace", "json_extract(limits, '$.pace')", "0")},
};

bool ledger_verify_limits(sqlite3 *db, const char *path, struct error *error)
{
    bool done = true;
    for (size_t i = 0; done && i < ARRAY_LEN(questions); i++) {
        sqlite3_stmt *row = database_prepare(db, questions[i].sql);
        int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
        done = status == SQLITE_DONE;
        if (status == SQLITE_ROW) {
            error_set(error, ERROR_INVALID, "ledger_violation", "%s (%s)", questions[i].broken,
                      (const char *)sqlite3_column_text(row, 0));
        } else if (!done) {
            database_error(db, path, "verifying", error);
        }
        sqlite3_finalize(row);
    }
    return done;
}
