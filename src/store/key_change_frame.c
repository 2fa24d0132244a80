/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_change_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "store/audit_internal.h"
#include "store/key_bounds.h"
#include "store/key_seals.h"
#include "store/ledger_schema.h"

#include <stdio.h>

#define SECRET_PREFIX "sk-sl-"
#define SECRET_DIGITS 43 /* of base 62: 256 bits */
#define SHOWN_DIGITS 4

/* --- the frame ---------------------------------------------------------------------------------
 */

int64_t change_wall_s(const struct change *change)
{
    return change->actor->wall_ns / NS_PER_S;
}

bool change_failed(struct change *change, const char *doing)
{
    return database_error(change->db, change->path, doing, change->error);
}

/* A node that changed its keys alone would never agree with the others again. */
static bool may_change_alone(struct change *change)
{
    sqlite3_stmt *row = database_prepare(change->db, "SELECT cluster FROM cluster_state");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    bool alone = found && sqlite3_column_bytes(row, 0) == 0;
    sqlite3_finalize(row);
    if (!found) {
        return change_failed(change, "changing the keys");
    }
    return alone || error_set(change->error, ERROR_ENVIRONMENT, "cluster_only",
                              "this ledger belongs to a cluster, which orders the changes of its "
                              "keys: set cluster.postgres, or leave it with `sluice cluster "
                              "forget`");
}

bool change_begin(struct change *change, enum database_access access)
{
    struct key_share *share = change->actor->share;
    change->db = database_open(change->path, access, change->error);
    if (change->db == NULL || !ledger_schema_prepare(change->db, change->path, change->error)) {
        return false;
    }
    if (!key_seals_watch(change->db)) {
        return change_failed(change, "changing the keys");
    }
    if (share != NULL) {
        return share_change_begin(&change->shared, share, change->db, change->error);
    }
    return (database_exec(change->db, "BEGIN IMMEDIATE") ||
            change_failed(change, "changing the keys")) &&
           may_change_alone(change);
}

bool change_commit(struct change *change, const char *action, struct slice subject)
{
    const struct audit_entry entry = {
        .at_ns = change->actor->wall_ns,
        .actor = change->actor->name,
        .source = change->actor->source,
        .action = slice_from_cstr(action),
        .subject = subject,
        .outcome = SLICE("ok"),
        .detail = change->actor->detail,
    };
    if (!database_exec(change->db, "UPDATE state SET key_changes = key_changes + 1") ||
        !audit_append(change->db, &entry)) {
        return change_failed(change, "changing the keys");
    }
    if (change->shared.share == NULL) {
        return database_exec(change->db, "COMMIT") || change_failed(change, "changing the keys");
    }
    if (!share_change_commit(&change->shared, change->actor->wall_ns, change->error)) {
        return false;
    }
    share_change_spread(&change->shared, change->actor->spread);
    return true;
}

void change_end(struct change *change)
{
    share_change_end(&change->shared);
    if (change->db != NULL) {
        database_rollback(change->db);
        sqlite3_close(change->db);
        change->db = NULL;
    }
}

bool change_run(struct change *change, const char *sql, int64_t first, int64_t second)
{
    sqlite3_stmt *statement = database_prepare(change->db, sql);
    if (statement != NULL) {
        sqlite3_bind_int64(statement, 1, first);
        sqlite3_bind_int64(statement, 2, second);
    }
    bool done = statement != NULL && database_run(statement);
    sqlite3_finalize(statement);
    return done || change_failed(change, "changing the keys");
}

/* --- finding -----------------------------------------------------------------------------------
 */

struct slice key_subject(const struct key *key, char text[SUBJECT_SIZE])
{
    snprintf(text, SUBJECT_SIZE, "key:%llu %s", (unsigned long long)key->id, key->name);
    return slice_from_cstr(text);
}

static bool is_business_of(const struct key_actor *actor, const struct key *key)
{
    return actor->administrator == NULL ||
           (key->role == KEY_CLIENT && bounds_reach(actor, key->scopes));
}

