/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_change.h"

#include "base/clock.h"
#include "base/random.h"
#include "store/key_digest.h"
#include "store/ledger_schema.h"
#include "store/limit_change.h"

#include <openssl/crypto.h>

#define SECRET_PREFIX "sk-sl-"
#define SECRET_DIGITS 43 /* of base 62: 256 bits */
#define SHOWN_DIGITS 4

static int64_t now_s(void)
{
    return clock_wall(&clock_system) / NS_PER_S;
}

static bool check_name(struct slice name, struct error *error)
{
    if (name.len == 0 || name.len >= KEY_NAME_SIZE || !text_is_printable(name)) {
        return error_set(error, ERROR_INVALID, "bad_key_name",
                         "the name of a key has 1 to 63 printable characters");
    }
    return true;
}

static bool check_order(const struct key_order *order, struct error *error)
{
    if (!check_name(order->name, error) ||
        !grants_check(order->grants, order->grant_count, error)) {
        return false;
    }
    for (enum scope_kind kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        if (order->scopes[kind].len > 0 && !scope_name_check(order->scopes[kind], error)) {
            return false;
        }
    }
    for (size_t i = 0; i < order->limit_count; i++) {
        struct slice model = order->limits[i].model;
        if (i > LIMIT_MODELS_MAX || model.len >= SCOPE_NAME_SIZE || !text_is_printable(model)) {
            return error_set(error, ERROR_INVALID, "bad_limit",
                             "limits name at most %d models, each with up to 63 printable "
                             "characters",
                             LIMIT_MODELS_MAX);
        }
        if (!limits_check(&order->limits[i].limits, error)) {
            return false;
        }
    }
    return true;
}

/* Digits are drawn so that each is equally likely: bytes from 248 up are drawn again. */
static void make_secret(char secret[KEY_TEXT_SIZE])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const unsigned fair = 248;
    size_t len = strlen(SECRET_PREFIX);
    memcpy(secret, SECRET_PREFIX, len);
    while (len < strlen(SECRET_PREFIX) + SECRET_DIGITS) {
        unsigned char byte;
        random_secure(&byte, sizeof(byte));
        if (byte < fair) {
            secret[len++] = digits[byte % 62];
        }
    }
    secret[len] = '\0';
}
_Static_assert(sizeof(SECRET_PREFIX) + SECRET_DIGITS <= KEY_TEXT_SIZE, "a secret fits");

static bool run_once(sqlite3_stmt *statement)
{
    bool done = database_run(statement);
    sqlite3_finalize(statement);
    return done;
}

static bool count_change(sqlite3 *db)
{
    return database_exec(db, "UPDATE state SET key_changes = key_changes + 1");
}

/* --- creating ----------------------------------------------------------------------------------
 */

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

static bool insert_key(sqlite3 *db, struct key *key, const uint8_t *digest)
{
    sqlite3_stmt *sql =
        database_prepare(db, "INSERT INTO keys(name, prefix, digest, created_s, expires_s,"
                             " revoked_s, role, user, team, organisation)"
                             " VALUES(?, ?, ?, ?, ?, 0, ?, ?, ?, ?)");
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
    bool done = run_once(sql);
    key->id = (uint64_t)sqlite3_last_insert_rowid(db);
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

/* One transaction; false leaves it open for the caller to roll back. */
static bool store_key(sqlite3 *db, const char *path, const struct key_order *order, struct key *key,
                      const uint8_t *digest, struct error *error)
{
    bool taken = false;
    uint64_t scopes[SCOPE_KINDS] = {0};
    if (!database_exec(db, "BEGIN IMMEDIATE") ||
        !name_is_taken(db, slice_from_cstr(key->name), key->created_s, &taken)) {
        return database_error(db, path, "adding a key", error);
    }
    if (taken) {
        return error_set(error, ERROR_INVALID, "key_exists", "there is already a key named \"%s\"",
                         key->name);
    }
    if (!scopes_obtain(db, path, order->scopes, key->created_s, scopes, error)) {
        return false;
    }
    memcpy(key->scopes, scopes, sizeof(key->scopes));
    if (!insert_key(db, key, digest) || !write_limits(db, key->id, order) ||
        !grants_write(db, key->id, order->grants, order->grant_count) || !count_change(db) ||
        !database_exec(db, "COMMIT")) {
        return database_error(db, path, "adding a key", error);
    }
    return true;
}

static bool digest_of(struct slice secret, uint8_t digest[KEY_DIGEST_SIZE], struct error *error)
{
    struct key_digester *digester = key_digester_new();
    bool done = digester != NULL && key_digest(digester, secret, digest);
    key_digester_free(digester);
    return done || error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "SHA-256 is not available");
}

