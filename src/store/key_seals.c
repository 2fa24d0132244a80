/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_seals.h"

#include "store/ledger_schema.h"

#include <stdio.h>

_Static_assert(SCOPE_KEY == 0 && SCOPE_USER == 1 && SCOPE_TEAM == 2 && SCOPE_ORGANISATION == 3 &&
                   SCOPE_KINDS == SEAL_TOKENS && SEAL_ALL == 5,
               "as in the statements");

/* --- the number of a row -----------------------------------------------------------------------
 */

/* splitmix64, as in ledger_control.c: each value changes what the ones after it do. */
static uint64_t mixed(uint64_t sum)
{
    sum += 0x9E3779B97F4A7C15u;
    sum = (sum ^ sum >> 30) * 0xBF58476D1CE4E5B9u;
    sum = (sum ^ sum >> 27) * 0x94D049BB133111EBu;
    return sum ^ sum >> 31;
}

static uint64_t mix_bytes(uint64_t sum, const unsigned char *bytes, size_t len)
{
    sum = mixed(sum ^ len);
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;
        for (size_t i = at; i < len && i < at + 8; i++) {
            word |= (uint64_t)bytes[i] << (8 * (i - at));
        }
        sum = mixed(sum ^ word);
    }
    return sum;
}

static uint64_t mix_value(uint64_t sum, sqlite3_value *value)
{
    int type = sqlite3_value_type(value);
    sum = mixed(sum ^ (uint64_t)type);
    if (type == SQLITE_INTEGER) {
        return mixed(sum ^ (uint64_t)sqlite3_value_int64(value));
    }
    if (type == SQLITE_NULL) {
        return sum;
    }
    /* Text, bytes, or a fraction, which none of our columns has, as it is written. */
    const unsigned char *bytes =
        type == SQLITE_BLOB ? sqlite3_value_blob(value) : sqlite3_value_text(value);
    return mix_bytes(sum, bytes, bytes == NULL ? 0 : (size_t)sqlite3_value_bytes(value));
}

static void key_seal(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    uint64_t sum = 0;
    for (int i = 0; i < argc; i++) {
        sum = mix_value(sum, argv[i]);
    }
    sqlite3_result_int64(context, (int64_t)sum);
}

static void seal_sum_step(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    uint64_t *total = sqlite3_aggregate_context(context, sizeof(*total));
    (void)argc;
    if (total != NULL) {
        *total += (uint64_t)sqlite3_value_int64(argv[0]);
    }
}

static void seal_sum_final(sqlite3_context *context)
{
    const uint64_t *total = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, total == NULL ? 0 : (int64_t)*total);
}

/* sum + sign * number, without end. */
static void seal_add(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    uint64_t sum = (uint64_t)sqlite3_value_int64(argv[0]);
    uint64_t sign = (uint64_t)sqlite3_value_int64(argv[1]);
    (void)argc;
    sqlite3_result_int64(context, (int64_t)(sum + sign * (uint64_t)sqlite3_value_int64(argv[2])));
}

bool key_seals_register(sqlite3 *db)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    return sqlite3_create_function_v2(db, "key_seal", -1, flags, NULL, key_seal, NULL, NULL,
                                      NULL) == SQLITE_OK &&
           sqlite3_create_function_v2(db, "seal_add", 3, flags, NULL, seal_add, NULL, NULL, NULL) ==
               SQLITE_OK &&
           sqlite3_create_function_v2(db, "seal_sum", 1, flags, NULL, NULL, seal_sum_step,
                                      seal_sum_final, NULL) == SQLITE_OK;
}

/* --- keeping them ------------------------------------------------------------------------------
 */

#define ADD(owner, sign, seal)                                                                     \
    "INSERT INTO key_seals(kind, scope, rows, total) VALUES(" owner ", " sign                      \
    ", seal_add(0, " sign ", " seal ")) ON CONFLICT(kind, scope) DO UPDATE SET"                    \
    " rows = rows + excluded.rows, total = seal_add(total, 1, excluded.total);"
#define ADD_BOTH(owner, sign, seal) ADD(owner, sign, seal) ADD("5, 0", sign, seal)
#define ON(table, event, actions)                                                                  \
    "CREATE TEMP TRIGGER seals_" table "_" event " AFTER " event " ON main." table                 \
    " BEGIN " actions " END;"
#define WATCH(table, OWNER, SEAL)                                                                  \
    ON(table, "INSERT", ADD_BOTH(OWNER("NEW."), "1", SEAL("NEW.")))                                \
    ON(table, "DELETE", ADD_BOTH(OWNER("OLD."), "-1", SEAL("OLD.")))                               \
    ON(table, "UPDATE",                                                                            \
       ADD_BOTH(OWNER("OLD."), "-1", SEAL("OLD.")) ADD_BOTH(OWNER("NEW."), "1", SEAL("NEW.")))

static const char *const watches[] = {
    WATCH("keys", SEAL_OWNER_KEY, SEAL_KEY),
    WATCH("old_secrets", SEAL_OWNER_SECRET, SEAL_SECRET),
    WATCH("scopes", SEAL_OWNER_SCOPE, SEAL_SCOPE),
    WATCH("grants", SEAL_OWNER_GRANT, SEAL_GRANT),
    WATCH("limits", SEAL_OWNER_LIMIT, SEAL_LIMIT),
    WATCH("caps", SEAL_OWNER_CAP, SEAL_CAP),
    WATCH("revoked_tokens", SEAL_OWNER_TOKEN, SEAL_TOKEN),
};

