/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invariants as questions that must have no answer. Each returns the identifier (a call, or
 * words) of one violation. Calls that are still open are left out: their rows are not all there
 * yet.
 */
#include "store/ledger.h"

#include "store/database.h"
#include "store/ledger_clock.h"
#include "store/ledger_control.h"
#include "store/ledger_price.h"
#include "store/ledger_schema.h"
#include "store/ledger_verify_spend.h"
#include "store/report.h"

#include <stdio.h>

struct invariant {
    const char *broken; /* what a violation means */
    const char *sql;    /* its first column says where */
};

/* What calls add to a dimension, under the word in `word`; the cost is the call's ... */
#define CALL_SUMS(word, cost)                                                                      \
    "SELECT max(started_ns, 0) / 3600000000000 AS hour, " word " AS name, 1 AS calls,"             \
    " complete = 0 AS failed, input_tokens, output_tokens, " cost " AS cost_nd, baseline_nd,"      \
    " estimated FROM calls"

/* ... or each attempt's own, in the call's row or not; those that came after their call are added
 * at the next start. */
#define ATTEMPT_SUMS(word)                                                                         \
    CALL_SUMS(word, "0")                                                                           \
    " UNION ALL SELECT max(c.started_ns, 0) / 3600000000000, s.attempt_" word                      \
    ", 0, 0, 0, 0, c.cost_nd, 0, 0 FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape"         \
    " WHERE c.bits & 8"                                                                            \
    " UNION ALL SELECT max(c.started_ns, 0) / 3600000000000, a." word                              \
    ", 0, 0, 0, 0, a.cost_nd, 0, 0 FROM attempt_rows a CROSS JOIN call_rows c ON c.id = a.call"    \
    " WHERE NOT (a.attempt = 1 AND c.bits & 8) AND (a.attempt <= c.attempts OR"                    \
    " a.call NOT IN (SELECT call FROM open_calls))"

/* Both ways: what is missing in the sums, and what is there without reason. `found` is the table
 * with its condition, of hours after the one that `since` asks for. */
#define COMPARED(found, name, rows, since)                                                         \
    "WITH wanted AS (SELECT hour, name, sum(calls), sum(failed), sum(input_tokens),"               \
    " sum(output_tokens), sum(cost_nd), sum(baseline_nd), sum(estimated) FROM (" rows              \
    ") WHERE hour > (" since ") GROUP BY hour, name),"                                             \
    " found AS (SELECT hour, " name                                                                \
    " AS name, calls, failed, input_tokens, output_tokens, cost_nd,"                               \
    " baseline_nd, estimated FROM " found " AND hour > (" since "))"                               \
    " SELECT 'hour ' || hour || ', word ' || name FROM (SELECT * FROM wanted EXCEPT"               \
    " SELECT * FROM found) UNION ALL SELECT 'hour ' || hour || ', word ' || name FROM"             \
    " (SELECT * FROM found EXCEPT SELECT * FROM wanted) LIMIT 1"
#define PRUNED "SELECT pruned_hour FROM state"
#define ROLLUPS(dimension, rows)                                                                   \
    COMPARED("rollups WHERE dimension = " dimension, "name", rows, PRUNED)
/* The same of sums that began with version 10; what has no word has none. */
#define LATER "SELECT max(pruned_hour, sums_hour) FROM state"
#define LATER_ROLLUPS(dimension, rows)                                                             \
    COMPARED("rollups WHERE dimension = " dimension, "name", rows " WHERE name <> 0", LATER)

