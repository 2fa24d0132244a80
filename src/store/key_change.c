/* SPDX-License-Identifier: Apache-2.0 */
/* New keys, and new secrets of keys. */
#include "store/key_change.h"

#include "store/key_bounds.h"
#include "store/key_change_internal.h"
#include "store/key_subject.h"
#include "store/limit_change.h"

#include <openssl/crypto.h>

#define OLD_SECRETS_KEPT_S                                                                         \
    (INT64_C(90) * 86400) /* so that who uses one is told that it is over                          \
                           */

/* --- creating ----------------------------------------------------------------------------------
 */

static bool check_name(struct slice name, struct error *error)
{
    if (name.len == 0 || name.len >= KEY_NAME_SIZE || !text_is_printable(name)) {
        return error_set(error, ERROR_INVALID, "bad_key_name",
                         "the name of a key has 1 to 63 printable characters");
    }
    if (slice_starts(name, SLICE(KEY_SUBJECT_NAME))) {
        return error_set(error, ERROR_INVALID, "bad_key_name",
                         "names that begin with \"" KEY_SUBJECT_NAME
                         "\" are those of the subjects of tokens");
    }
    return true;
}

static bool check_limits(const struct key_order *order, struct error *error)
{
    if (order->limit_count > LIMIT_MODELS_MAX + 1) {
        return error_set(error, ERROR_INVALID, "bad_limit", "limits name at most %d models",
                         LIMIT_MODELS_MAX);
    }
    for (size_t i = 0; i < order->limit_count; i++) {
        if (!model_name_check(order->limits[i].model, error) ||
            !limits_check(&order->limits[i].limits, error)) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (slice_eq(order->limits[i].model, order->limits[k].model)) {
                return error_set(error, ERROR_INVALID, "bad_limit",
                                 "there are two limits for the same model");
            }
        }
    }
    return true;
}

static bool check_order(const struct key_order *order, struct error *error)
{
    for (enum scope_kind kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        if (order->scopes[kind].len > 0 && !scope_name_check(order->scopes[kind], error)) {
            return false;
        }
    }
    return check_name(order->name, error) &&
           grants_check(order->grants, order->grant_count, error) && check_limits(order, error);
}

/* What binds every model. */
static struct scope_limits whole_limits(const struct key_order *order)
{
    for (size_t i = 0; i < order->limit_count; i++) {
        if (order->limits[i].model.len == 0) {
            return order->limits[i].limits;
        }
    }
    return limits_none();
}

static bool check_bounds(const struct key_actor *actor, const struct key_order *order,
                         struct error *error)
{
    struct scope_limits whole = whole_limits(order);
    if (actor->administrator != NULL && order->role != KEY_CLIENT) {
        return error_set(error, ERROR_DENIED, "exceeds_creator",
                         "an administrator does not make administrators");
    }
    return bounds_limits(actor, &whole, error) &&
           bounds_grants(actor, order->grants, order->grant_count, error) &&
           bounds_expiry(actor, order->expires_s, error);
}

/* *ret_taken: another key in force has the name. */
static bool name_is_taken(sqlite3 *db, struct slice name, int64_t wall_s, bool *ret_taken)
{
    sqlite3_stmt *sql = database_prepare(db, "SELECT 1 FROM keys WHERE name = ?1 AND revoked_s = 0"
                                             " AND (expires_s = 0 OR expires_s > ?2)");
    if (sql == NULL) {
        return false;
    }
    bind_slice(sql, 1, name);
    sqlite3_bind_int64(sql, 2, wall_s);
    int status = sqlite3_step(sql);
    *ret_taken = status == SQLITE_ROW;
    sqlite3_finalize(sql);
    return status == SQLITE_ROW || status == SQLITE_DONE;
}

static bool check_taken(struct change *change, const struct key *key)
{
    bool taken = false;
    if (!name_is_taken(change->db, slice_from_cstr(key->name), key->created_s, &taken)) {
        return change_failed(change, "adding a key");
    }
    return !taken || error_set(change->error, ERROR_INVALID, "key_exists",
                               "there is already a key named \"%s\"", key->name);
}

