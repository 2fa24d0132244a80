/* SPDX-License-Identifier: Apache-2.0 */
#include "store/token_revoke.h"

#include "store/key_change_internal.h"
#include "store/keys_internal.h"
#include "store/limit_change.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(KEY_DIGEST_SIZE == 32, "as the header says");

bool token_id_digest(struct slice id, uint8_t ret_digest[KEY_DIGEST_SIZE])
{
    struct key_digester *digester = key_digester_new();
    bool done = digester != NULL && key_digest(digester, id, ret_digest);
    key_digester_free(digester);
    return done;
}

/* --- asking ------------------------------------------------------------------------------------
 */

static int by_digest(const void *left, const void *right)
{
    return memcmp(left, right, KEY_DIGEST_SIZE);
}

bool key_set_token_revoked(const struct key_set *set, const uint8_t digest[KEY_DIGEST_SIZE])
{
    return set->token_count > 0 && bsearch(digest, set->tokens, set->token_count,
                                           sizeof(set->tokens[0]), by_digest) != NULL;
}

/* --- changing ----------------------------------------------------------------------------------
 */

static bool check(const struct key_actor *actor, struct slice id, struct error *error)
{
    const struct key *administrator = actor->administrator;
    if (id.len == 0 || id.len > TOKEN_ID_MAX || !text_is_printable(id)) {
        return error_set(error, ERROR_INVALID, "bad_token_id",
                         "the id of a token (jti) has 1 to %d printable characters", TOKEN_ID_MAX);
    }
    bool scoped = false;
    for (int kind = SCOPE_USER; administrator != NULL && kind < SCOPE_KINDS; kind++) {
        scoped = scoped || administrator->scopes[kind] != 0;
    }
    return !scoped || error_set(error, ERROR_DENIED, "exceeds_creator",
                                "whose token it is cannot be told: an administrator of a part "
                                "revokes keys and subjects");
}

static bool check_room(struct change *change)
{
    sqlite3_stmt *row = database_prepare(change->db, "SELECT count(*) FROM revoked_tokens");
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    int64_t count = done ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_finalize(row);
    if (!done) {
        return change_failed(change, "revoking a token");
    }
    return count < TOKENS_REVOKED_MAX ||
           error_set(change->error, ERROR_INVALID, "too_many_tokens",
                     "%d tokens are revoked and have not ended: revoke their subjects, or let the "
                     "issuer change its keys",
                     TOKENS_REVOKED_MAX);
}

static bool insert(struct change *change, const uint8_t *digest, int64_t ends_s)
{
    sqlite3_stmt *sql = database_prepare(
        change->db, "INSERT INTO revoked_tokens(digest, revoked_s, ends_s) VALUES(?1, ?2, ?3)"
                    " ON CONFLICT(digest) DO UPDATE SET ends_s ="
                    " CASE WHEN ends_s = 0 OR excluded.ends_s = 0 THEN 0 ELSE max(ends_s, "
                    "excluded.ends_s) END");
    if (sql != NULL) {
        sqlite3_bind_blob(sql, 1, digest, KEY_DIGEST_SIZE, SQLITE_STATIC);
        sqlite3_bind_int64(sql, 2, change_wall_s(change));
        sqlite3_bind_int64(sql, 3, ends_s);
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    return done || change_failed(change, "revoking a token");
}

/* Those that ended by themselves, as far as anybody knows what time it is (ledger_clock.h): by a
 * clock that is ahead, a token that lives would open again. */
static const char sql_forget[] = "DELETE FROM revoked_tokens WHERE ends_s > ?1 AND ends_s < min(?2,"
                                 " (SELECT believed_ns / 1000000000 FROM state))";

bool token_revoke(const char *path, struct slice id, int64_t expires_s,
                  const struct key_actor *actor, struct error *error)
{
    struct change change = {.path = path, .actor = actor, .error = error};
    uint8_t digest[KEY_DIGEST_SIZE];
    char subject[TOKEN_ID_MAX + 16];
    bool done = check(actor, id, error) &&
                (token_id_digest(id, digest) || error_set(error, ERROR_ENVIRONMENT, "out_of_memory",
                                                          "SHA-256 is not available")) &&
                change_begin(&change, DATABASE_CREATE) &&
                change_run(&change, sql_forget, 0, change_wall_s(&change)) && check_room(&change) &&
                insert(&change, digest, expires_s == 0 ? 0 : expires_s + TOKEN_KEPT_S);
    if (done) {
        snprintf(subject, sizeof(subject), "token:%.*s", SLICE_ARG(id));
        done = change_commit(&change, "token.revoke", slice_from_cstr(subject));
    }
    change_end(&change);
    return done;
}