/* Of a key's calls with a model, as one word. */
#define KEY_AND(key, model) key " * 4294967296 + " model
#define KEY_MODEL_COSTS                                                                            \
    " UNION ALL SELECT max(c.started_ns, 0) / 3600000000000, " KEY_AND(                            \
        "s.key",                                                                                   \
        "s.attempt_model") ", 0, 0, 0, 0, c.cost_nd, 0, 0 FROM call_rows c CROSS JOIN shapes s "   \
                           "ON s.id = c.shape"                                                     \
                           " WHERE c.bits & 8 AND s.key <> 0"                                      \
                           " UNION ALL SELECT max(c.started_ns, 0) / 3600000000000, " KEY_AND(     \
                               "s.key",                                                            \
                               "a.model") ", 0, 0, 0, 0, a.cost_nd, 0, 0 FROM attempt_rows a "     \
                                          "CROSS JOIN call_rows c ON c.id = a.call"                \
                                          " CROSS JOIN shapes s ON s.id = c.shape WHERE s.key <> " \
                                          "0 AND NOT (a.attempt = 1 AND"                           \
                                          " c.bits & 8) AND (a.attempt <= c.attempts OR a.call "   \
                                          "NOT IN (SELECT call FROM open_calls))"

/* Of the cost of an attempt in `row`, what no answer cost, and what its provider told. */
#define EXTRA(row, outcome, purpose, basis, offer, price)                                          \
    "CASE WHEN " purpose " = 0 AND " outcome " IN (1, 4) THEN " row ".cost_nd ELSE 0 END AS f,"    \
    " CASE WHEN " purpose " = 1 THEN " row ".cost_nd ELSE 0 END AS j,"                             \
    " CASE WHEN " purpose " = 2 THEN " row ".cost_nd ELSE 0 END AS s,"                             \
    " CASE WHEN " purpose " = 3 THEN " row ".cost_nd ELSE 0 END AS e,"                             \
    " CASE WHEN " basis " = 3 AND " offer " IN (SELECT id FROM offers WHERE kind = 1) THEN " row   \
    ".cost_nd ELSE 0 END AS t, CASE WHEN " basis " = 3 AND " offer                                 \
    " IN (SELECT id FROM offers WHERE kind = 1) THEN " price " ELSE 0 END AS c"

#define DAY_SUMS(before, after)                                                                    \
    before "calls" after ", " before "failed" after ", " before "input_tokens" after ", " before   \
           "output_tokens" after ", " before "cost_nd" after ", " before "baseline_nd" after       \
           ", " before "estimated" after ", " before "failed_nd" after ", " before                 \
           "judge_nd" after ", " before "shadow_nd" after ", " before "escalation_nd" after        \
           ", " before "told_nd" after ", " before "catalogue_nd" after

/* Words of a table that must have names; chained by UNION ALL. */
#define UNNAMED(table, column)                                                                     \
    "SELECT " column " FROM " table " WHERE " column " <> 0 AND " column                           \
    " NOT IN (SELECT id FROM names)"
#define UNNAMED_2(table, first, second) UNNAMED(table, first) " UNION ALL " UNNAMED(table, second)

/* The usage of an attempt at an offer, NULL when that was not recorded: see ledger_price.h. */
#define PRICE_OF(offer, row)                                                                       \
    "price_nd(" offer ", " row "input, " row "output, " row "cache_read, " row "cache_write, " row \
    "cache_write_1h, " row "reasoning, " row "audio_input, " row "audio_output, " row              \
    "image_input, " row "image_output)"
#define OWN_PRICE_OF(offer)                                                                        \
    "price_nd(" offer ", c.input_tokens, c.output_tokens, c.cache_read, c.cache_write, 0,"         \
    " c.reasoning, 0, 0, 0, 0)"