static bool fill_key(const struct key_order *order, char secret[KEY_TEXT_SIZE], struct key *key,
                     uint8_t digest[KEY_DIGEST_SIZE], struct error *error)
{
    *key = (struct key){.role = order->role, .created_s = now_s(), .expires_s = order->expires_s};
    make_secret(secret);
    slice_to_cstr(order->name, key->name, sizeof(key->name));
    slice_to_cstr(slice_of(secret, strlen(SECRET_PREFIX) + SHOWN_DIGITS), key->prefix,
                  sizeof(key->prefix));
    return digest_of(slice_from_cstr(secret), digest, error);
}

bool key_create(const char *path, const struct key_order *order, char secret[KEY_TEXT_SIZE],
                struct key *ret_key, struct error *error)
{
    struct key key;
    uint8_t digest[KEY_DIGEST_SIZE];
    sqlite3 *db = NULL;
    bool done = check_order(order, error) && fill_key(order, secret, &key, digest, error);
    if (done) {
        db = database_open(path, DATABASE_CREATE, error);
        done = db != NULL && ledger_schema_prepare(db, path, error) &&
               store_key(db, path, order, &key, digest, error);
    }
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    if (!done) {
        OPENSSL_cleanse(secret, KEY_TEXT_SIZE);
        return false;
    }
    *ret_key = key;
    return true;
}

/* --- revoking ----------------------------------------------------------------------------------
 */

static bool bind_which(sqlite3_stmt *sql, struct slice which, uint8_t digest[KEY_DIGEST_SIZE])
{
    uint64_t id;
    bool number = slice_to_u64(which, &id) && id <= INT64_MAX;
    bool done = digest_of(which, digest, NULL);
    sqlite3_bind_int64(sql, 1, number ? (int64_t)id : -1);
    bind_slice(sql, 2, which);
    sqlite3_bind_blob(sql, 3, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
    return done;
}

/* How many keys that are not revoked answer to it; the first is in *ret_key. -1: failure. */
static int find_keys(sqlite3 *db, struct slice which, struct key *ret_key)
{
    uint8_t digest[KEY_DIGEST_SIZE];
    uint8_t unused[KEY_DIGEST_SIZE];
    int count = 0;
    sqlite3_stmt *sql = database_prepare(
        db, KEY_SELECT " WHERE revoked_s = 0"
                       " AND (id = ?1 OR name = ?2 OR prefix = ?2 OR digest = ?3)");
    if (sql == NULL || !bind_which(sql, which, digest)) {
        sqlite3_finalize(sql);
        return -1;
    }
    int status = sqlite3_step(sql);
    while (status == SQLITE_ROW) {
        struct key key;
        if (key_from_row(sql, &key, unused) && count++ == 0) {
            *ret_key = key;
        }
        status = sqlite3_step(sql);
    }
    sqlite3_finalize(sql);
    return status == SQLITE_DONE ? count : -1;
}

static bool mark_revoked(sqlite3 *db, const struct key *key)
{
    sqlite3_stmt *sql = database_prepare(db, "UPDATE keys SET revoked_s = ? WHERE id = ?");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, key->revoked_s);
    sqlite3_bind_int64(sql, 2, (int64_t)key->id);
    return run_once(sql) && count_change(db) && database_exec(db, "COMMIT");
}

static bool revoke(sqlite3 *db, const char *path, struct slice which, struct key *key,
                   struct error *error)
{
    int count = database_exec(db, "BEGIN IMMEDIATE") ? find_keys(db, which, key) : -1;
    if (count < 0) {
        return database_error(db, path, "looking for a key", error);
    }
    if (count == 0) {
        return error_set(error, ERROR_NOT_FOUND, "key_not_found",
                         "no key in force has this id, name or prefix");
    }
    if (count > 1) {
        return error_set(error, ERROR_INVALID, "key_ambiguous",
                         "%d keys answer to this; give the id", count);
    }
    key->revoked_s = now_s();
    return mark_revoked(db, key) || database_error(db, path, "revoking a key", error);
}

bool key_revoke(const char *path, struct slice which, struct key *ret_key, struct error *error)
{
    struct key key;
    sqlite3 *db = database_open(path, DATABASE_CHANGE, error);
    bool done = db != NULL && ledger_schema_prepare(db, path, error) &&
                revoke(db, path, which, &key, error);
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    if (done) {
        *ret_key = key;
    }
    return done;
}