static bool insert_key(struct change *change, struct key *key, const uint8_t *digest)
{
    const struct key *creator = change->actor->administrator;
    sqlite3_stmt *sql =
        database_prepare(change->db, "INSERT INTO keys(name, prefix, digest, created_s, expires_s,"
                                     " revoked_s, role, user, team, organisation, creator)"
                                     " VALUES(?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    bind_slice(sql, 1, slice_from_cstr(key->name));
    bind_slice(sql, 2, slice_from_cstr(key->prefix));
    sqlite3_bind_blob(sql, 3, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(sql, 4, key->created_s);
    sqlite3_bind_int64(sql, 5, key->expires_s);
    sqlite3_bind_int64(sql, 6, key->role);
    sqlite3_bind_int64(sql, 7, (int64_t)key->scopes[SCOPE_USER]);
    sqlite3_bind_int64(sql, 8, (int64_t)key->scopes[SCOPE_TEAM]);
    sqlite3_bind_int64(sql, 9, (int64_t)key->scopes[SCOPE_ORGANISATION]);
    sqlite3_bind_int64(sql, 10, creator == NULL ? 0 : (int64_t)creator->id);
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    key->id = (uint64_t)sqlite3_last_insert_rowid(change->db);
    key->scopes[SCOPE_KEY] = key->id;
    return done;
}

static bool write_limits(sqlite3 *db, uint64_t key, const struct key_order *order)
{
    bool done = true;
    for (size_t i = 0; done && i < order->limit_count; i++) {
        struct scope_rule rule = {
            .kind = SCOPE_KEY, .scope_id = key, .limits = order->limits[i].limits};
        slice_to_cstr(order->limits[i].model, rule.model, sizeof(rule.model));
        done = limits_write(db, &rule);
    }
    return done;
}

/* An administrator's own scopes are those of its keys where they name none. */
static void inherit_scopes(const struct key_actor *actor, struct slice names[SCOPE_KINDS])
{
    for (enum scope_kind kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        const struct scope *own =
            actor->administrator == NULL
                ? NULL
                : key_set_scope(actor->set, kind, actor->administrator->scopes[kind]);
        if (own != NULL && names[kind].len == 0) {
            names[kind] = slice_from_cstr(own->name);
        }
    }
}

static bool obtain_scopes(struct change *change, const struct key_order *order, struct key *key)
{
    struct slice names[SCOPE_KINDS];
    uint64_t ids[SCOPE_KINDS] = {0};
    memcpy(names, order->scopes, sizeof(names));
    inherit_scopes(change->actor, names);
    if (!scopes_obtain(change->db, change->path, names, key->created_s, ids, change->error)) {
        return false;
    }
    memcpy(key->scopes, ids, sizeof(key->scopes));
    return bounds_reach(change->actor, key->scopes) ||
           error_set(change->error, ERROR_DENIED, "exceeds_creator",
                     "an administrator makes keys within its own user, team and organisation only");
}

/* One transaction. */
static bool store_key(struct change *change, const struct key_order *order, struct key *key,
                      const uint8_t *digest)
{
    char subject[SUBJECT_SIZE];
    return check_taken(change, key) && obtain_scopes(change, order, key) &&
           ((insert_key(change, key, digest) && write_limits(change->db, key->id, order) &&
             grants_write(change->db, key->id, order->grants, order->grant_count)) ||
            change_failed(change, "adding a key")) &&
           change_commit(change, order->role == KEY_ADMIN ? "admin.create" : "key.create",
                         key_subject(key, subject));
}

bool key_create(const char *path, const struct key_order *order, const struct key_actor *actor,
                char secret[KEY_TEXT_SIZE], struct key *ret_key, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    uint8_t digest[KEY_DIGEST_SIZE];
    struct key key = {
        .role = order->role, .created_s = change_wall_s(&change), .expires_s = order->expires_s};
    slice_to_cstr(order->name, key.name, sizeof(key.name));
    bool done = check_order(order, error) && check_bounds(actor, order, error) &&
                secret_make(secret, key.prefix, digest, error) &&
                change_begin(&change, DATABASE_CREATE) && store_key(&change, order, &key, digest);
    change_end(&change);
    if (!done) {
        OPENSSL_cleanse(secret, KEY_TEXT_SIZE);
        return false;
    }
    *ret_key = key;
    return true;
}

/* --- rotating ----------------------------------------------------------------------------------
 */

/* An administrator gets a secret into its hands: it must not be worth more than its own. */
static bool check_rotation(struct change *change, const struct key *key)
{
    const struct key_actor *actor = change->actor;
    struct scope_rule rule = {.kind = SCOPE_KEY, .scope_id = key->id};
    if (key_is_subject(key)) {
        return error_set(change->error, ERROR_INVALID, "key_of_subject",
                         "this is the key of a token's subject: it has no secret");
    }
    if (key_state_at(key, change_wall_s(change)) == KEY_EXPIRED) {
        return error_set(change->error, ERROR_INVALID, "key_expired",
                         "this key has expired; make a new one");
    }
    if (actor->administrator == NULL) {
        return true;
    }
    size_t count = 0;
    const struct key *known = key_set_by_id(actor->set, key->id);
    const struct grant *grants = key_set_grants(actor->set, &count);
    return change_read_rule(change, &rule) && bounds_limits(actor, &rule.limits, change->error) &&
           bounds_expiry(actor, key->expires_s, change->error) &&
           bounds_grants(actor, known == NULL ? NULL : grants + known->grant_first,
                         known == NULL ? 0 : known->grant_count, change->error);
}

/* Old secrets that open now; -1: failure. */
static int64_t count_old_secrets(struct change *change, uint64_t key, int64_t now_s)
{
    int64_t count = -1;
    sqlite3_stmt *row = database_prepare(
        change->db, "SELECT count(*) FROM old_secrets WHERE key = ?1 AND ends_s > ?2");
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, (int64_t)key);
        sqlite3_bind_int64(row, 2, now_s);
        count = sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : -1;
    }
    sqlite3_finalize(row);
    return count;
}