static const struct invariant invariants[] = {
    {"a call is of no known shape",
     "SELECT id FROM call_rows WHERE shape NOT IN (SELECT id FROM shapes) LIMIT 1"},
    /* Those with an attempt of their own share its cost. */
    {"a call is not the sum of its attempts",
     "SELECT c.id FROM call_rows c WHERE CASE WHEN c.bits & 8 THEN c.attempts <> 1 ELSE"
     " (c.cost_nd, c.attempts) <> (SELECT coalesce(sum(cost_nd), 0), count(*) FROM attempt_rows a"
     " WHERE a.call = c.id) END AND c.id NOT IN (SELECT call FROM open_calls) LIMIT 1"},
    {"an attempt belongs to no call",
     "SELECT call FROM attempt_rows WHERE call NOT IN (SELECT id FROM call_rows) AND call NOT IN"
     " (SELECT call FROM open_calls) LIMIT 1"},
    {"an attempt is settled and still held",
     "SELECT h.call FROM holds h WHERE EXISTS (SELECT 1 FROM attempt_rows a WHERE a.call = h.call"
     " AND a.attempt = h.attempt) OR (h.attempt = 1 AND EXISTS (SELECT 1 FROM call_rows c WHERE"
     " c.id = h.call AND c.bits & 8)) LIMIT 1"},
    {"a hold belongs to no open call",
     "SELECT call FROM holds WHERE call NOT IN (SELECT call FROM open_calls) LIMIT 1"},
    {"an amount is negative",
     "SELECT id FROM calls WHERE cost_nd < 0 OR baseline_nd < 0 UNION ALL"
     " SELECT call FROM attempts WHERE cost_nd < 0 OR held_nd < 0 UNION ALL"
     " SELECT call FROM holds WHERE amount_nd < 0 LIMIT 1"},
    {"an attempt has no known outcome",
     "SELECT call FROM attempts WHERE outcome NOT BETWEEN 0 AND 4 LIMIT 1"},
    {"the sums of the hours are wrong", ROLLUPS("0", CALL_SUMS("0", "cost_nd"))},
    {"the sums of the models are wrong", ROLLUPS("1", ATTEMPT_SUMS("model"))},
    {"the sums of the tasks are wrong", ROLLUPS("2", CALL_SUMS("task", "cost_nd"))},
    {"the sums of the keys are wrong", ROLLUPS("3", CALL_SUMS("key_name", "cost_nd"))},
    {"what keys have spent is not what their calls cost",
     "WITH spent AS (SELECT scope, sum(cost_nd) AS nd FROM spend WHERE kind = 0 AND model = 0"
     " GROUP BY scope), cost AS (SELECT key, sum(cost_nd) AS nd FROM calls WHERE key <> 0"
     " GROUP BY key HAVING sum(cost_nd) > 0) SELECT 'key ' || key FROM cost LEFT JOIN spent"
     " ON scope = key WHERE spent.nd IS NULL OR cost.nd > spent.nd OR (cost.nd <> spent.nd AND"
     " (SELECT pruned_hour FROM state) < 0) LIMIT 1"},
    {"an amount is negative", "SELECT scope FROM spend WHERE cost_nd < 0 LIMIT 1"},
    {"the sums of the providers are wrong", ROLLUPS("4", ATTEMPT_SUMS("provider"))},
    {"the sums of the targets are wrong", ROLLUPS("5", ATTEMPT_SUMS("target"))},
    {"the sums of the routes are wrong", ROLLUPS("6", CALL_SUMS("route", "cost_nd"))},
    {"nobody knows what a charge is made of",
     "SELECT call FROM attempts WHERE basis NOT BETWEEN 0 AND 7 LIMIT 1"},
    {"nobody knows what an attempt was for",
     "SELECT call FROM attempts WHERE purpose NOT BETWEEN 0 AND 3 LIMIT 1"},
    {"a charge is not the usage at its price",
     "SELECT call FROM attempts WHERE basis = 2 AND cost_nd <> " PRICE_OF("offer", "") " LIMIT 1"},
    {"a charge is more than the usage at its price",
     "SELECT call FROM attempts WHERE basis = 4 AND cost_nd > " PRICE_OF("offer", "") " LIMIT 1"},
    {"a charge is not the most that its usage can cost",
     "SELECT call FROM attempts WHERE basis = 7 AND cost_nd <> most_nd(offer, input, output,"
     " audio_input, audio_output, image_input, image_output) LIMIT 1"},
    {"a charge is not what the provider said",
     "SELECT call FROM attempts WHERE basis = 3 AND cost_nd IS NOT provider_nd LIMIT 1"},
    {"what the catalogue says of a charge is not the usage at its price",
     "SELECT call FROM attempts WHERE catalogue_nd <> " PRICE_OF("offer", "") " LIMIT 1"},
    {"nothing was charged for",
     "SELECT call FROM attempts WHERE basis IN (1, 6) AND cost_nd <> 0 LIMIT 1"},
    /* a hold that was extended is charged whole */
    {"a charge is not its hold",
     "SELECT call FROM attempts WHERE basis = 5 AND cost_nd < held_nd LIMIT 1"},
    {"a baseline is not the usage at the baseline's price",
     "SELECT c.id FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8 AND"
     " s.baseline_offer IN (SELECT id FROM offers) AND c.baseline_nd <> CASE WHEN"
     " c.bits >> 9 & 7 IN (1, 4) OR c.bits >> 12 & 7 = 1 THEN 0 ELSE " OWN_PRICE_OF(
         "s.baseline_offer") " END UNION ALL SELECT c.id FROM call_rows c CROSS JOIN shapes s ON "
                             "s.id = c.shape WHERE"
                             " c.bits & 8 = 0 AND s.baseline_offer IN (SELECT id FROM offers) AND"
                             " c.id NOT IN (SELECT call FROM open_calls) AND c.baseline_nd <>"
                             " (SELECT coalesce(sum(nd), 0) FROM (SELECT " PRICE_OF(
                                 "s.baseline_offer",
                                 "a.") " AS nd FROM attempt_rows a WHERE a.call = c.id AND "
                                       "a.outcome NOT IN (1, 4) AND"
                                       " a.basis <> 1 AND a.purpose = 0)) LIMIT 1"},
    {"the sums of the users are wrong", LATER_ROLLUPS("7", CALL_SUMS("user", "cost_nd"))},
    {"the sums of the teams are wrong", LATER_ROLLUPS("8", CALL_SUMS("team", "cost_nd"))},
    {"the sums of the organisations are wrong",
     LATER_ROLLUPS("9", CALL_SUMS("organisation", "cost_nd"))},
    {"the sums of the tags are wrong", LATER_ROLLUPS("10", CALL_SUMS("tag", "cost_nd"))},
    {"the sums of a key's own calls are wrong",
     COMPARED("key_rollups WHERE dimension = 0", "key",
              CALL_SUMS("key", "cost_nd") " WHERE key <> 0", LATER)},
    {"the sums of a key's models are not those of its days",
     "SELECT 'key ' || key || ', hour ' || hour FROM (SELECT key, hour, dimension, sum(calls) AS a,"
     " sum(failed) AS f, sum(input_tokens) AS g, sum(output_tokens) AS h, sum(estimated) AS i,"
     " sum(cost_nd) AS b, sum(baseline_nd) AS c, sum(failed_nd + judge_nd + shadow_nd +"
     " escalation_nd) AS d, sum(told_nd - catalogue_nd) AS e FROM key_rollups GROUP BY key, hour,"
     " dimension) GROUP BY key, hour HAVING count(*) <> 2 OR min(dimension) <> 0 OR"
     " max(dimension) <> 1 OR min(f) <> max(f) OR min(g) <> max(g) OR min(h) <> max(h) OR"
     " min(i) <> max(i) OR min(a) <> max(a) OR min(b) <> max(b)"
     " OR min(c) <> max(c) OR min(d) <> max(d) OR min(e) <> max(e) LIMIT 1"},
    {"the sums of a key's models are wrong",
     COMPARED("key_rollups WHERE dimension = 1", KEY_AND("key", "name"),
              CALL_SUMS(KEY_AND("key", "model"), "0") " WHERE key <> 0" KEY_MODEL_COSTS, LATER)},
    {"a key's own sums have a name",
     "SELECT 'key ' || key FROM key_rollups WHERE dimension = 0 AND name <> 0 LIMIT 1"},
    {"the sums of a model are less than those of its keys",
     "SELECT 'hour ' || k.hour || ', word ' || k.name FROM (SELECT hour, name, sum(calls) AS calls,"
     " sum(cost_nd) AS nd FROM key_rollups WHERE dimension = 1 GROUP BY 1, 2) k LEFT JOIN rollups r"
     " ON r.dimension = 1 AND r.hour = k.hour AND r.name = k.name WHERE r.calls IS NULL OR"
     " k.calls > r.calls OR k.nd > r.cost_nd LIMIT 1"},
    {"the sums of what no answer cost are wrong",
     "WITH wanted AS (SELECT hour, sum(f), sum(j), sum(s), sum(e), sum(t), sum(c) FROM ("
     "SELECT max(c.started_ns, 0) / 3600000000000 AS hour, " EXTRA(
         "c", "(c.bits >> 9 & 7)", "0", "(c.bits >> 12 & 7)", "s.attempt_offer",
         OWN_PRICE_OF(
             "s.attempt_offer")) " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE "
                                 "c.bits & 8 UNION ALL"
                                 " SELECT max(started_ns, 0) / 3600000000000, 0, 0, 0, 0, 0, 0 "
                                 "FROM call_rows UNION ALL"
                                 " SELECT max(c.started_ns, 0) / 3600000000000, " EXTRA(
                                     "a", "a.outcome", "a.purpose", "a.basis", "a.offer",
                                     PRICE_OF(
                                         "a.offer",
                                         "a.")) " FROM attempt_rows a CROSS JOIN call_rows c ON "
                                                "c.id = a.call"
                                                " WHERE NOT (a.attempt = 1 AND c.bits & 8) AND "
                                                "(a.attempt <= c.attempts OR"
                                                " a.call NOT IN (SELECT call FROM open_calls))) "
                                                "WHERE hour > (" LATER ") GROUP BY hour),"
                                                " found AS (SELECT hour, failed_nd, judge_nd, "
                                                "shadow_nd, escalation_nd, told_nd, catalogue_nd"
                                                " FROM rollups WHERE dimension = 0 AND hour > "
                                                "(" LATER "))"
                                                " SELECT 'hour ' || hour FROM (SELECT * FROM "
                                                "wanted EXCEPT SELECT * FROM found) UNION ALL"
                                                " SELECT 'hour ' || hour FROM (SELECT * FROM found "
                                                "EXCEPT SELECT * FROM wanted) LIMIT 1"},
    {"the sums of what no answer cost differ",
     "SELECT 'hour ' || hour FROM (SELECT hour, dimension, sum(failed_nd) AS a, sum(judge_nd) AS b,"
     " sum(shadow_nd) AS c, sum(escalation_nd) AS d, sum(told_nd) AS e, sum(catalogue_nd) AS f"
     " FROM rollups WHERE dimension < 7 GROUP BY hour, dimension) GROUP BY hour HAVING"
     " min(a) <> max(a) OR min(b) <> max(b) OR min(c) <> max(c) OR min(d) <> max(d) OR"
     " min(e) <> max(e) OR min(f) <> max(f) LIMIT 1"},
    {"there are sums of an unknown kind",
     "SELECT 'dimension ' || dimension FROM rollups WHERE dimension NOT BETWEEN 0 AND 10 LIMIT 1"},
    /* Sums are never removed, so these hold for every day there is. */
    {"the sums of a day are not those of its hours",
     "WITH wanted AS (SELECT dimension, hour / 24 AS day, name, " DAY_SUMS(
         "sum(", ")") " FROM rollups GROUP BY 1, 2, 3), found AS (SELECT dimension, day, "
                      "name, " DAY_SUMS("", "") " FROM rollups_day) SELECT 'day ' || day || ', "
                                                "word ' || name FROM (SELECT * FROM wanted"
                                                " EXCEPT SELECT * FROM found) UNION ALL SELECT "
                                                "'day ' || day || ', word ' || name FROM"
                                                " (SELECT * FROM found EXCEPT SELECT * FROM "
                                                "wanted) LIMIT 1"},
    {"a word has no name", UNNAMED_2("shapes", "key_name", "endpoint")},
    {"a word has no name", UNNAMED_2("shapes", "asked_model", "route")},
    {"a word has no name", UNNAMED_2("shapes", "target", "provider")},
    {"a word has no name", UNNAMED_2("shapes", "model", "error")},
    {"a word has no name", UNNAMED_2("shapes", "baseline", "attempt_target")},
    {"a word has no name", UNNAMED_2("shapes", "attempt_provider", "attempt_model")},
    {"a word has no name", UNNAMED_2("shapes", "lane", "attempt_error")},
    {"a word has no name", UNNAMED("call_rows", "task")},
    {"a word has no name", UNNAMED_2("attempt_rows", "target", "provider")},
    {"a word has no name", UNNAMED_2("attempt_rows", "model", "lane")},
    {"a word has no name", UNNAMED("attempt_rows", "error")},
    {"a rate belongs to no offer",
     "SELECT offer FROM offer_rates WHERE offer NOT IN (SELECT id FROM offers) LIMIT 1"},
    {"the state is missing", "SELECT 'state' WHERE (SELECT count(*) FROM state) <> 1"},
    {"the position in the journal was changed",
     "SELECT 'state' FROM state WHERE position_seal <> seal(" CONTROL_POSITION ")"},
    {"from when on sums hold was changed",
     "SELECT 'state' FROM state WHERE marks_seal <> seal(" CONTROL_MARKS ")"},
    {"what was noted of the clock was changed",
     "SELECT 'span ' || seq FROM clock_spans WHERE seal <> seal(" CLOCK_COLUMNS ") LIMIT 1"},
    {"what calls have in common was changed",
     "SELECT 'shape ' || id FROM shapes WHERE seal <> seal(" CONTROL_SHAPE ") LIMIT 1"},
    {"a hold was changed", "SELECT call FROM holds WHERE seal <> seal(" CONTROL_HOLD ") LIMIT 1"},
    {"an open call was changed",
     "SELECT call FROM open_calls WHERE seal <> seal(" CONTROL_OPEN_CALL ") LIMIT 1"},
    {"the calls or attempts of an hour are not those that were written",
     "WITH wanted AS (" CONTROL_TOTALS(
         "", "true", "true") "), found AS"
                             " (SELECT kind, hour, rows, total FROM controls)"
                             " SELECT CASE kind WHEN 0 THEN 'calls' ELSE 'attempts' END || ' of "
                             "hour ' || hour FROM"
                             " (SELECT * FROM wanted EXCEPT SELECT * FROM found) UNION ALL"
                             " SELECT CASE kind WHEN 0 THEN 'calls' ELSE 'attempts' END || ' of "
                             "hour ' || hour FROM"
                             " (SELECT * FROM found EXCEPT SELECT * FROM wanted) LIMIT 1"},
};
_Static_assert(ATTEMPT_OUTCOMES == 5 && CHARGE_BASES == 8 && ATTEMPT_PURPOSES == 4 &&
                   ATTEMPT_FAILED == 1 && ATTEMPT_INTERRUPTED == 4,
               "as in the questions about them");
