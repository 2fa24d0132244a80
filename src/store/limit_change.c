/* SPDX-License-Identifier: Apache-2.0 */
#include "store/limit_change.h"

/* --- checking ----------------------------------------------------------------------------------
 */

bool text_is_printable(struct slice text)
{
    while (text.len > 0) {
        size_t length = slice_utf8_length(text);
        unsigned char first = (unsigned char)text.ptr[0];
        bool control = first < 0x20 || first == 0x7F ||
                       (first == 0xC2 && length == 2 && (unsigned char)text.ptr[1] < 0xA0);
        if (length == 0 || control) {
            return false;
        }
        text = slice_from(text, length);
    }
    return true;
}

bool scope_name_check(struct slice name, struct error *error)
{
    if (name.len == 0 || name.len >= SCOPE_NAME_SIZE || !text_is_printable(name) ||
        slice_find(name, ':') != SIZE_MAX || slice_find(name, ',') != SIZE_MAX) {
        return error_set(error, ERROR_INVALID, "bad_scope_name",
                         "the name of a user, team or organisation has 1 to 63 printable "
                         "characters, neither ':' nor ','");
    }
    return true;
}

static bool bad_limit(struct error *error, const char *text)
{
    return error_set(error, ERROR_INVALID, "bad_limit", "%s", text);
}

static bool check_cap(const struct scope_limits *limits, size_t index, struct error *error)
{
    const struct spend_cap *cap = &limits->caps[index];
    bool rolling = cap->period == CAP_ROLLING;
    if ((unsigned)cap->period >= CAP_PERIODS || cap->amount_nd < 0) {
        return bad_limit(error, "a cap is an amount of 0 or more in a known period");
    }
    if (rolling ? cap->window_s < 60 || cap->window_s > INT64_C(366) * 86400 : cap->window_s != 0) {
        return bad_limit(error, "a rolling cap has a window from one minute to 366 days");
    }
    for (size_t i = 0; i < index; i++) {
        if (limits->caps[i].period == cap->period && limits->caps[i].window_s == cap->window_s) {
            return bad_limit(error, "there are two caps for the same period");
        }
    }
    return true;
}

bool limits_check(const struct scope_limits *limits, struct error *error)
{
    const int64_t numbers[] = {limits->requests_per_minute, limits->tokens_per_minute,
                               limits->parallel, limits->max_request_nd};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i] < LIMIT_NONE) {
            return bad_limit(error, "a limit is a number of 0 or more");
        }
    }
    if (limits->cap_count > SCOPE_CAPS_MAX) {
        return bad_limit(error, "a scope has at most four caps");
    }
    for (size_t i = 0; i < limits->cap_count; i++) {
        if (!check_cap(limits, i, error)) {
            return false;
        }
    }
    return true;
}

bool grants_check(const struct grant *grants, size_t count, struct error *error)
{
    if (count > GRANTS_MAX) {
        return error_set(error, ERROR_INVALID, "bad_grant",
                         "a key lists at most %d routes, targets, models, origins and tags",
                         GRANTS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct slice text = slice_from_cstr(grants[i].text);
        if (text.len == 0 || text.len > GRANT_TEXT_MAX || !text_is_printable(text)) {
            return error_set(error, ERROR_INVALID, "bad_grant",
                             "the name of a %s has 1 to %d printable characters",
                             grant_kind_name(grants[i].kind), GRANT_TEXT_MAX);
        }
    }
    return true;
}

/* --- scopes ------------------------------------------------------------------------------------
 */

static bool run_once(sqlite3_stmt *statement)
{
    bool done = database_run(statement);
    sqlite3_finalize(statement);
    return done;
}

/* *ret_id 0: there is none. */
static bool find_scope(sqlite3 *db, enum scope_kind kind, struct slice name, uint64_t *ret_id,
                       uint64_t *ret_organisation)
{
    sqlite3_stmt *sql =
        database_prepare(db, "SELECT id, organisation FROM scopes WHERE kind = ? AND name = ?");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, kind);
    bind_slice(sql, 2, name);
    int status = sqlite3_step(sql);
    *ret_id = status == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(sql, 0) : 0;
    *ret_organisation = status == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(sql, 1) : 0;
    sqlite3_finalize(sql);
    return status == SQLITE_ROW || status == SQLITE_DONE;
}