static bool is_watched(sqlite3 *db)
{
    sqlite3_stmt *row = database_prepare(
        db, "SELECT 1 FROM temp.sqlite_schema WHERE name = 'seals_revoked_tokens_UPDATE'");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    sqlite3_finalize(row);
    return found;
}

bool key_seals_watch(sqlite3 *db)
{
    if (is_watched(db)) {
        return true;
    }
    bool done = key_seals_register(db);
    for (size_t i = 0; done && i < ARRAY_LEN(watches); i++) {
        done = database_exec(db, watches[i]);
    }
    return done;
}

bool key_seals_make(sqlite3 *db)
{
    return key_seals_register(db) && database_exec(db, SEALS_MAKE);
}

/* --- looking -----------------------------------------------------------------------------------
 */

#define TOLD "10"

/* Both ways, each owner once; the sum of all rows says something where nothing else does. */
static const char damage_sql[] =
    "WITH " SEALED_ROWS ", found AS (SELECT kind, scope, count(*) AS rows, seal_sum(seal) AS total"
    " FROM sealed GROUP BY 1, 2 UNION ALL SELECT 5, 0, count(*), seal_sum(seal) FROM sealed"
    " UNION ALL SELECT 4, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM revoked_tokens)),"
    " written AS (SELECT kind, scope, rows, total FROM key_seals WHERE kind >= 4 OR rows <> 0 OR"
    " total <> 0), differ AS (SELECT kind, scope FROM (SELECT * FROM found EXCEPT SELECT * FROM"
    " written) UNION SELECT kind, scope FROM (SELECT * FROM written EXCEPT SELECT * FROM found)),"
    " told AS (SELECT kind, scope FROM differ WHERE kind <> 5 OR (SELECT count(*) FROM differ) = 1"
    " ORDER BY kind, scope LIMIT " TOLD ")"
    " SELECT group_concat(CASE kind WHEN 0 THEN 'key ' || scope WHEN 1 THEN 'user ' || scope"
    " WHEN 2 THEN 'team ' || scope WHEN 3 THEN 'organisation ' || scope WHEN 4 THEN"
    " 'revoked tokens' WHEN 5 THEN 'all together' ELSE '?' END, ', ') || CASE WHEN"
    " (SELECT count(*) FROM differ) > " TOLD " THEN ', ...' ELSE '' END FROM told";

bool key_seals_check(sqlite3 *db, char text[SEALS_TEXT_SIZE])
{
    text[0] = '\0';
    sqlite3_stmt *row = key_seals_register(db) ? database_prepare(db, damage_sql) : NULL;
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    const char *found = done ? (const char *)sqlite3_column_text(row, 0) : NULL;
    snprintf(text, SEALS_TEXT_SIZE, "%s", found == NULL ? "" : found);
    return sqlite3_finalize(row) == SQLITE_OK && done;
}

/* --- verifying ---------------------------------------------------------------------------------
 */

/* What the seals may have been made of, too. */
static const struct {
    const char *broken;
    const char *sql;
} questions[] = {
    {"a cap has no limits that it belongs to",
     "SELECT CASE kind WHEN 0 THEN 'key ' WHEN 1 THEN 'user ' WHEN 2 THEN 'team ' ELSE"
     " 'organisation ' END || scope FROM caps c WHERE NOT EXISTS (SELECT 1 FROM limits l WHERE"
     " l.kind = c.kind AND l.scope = c.scope AND l.model = c.model) LIMIT 1"},
    {"a key is of a user, team or organisation that is not there",
     "SELECT 'key ' || k.id FROM keys k WHERE (user <> 0 AND NOT EXISTS (SELECT 1 FROM scopes s"
     " WHERE s.kind = 1 AND s.id = k.user)) OR (team <> 0 AND NOT EXISTS (SELECT 1 FROM scopes s"
     " WHERE s.kind = 2 AND s.id = k.team)) OR (organisation <> 0 AND NOT EXISTS (SELECT 1 FROM"
     " scopes s WHERE s.kind = 3 AND s.id = k.organisation)) LIMIT 1"},
};

static bool violated(struct error *error, const char *broken, const char *where)
{
    return error_set(error, ERROR_INVALID, "ledger_violation", "%s (%s)", broken, where);
}

static bool check_question(sqlite3 *db, const char *path, size_t index, struct error *error)
{
    sqlite3_stmt *row = database_prepare(db, questions[index].sql);
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        violated(error, questions[index].broken, (const char *)sqlite3_column_text(row, 0));
    } else if (!done) {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(row);
    return done;
}

static bool verify(sqlite3 *db, const char *path, struct error *error)
{
    char whose[SEALS_TEXT_SIZE];
    if (!database_exec(db, "BEGIN") || !key_seals_check(db, whose)) {
        return database_error(db, path, "verifying", error);
    }
    if (whose[0] != '\0') {
        return violated(error, "keys, scopes, grants or limits are not what was written", whose);
    }
    bool done = true;
    for (size_t i = 0; done && i < ARRAY_LEN(questions); i++) {
        done = check_question(db, path, i, error);
    }
    return done;
}

bool key_seals_verify(const char *path, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done = db != NULL && ledger_schema_check(db, path, error) && verify(db, path, error);
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    return done;
}