_Static_assert(CHARGE_NOTHING == 1 && CHARGE_PRICE == 2 && CHARGE_PROVIDER == 3 &&
                   CHARGE_BOUND == 4 && CHARGE_HOLD == 5 && CHARGE_CACHE == 6 && CHARGE_MOST == 7,
               "as in the questions about charges");
_Static_assert(REPORT_DAY == 0 && REPORT_MODEL == 1 && REPORT_TASK == 2 && REPORT_KEY == 3 &&
                   REPORT_PROVIDER == 4 && REPORT_TARGET == 5 && REPORT_ROUTE == 6 &&
                   REPORT_USER == 7 && REPORT_TEAM == 8 && REPORT_ORGANISATION == 9 &&
                   REPORT_TAG == 10 && REPORT_BYS == 11,
               "as in the questions about sums, and in the databases that exist");

static struct slice word_at(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text == NULL ? SLICE_EMPTY : slice_of(text, (size_t)sqlite3_column_bytes(row, column));
}

/* The name of an offer is the hash of what it says. */
static bool check_offers(sqlite3 *db, const char *path, const struct ledger_price *prices,
                         struct error *error)
{
    static const char sql[] =
        "SELECT t.name, p.name, m.name FROM offers o LEFT JOIN names t ON t.id = o.target"
        " LEFT JOIN names p ON p.id = o.provider LEFT JOIN names m ON m.id = o.model"
        " ORDER BY o.id";
    sqlite3_stmt *row = database_prepare(db, sql);
    bool done = row != NULL;
    for (size_t i = 0; done && i < prices->count && sqlite3_step(row) == SQLITE_ROW; i++) {
        struct offer offer = prices->offers[i];
        offer.target = word_at(row, 0);
        offer.provider = word_at(row, 1);
        offer.model = word_at(row, 2);
        offer_identify(&offer);
        done = offer.id == prices->offers[i].id ||
               error_set(error, ERROR_INVALID, "ledger_violation",
                         "an offer was changed after it was recorded (offer %016llx)",
                         (unsigned long long)prices->offers[i].id);
    }
    if (row == NULL) {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(row);
    return done;
}

/* Where: a call's identifier, or text. */
static void describe(sqlite3_stmt *row, char *buffer, size_t size)
{
    if (sqlite3_column_type(row, 0) == SQLITE_BLOB &&
        sqlite3_column_bytes(row, 0) == (int)sizeof(struct id)) {
        struct id id;
        char text[ID_TEXT_LEN + 1];
        memcpy(id.bytes, sqlite3_column_blob(row, 0), sizeof(id.bytes));
        snprintf(buffer, size, "call %s", id_format(id, text));
        return;
    }
    const char *text = (const char *)sqlite3_column_text(row, 0);
    snprintf(buffer, size, "%s", text == NULL ? "?" : text);
}

static bool check_invariant(sqlite3 *db, const char *path, const struct invariant *invariant,
                            struct error *error)
{
    sqlite3_stmt *sql = database_prepare(db, invariant->sql);
    int status = sql == NULL ? SQLITE_ERROR : sqlite3_step(sql);
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        char where[128];
        describe(sql, where, sizeof(where));
        error_set(error, ERROR_INVALID, "ledger_violation", "%s (%s)", invariant->broken, where);
    } else if (!done) {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(sql);
    return done;
}

static bool check_file(sqlite3 *db, const char *path, struct error *error)
{
    sqlite3_stmt *sql = database_prepare(db, "PRAGMA integrity_check(1)");
    int status = sql == NULL ? SQLITE_ERROR : sqlite3_step(sql);
    bool done = false;
    if (status == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(sql, 0);
        done = text != NULL && strcmp(text, "ok") == 0;
        if (!done) {
            error_set(error, ERROR_ENVIRONMENT, "ledger_corrupt", "%s is damaged: %s", path,
                      text == NULL ? "?" : text);
        }
    } else {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(sql);
    return done;
}

bool ledger_verify(const char *path, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    struct ledger_price prices = {0};
    bool done = db != NULL && ledger_schema_check(db, path, error);
    /* all questions about one moment */
    if (done && (!database_exec(db, DATABASE_READS_ALL "BEGIN") ||
                 !ledger_price_init(&prices, db) || !control_register(db))) {
        done = database_error(db, path, "verifying", error);
    }
    done = done && check_file(db, path, error);
    for (size_t i = 0; done && i < ARRAY_LEN(invariants); i++) {
        done = check_invariant(db, path, &invariants[i], error);
    }
    done = done && check_offers(db, path, &prices, error) && ledger_verify_spend(db, path, error);
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    ledger_price_release(&prices);
    return done;
}