static bool add_scope(sqlite3 *db, enum scope_kind kind, struct slice name, uint64_t organisation,
                      int64_t wall_s, uint64_t *ret_id)
{
    sqlite3_stmt *sql = database_prepare(
        db, "INSERT INTO scopes(kind, name, organisation, created_s) VALUES(?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, kind);
    bind_slice(sql, 2, name);
    sqlite3_bind_int64(sql, 3, (int64_t)organisation);
    sqlite3_bind_int64(sql, 4, wall_s);
    bool done = run_once(sql);
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(db);
    return done;
}

struct wanted_scope {
    uint64_t id; /* 0: to be made */
    uint64_t organisation;
};

static bool conflict(const struct slice names[SCOPE_KINDS], enum scope_kind kind,
                     struct error *error)
{
    return error_set(error, ERROR_INVALID, "scope_conflict",
                     "the %s \"%.*s\" exists already, and not in this organisation",
                     scope_kind_name(kind), SLICE_ARG(names[kind]));
}

/* All that exist must be of one organisation: the named one, or else theirs. */
static bool agree(const struct slice names[SCOPE_KINDS], struct wanted_scope wanted[SCOPE_KINDS],
                  struct error *error)
{
    bool named = names[SCOPE_ORGANISATION].len > 0;
    bool settled = named;
    uint64_t organisation = wanted[SCOPE_ORGANISATION].id;
    for (enum scope_kind kind = SCOPE_USER; kind <= SCOPE_TEAM; kind++) {
        if (wanted[kind].id == 0) {
            continue;
        }
        if (settled &&
            (wanted[kind].organisation != organisation || (named && organisation == 0))) {
            return conflict(names, kind, error);
        }
        organisation = wanted[kind].organisation;
        settled = true;
    }
    wanted[SCOPE_ORGANISATION].id = organisation;
    return true;
}

bool scopes_obtain(sqlite3 *db, const char *path, const struct slice names[SCOPE_KINDS],
                   int64_t wall_s, uint64_t ret_ids[SCOPE_KINDS], struct error *error)
{
    struct wanted_scope wanted[SCOPE_KINDS] = {0};
    for (enum scope_kind kind = SCOPE_USER; kind <= SCOPE_ORGANISATION; kind++) {
        if (names[kind].len > 0 &&
            !find_scope(db, kind, names[kind], &wanted[kind].id, &wanted[kind].organisation)) {
            return database_error(db, path, "looking for a scope", error);
        }
    }
    if (!agree(names, wanted, error)) {
        return false;
    }
    static const enum scope_kind order[] = {SCOPE_ORGANISATION, SCOPE_TEAM, SCOPE_USER};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        enum scope_kind kind = order[i];
        uint64_t organisation = kind == SCOPE_ORGANISATION ? 0 : ret_ids[SCOPE_ORGANISATION];
        ret_ids[kind] = wanted[kind].id;
        if (names[kind].len > 0 && ret_ids[kind] == 0 &&
            !add_scope(db, kind, names[kind], organisation, wall_s, &ret_ids[kind])) {
            return database_error(db, path, "adding a scope", error);
        }
    }
    return true;
}

/* --- limits and grants -------------------------------------------------------------------------
 */

static bool is_unlimited(const struct scope_limits *limits)
{
    return limits->cap_count == 0 && limits->requests_per_minute == LIMIT_NONE &&
           limits->tokens_per_minute == LIMIT_NONE && limits->parallel == LIMIT_NONE &&
           limits->max_request_nd == LIMIT_NONE && !limits->pace;
}

static void bind_rule(sqlite3_stmt *sql, const struct scope_rule *rule)
{
    sqlite3_bind_int64(sql, 1, rule->kind);
    sqlite3_bind_int64(sql, 2, (int64_t)rule->scope_id);
    bind_slice(sql, 3, slice_from_cstr(rule->model));
}

static bool remove_rule(sqlite3 *db, const struct scope_rule *rule)
{
    static const char *const statements[] = {
        "DELETE FROM caps WHERE kind = ? AND scope = ? AND model = ?",
        "DELETE FROM limits WHERE kind = ? AND scope = ? AND model = ?",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        sqlite3_stmt *sql = database_prepare(db, statements[i]);
        if (sql == NULL) {
            return false;
        }
        bind_rule(sql, rule);
        if (!run_once(sql)) {
            return false;
        }
    }
    return true;
}

static bool add_cap(sqlite3 *db, const struct scope_rule *rule, const struct spend_cap *cap)
{
    sqlite3_stmt *sql = database_prepare(
        db, "INSERT INTO caps(kind, scope, model, period, window_s, amount_nd, soft)"
            " VALUES(?, ?, ?, ?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    bind_rule(sql, rule);
    sqlite3_bind_int64(sql, 4, cap->period);
    sqlite3_bind_int64(sql, 5, cap->window_s);
    sqlite3_bind_int64(sql, 6, cap->amount_nd);
    sqlite3_bind_int(sql, 7, cap->soft);
    return run_once(sql);
}

bool limits_write(sqlite3 *db, const struct scope_rule *rule)
{
    const struct scope_limits *limits = &rule->limits;
    if (!remove_rule(db, rule)) {
        return false;
    }
    if (is_unlimited(limits)) {
        return true;
    }
    sqlite3_stmt *sql = database_prepare(
        db, "INSERT INTO limits(kind, scope, model, requests_per_minute, tokens_per_minute,"
            " parallel, max_request_nd, pace) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    bind_rule(sql, rule);
    sqlite3_bind_int64(sql, 4, limits->requests_per_minute);
    sqlite3_bind_int64(sql, 5, limits->tokens_per_minute);
    sqlite3_bind_int64(sql, 6, limits->parallel);
    sqlite3_bind_int64(sql, 7, limits->max_request_nd);
    sqlite3_bind_int(sql, 8, limits->pace);
    bool done = run_once(sql);
    for (size_t i = 0; done && i < limits->cap_count; i++) {
        done = add_cap(db, rule, &limits->caps[i]);
    }
    return done;
}

bool grants_write(sqlite3 *db, uint64_t key, const struct grant *grants, size_t count)
{
    bool done = true;
    for (size_t i = 0; done && i < count; i++) {
        sqlite3_stmt *sql =
            database_prepare(db, "INSERT OR IGNORE INTO grants(key, kind, text) VALUES(?, ?, ?)");
        if (sql == NULL) {
            return false;
        }
        sqlite3_bind_int64(sql, 1, (int64_t)key);
        sqlite3_bind_int64(sql, 2, grants[i].kind);
        bind_slice(sql, 3, slice_from_cstr(grants[i].text));
        done = run_once(sql);
    }
    return done;
}