/* Each opens until its own overlap is over, and none longer than the one that is replaced now: so
 * --overlap 0s ends all. */
static bool keep_old_secrets(struct change *change, const struct key *key, int64_t overlap_s,
                             unsigned *ret_older)
{
    int64_t now_s = change_wall_s(change);
    if (!change_run(change, "UPDATE old_secrets SET ends_s = min(ends_s, ?2) WHERE key = ?1",
                    (int64_t)key->id, now_s + overlap_s) ||
        !change_run(change, "DELETE FROM old_secrets WHERE key = ?1 AND ends_s < ?2",
                    (int64_t)key->id, now_s - OLD_SECRETS_KEPT_S)) {
        return false;
    }
    int64_t older = count_old_secrets(change, key->id, now_s);
    if (older < 0) {
        return change_failed(change, "rotating a key");
    }
    *ret_older = (unsigned)older;
    if (older >= KEY_OLD_SECRETS_MAX && overlap_s > 0) {
        return error_set(change->error, ERROR_INVALID, "too_many_secrets",
                         "%lld secrets that this key had before still open: wait until an overlap "
                         "is over, or end all of them with an overlap of 0s",
                         (long long)older);
    }
    return change_run(change,
                      "INSERT INTO old_secrets(digest, key, ends_s)"
                      " SELECT digest, id, ?2 FROM keys WHERE id = ?1",
                      (int64_t)key->id, now_s + overlap_s);
}

static bool write_secret(struct change *change, const struct key *key, const uint8_t *digest)
{
    sqlite3_stmt *sql =
        database_prepare(change->db, "UPDATE keys SET digest = ?, prefix = ? WHERE id = ?");
    if (sql != NULL) {
        sqlite3_bind_blob(sql, 1, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
        bind_slice(sql, 2, slice_from_cstr(key->prefix));
        sqlite3_bind_int64(sql, 3, (int64_t)key->id);
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    return done || change_failed(change, "rotating a key");
}

bool key_rotate(const char *path, struct slice which, int64_t overlap_s,
                const struct key_actor *actor, char secret[KEY_TEXT_SIZE], struct key *ret_key,
                unsigned *ret_older, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    struct key key = {0};
    uint8_t digest[KEY_DIGEST_SIZE];
    char subject[SUBJECT_SIZE];
    bool done = change_begin(&change, DATABASE_CHANGE) && change_find_key(&change, which, &key) &&
                check_rotation(&change, &key) && secret_make(secret, key.prefix, digest, error) &&
                keep_old_secrets(&change, &key, overlap_s, ret_older) &&
                write_secret(&change, &key, digest) &&
                change_commit(&change, "key.rotate", key_subject(&key, subject));
    change_end(&change);
    if (!done) {
        OPENSSL_cleanse(secret, KEY_TEXT_SIZE);
        return false;
    }
    *ret_key = key;
    return true;
}