/* How many keys that are not revoked answer to it; the first is in *ret_key. -1: failure. */
static int find_keys(struct change *change, struct slice which, struct key *ret_key)
{
    uint8_t digest[KEY_DIGEST_SIZE];
    uint8_t unused[KEY_DIGEST_SIZE];
    uint64_t id = 0;
    int count = 0;
    sqlite3_stmt *row = database_prepare(
        change->db, KEY_SELECT " WHERE revoked_s = 0 AND (id = ?1 OR name = ?2 OR prefix = ?2"
                               " OR digest = ?3"
                               " OR id IN (SELECT key FROM old_secrets WHERE digest = ?3))");
    if (row == NULL || !secret_digest(which, digest, NULL)) {
        sqlite3_finalize(row);
        return -1;
    }
    bool number = slice_to_u64(which, &id) && id <= INT64_MAX;
    sqlite3_bind_int64(row, 1, number ? (int64_t)id : -1);
    bind_slice(row, 2, which);
    sqlite3_bind_blob(row, 3, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
    int status = sqlite3_step(row);
    while (status == SQLITE_ROW) {
        struct key key;
        if (key_from_row(row, &key, unused) && is_business_of(change->actor, &key) &&
            count++ == 0) {
            *ret_key = key;
        }
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return status == SQLITE_DONE ? count : -1;
}

bool change_find_key(struct change *change, struct slice which, struct key *ret_key)
{
    int count = find_keys(change, which, ret_key);
    if (count < 0) {
        return change_failed(change, "looking for a key");
    }
    if (count == 0) {
        return error_set(change->error, ERROR_NOT_FOUND, "key_not_found",
                         "no key in force has this id, name or prefix");
    }
    if (count > 1) {
        return error_set(change->error, ERROR_INVALID, "key_ambiguous",
                         "%d keys answer to this; give the id", count);
    }
    return true;
}

static void bind_rule(sqlite3_stmt *row, const struct scope_rule *rule)
{
    sqlite3_bind_int64(row, 1, rule->kind);
    sqlite3_bind_int64(row, 2, (int64_t)rule->scope_id);
    bind_slice(row, 3, slice_from_cstr(rule->model));
}

static bool read_caps(sqlite3 *db, struct scope_rule *rule)
{
    sqlite3_stmt *row = database_prepare(
        db, "SELECT period, window_s, amount_nd, soft FROM caps"
            " WHERE kind = ? AND scope = ? AND model = ? ORDER BY period, window_s");
    if (row == NULL) {
        return false;
    }
    bind_rule(row, rule);
    int status = sqlite3_step(row);
    while (status == SQLITE_ROW && rule->limits.cap_count < SCOPE_CAPS_MAX) {
        rule->limits.caps[rule->limits.cap_count++] = (struct spend_cap){
            .period = (enum cap_period)sqlite3_column_int64(row, 0),
            .window_s = sqlite3_column_int64(row, 1),
            .amount_nd = sqlite3_column_int64(row, 2),
            .soft = sqlite3_column_int64(row, 3) != 0,
        };
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return status == SQLITE_ROW || status == SQLITE_DONE;
}

bool change_read_rule(struct change *change, struct scope_rule *rule)
{
    sqlite3_stmt *row =
        database_prepare(change->db, "SELECT requests_per_minute, tokens_per_minute, parallel,"
                                     " max_request_nd, pace FROM limits"
                                     " WHERE kind = ? AND scope = ? AND model = ?");
    rule->limits = limits_none();
    int status = SQLITE_ERROR;
    if (row != NULL) {
        bind_rule(row, rule);
        status = sqlite3_step(row);
    }
    if (status == SQLITE_ROW) {
        rule->limits.requests_per_minute = sqlite3_column_int64(row, 0);
        rule->limits.tokens_per_minute = sqlite3_column_int64(row, 1);
        rule->limits.parallel = sqlite3_column_int64(row, 2);
        rule->limits.max_request_nd = sqlite3_column_int64(row, 3);
        rule->limits.pace = sqlite3_column_int64(row, 4) != 0;
    }
    sqlite3_finalize(row);
    return ((status == SQLITE_ROW || status == SQLITE_DONE) && read_caps(change->db, rule)) ||
           change_failed(change, "reading limits");
}

/* --- secrets -----------------------------------------------------------------------------------
 */

/* Digits are drawn so that each is equally likely: bytes from 248 up are drawn again. */
static void draw_secret(char secret[KEY_TEXT_SIZE])
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

bool secret_digest(struct slice secret, uint8_t digest[KEY_DIGEST_SIZE], struct error *error)
{
    struct key_digester *digester = key_digester_new();
    bool done = digester != NULL && key_digest(digester, secret, digest);
    key_digester_free(digester);
    return done || error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "SHA-256 is not available");
}

bool secret_make(char secret[KEY_TEXT_SIZE], char prefix[KEY_PREFIX_SIZE],
                 uint8_t digest[KEY_DIGEST_SIZE], struct error *error)
{
    draw_secret(secret);
    slice_to_cstr(slice_of(secret, strlen(SECRET_PREFIX) + SHOWN_DIGITS), prefix, KEY_PREFIX_SIZE);
    return secret_digest(slice_from_cstr(secret), digest, error);
}
