/* SPDX-License-Identifier: Apache-2.0 */
#include "store/limit_change.h"

/* --- checking ----------------------------------------------------------------------------------
 */

size_t text_printable_length(struct slice text)
{
    size_t length = slice_utf8_length(text);
    unsigned char first = length == 0 ? 0 : (unsigned char)text.ptr[0];
    bool control = first < 0x20 || first == 0x7F ||
                   (first == 0xC2 && length == 2 && (unsigned char)text.ptr[1] < 0xA0);
    return control ? 0 : length;
}

bool text_is_printable(struct slice text)
{
    while (text.len > 0) {
        size_t length = text_printable_length(text);
        if (length == 0) {
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

bool model_name_check(struct slice model, struct error *error)
{
    if (model.len >= SCOPE_NAME_SIZE || !text_is_printable(model)) {
        return bad_limit(error, "the model of a limit has at most 63 printable characters");
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

/* Which of them would be meant? */
static bool names_period_twice(const struct scope_limits *wish)
{
    for (size_t i = 0; i < wish->cap_count && i < SCOPE_CAPS_MAX; i++) {
        for (size_t k = 0; k < i; k++) {
            if (wish->caps[i].period == wish->caps[k].period &&
                wish->caps[i].window_s == wish->caps[k].window_s) {
                return true;
            }
        }
    }
    return false;
}

static void apply_cap(struct scope_limits *limits, const struct spend_cap *cap)
{
    size_t at = 0;
    while (at < limits->cap_count && !(limits->caps[at].period == cap->period &&
                                       limits->caps[at].window_s == cap->window_s)) {
        at++;
    }
    if (cap->amount_nd != LIMIT_NONE) {
        if (at < SCOPE_CAPS_MAX) {
            limits->caps[at] = *cap;
        }
        limits->cap_count += at == limits->cap_count ? 1 : 0; /* too many: limits_check() tells */
    } else if (at < limits->cap_count) {
        limits->caps[at] = limits->caps[--limits->cap_count];
    }
}

static void apply_number(int64_t *number, unsigned fields, enum limit_field field, int64_t value)
{
    *number = (fields & field) != 0 ? value : *number;
}

bool limits_apply(struct scope_limits *limits, const struct limit_change *change,
                  struct error *error)
{
    struct scope_limits result = *limits;
    const struct scope_limits *wish = &change->limits;
    if (names_period_twice(wish)) {
        return bad_limit(error, "there are two caps for the same period");
    }
    if ((change->fields & LIMIT_CAPS_ALL) != 0) {
        result.cap_count = 0;
    }
    for (size_t i = 0; i < wish->cap_count && i < SCOPE_CAPS_MAX; i++) {
        apply_cap(&result, &wish->caps[i]);
        if (result.cap_count > SCOPE_CAPS_MAX) {
            break;
        }
    }
    apply_number(&result.requests_per_minute, change->fields, LIMIT_REQUESTS,
                 wish->requests_per_minute);
    apply_number(&result.tokens_per_minute, change->fields, LIMIT_TOKENS, wish->tokens_per_minute);
    apply_number(&result.parallel, change->fields, LIMIT_PARALLEL, wish->parallel);
    apply_number(&result.max_request_nd, change->fields, LIMIT_REQUEST_AMOUNT,
                 wish->max_request_nd);
    result.pace = (change->fields & LIMIT_PACE) != 0 ? wish->pace : result.pace;
    if (!limits_check(&result, error)) {
        return false;
    }
    *limits = result;
    return true;
}

/* "https://app.example:8443": a scheme, a host, and nothing behind it. Anything else is no page's
 * origin, and would shut the key for everybody. */
static bool is_origin(struct slice text)
{
    size_t colon = slice_find_slice(text, SLICE("://"));
    if (colon == SIZE_MAX || colon == 0) {
        return false;
    }
    struct slice host = slice_from(text, colon + 3);
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] <= ' ' || memchr("/?#@*\\\"<>", host.ptr[i], 9) != NULL) {
            return false;
        }
    }
    return host.len > 0;
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
        if (grants[i].kind == GRANT_ORIGIN && !is_origin(text)) {
            return error_set(error, ERROR_INVALID, "bad_grant",
                             "an origin is written as browsers do: https://app.example");
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

#define ANY_ORGANISATION UINT64_MAX

struct found_scope {
    int count; /* 0, 1, or 2 for more: *id is then the first one's */
    uint64_t id;
    uint64_t organisation;
};

static bool find_scope(sqlite3 *db, enum scope_kind kind, struct slice name, uint64_t organisation,
                       struct found_scope *ret_found)
{
    sqlite3_stmt *sql =
        database_prepare(db, "SELECT id, organisation FROM scopes WHERE kind = ?1 AND name = ?2"
                             " AND (?3 < 0 OR organisation = ?3) ORDER BY organisation LIMIT 2");
    *ret_found = (struct found_scope){0};
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, kind);
    bind_slice(sql, 2, name);
    sqlite3_bind_int64(sql, 3, organisation == ANY_ORGANISATION ? -1 : (int64_t)organisation);
    int status = sqlite3_step(sql);
    while (status == SQLITE_ROW) {
        if (ret_found->count++ == 0) {
            ret_found->id = (uint64_t)sqlite3_column_int64(sql, 0);
            ret_found->organisation = (uint64_t)sqlite3_column_int64(sql, 1);
        }
        status = sqlite3_step(sql);
    }
    sqlite3_finalize(sql);
    return status == SQLITE_DONE;
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

/* The organisation that is named: found, or made. */
static bool obtain_organisation(sqlite3 *db, struct slice name, int64_t wall_s, uint64_t *ret_id)
{
    struct found_scope found;
    if (!find_scope(db, SCOPE_ORGANISATION, name, 0, &found)) {
        return false;
    }
    *ret_id = found.id;
    return found.count > 0 || add_scope(db, SCOPE_ORGANISATION, name, 0, wall_s, ret_id);
}

/* Users and teams that exist, in the organisation if it is named; else they name it. */
static bool find_members(sqlite3 *db, const char *path, const struct slice names[SCOPE_KINDS],
                         uint64_t ids[SCOPE_KINDS], struct error *error)
{
    bool settled = names[SCOPE_ORGANISATION].len > 0;
    for (enum scope_kind kind = SCOPE_USER; kind <= SCOPE_TEAM; kind++) {
        struct found_scope found = {0};
        uint64_t where =
            names[SCOPE_ORGANISATION].len > 0 ? ids[SCOPE_ORGANISATION] : ANY_ORGANISATION;
        if (names[kind].len > 0 && !find_scope(db, kind, names[kind], where, &found)) {
            return database_error(db, path, "looking for a scope", error);
        }
        if (found.count > 1) {
            return error_set(error, ERROR_INVALID, "scope_ambiguous",
                             "several organisations have a %s \"%.*s\": name the organisation",
                             scope_kind_name(kind), SLICE_ARG(names[kind]));
        }
        if (found.count == 1 && settled && found.organisation != ids[SCOPE_ORGANISATION]) {
            return error_set(error, ERROR_INVALID, "scope_conflict",
                             "the %s \"%.*s\" is of another organisation: name the organisation",
                             scope_kind_name(kind), SLICE_ARG(names[kind]));
        }
        if (found.count == 1) {
            ids[kind] = found.id;
            ids[SCOPE_ORGANISATION] = found.organisation;
            settled = true;
        }
    }
    return true;
}

bool scopes_obtain(sqlite3 *db, const char *path, const struct slice names[SCOPE_KINDS],
                   int64_t wall_s, uint64_t ret_ids[SCOPE_KINDS], struct error *error)
{
    memset(ret_ids, 0, SCOPE_KINDS * sizeof(ret_ids[0]));
    if (names[SCOPE_ORGANISATION].len > 0 &&
        !obtain_organisation(db, names[SCOPE_ORGANISATION], wall_s, &ret_ids[SCOPE_ORGANISATION])) {
        return database_error(db, path, "looking for an organisation", error);
    }
    if (!find_members(db, path, names, ret_ids, error)) {
        return false;
    }
    for (enum scope_kind kind = SCOPE_USER; kind <= SCOPE_TEAM; kind++) {
        if (names[kind].len > 0 && ret_ids[kind] == 0 &&
            !add_scope(db, kind, names[kind], ret_ids[SCOPE_ORGANISATION], wall_s,
                       &ret_ids[kind])) {
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
