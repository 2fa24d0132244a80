/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tables of the keys must say: `key_seals` has, of each key, user, team and organisation,
 * how many rows there are of it in `keys`, `old_secrets`, `grants`, `scopes`, `limits` and `caps`,
 * and a sum over them, of each row a number that every column has a part in. Of all revoked tokens
 * there is one more, and one of all rows together, so that nothing vanishes with its own seal.
 * Triggers that only our own connections have keep them as the rows are changed; whoever changes a
 * row otherwise leaves a sum that is wrong, and what it is of is not trusted until somebody has
 * looked (keys.h: KEY_DAMAGED). They are each database's own: no changeset has them. They are no
 * defence against somebody who computes them again.
 */
#ifndef SLUICE_STORE_KEY_SEALS_H
#define SLUICE_STORE_KEY_SEALS_H

#include "store/database.h"
#include "store/limits.h"

/* `key_seals.kind`: an enum scope_kind, or one of these, with `scope` 0. In databases. */
#define SEAL_TOKENS 4
#define SEAL_ALL 5

/* Of a row, with `r` before each column: whose it is, and its number. */
#define SEAL_OWNER_KEY(r) "0, " r "id"
#define SEAL_KEY(r)                                                                                \
    "key_seal('keys', " r "id, " r "name, " r "prefix, " r "digest, " r "created_s, " r            \
    "expires_s, " r "revoked_s, " r "role, " r "blocked_s, " r "user, " r "team, " r               \
    "organisation, " r "creator)"
#define SEAL_OWNER_SECRET(r) "0, " r "key"
#define SEAL_SECRET(r) "key_seal('old_secrets', " r "digest, " r "key, " r "ends_s)"
#define SEAL_OWNER_SCOPE(r) r "kind, " r "id"
#define SEAL_SCOPE(r)                                                                              \
    "key_seal('scopes', " r "id, " r "kind, " r "name, " r "organisation, " r "created_s)"
#define SEAL_OWNER_GRANT(r) "0, " r "key"
#define SEAL_GRANT(r) "key_seal('grants', " r "key, " r "kind, " r "text)"
#define SEAL_OWNER_LIMIT(r) r "kind, " r "scope"
#define SEAL_LIMIT(r)                                                                              \
    "key_seal('limits', " r "kind, " r "scope, " r "model, " r "requests_per_minute, " r           \
    "tokens_per_minute, " r "parallel, " r "max_request_nd, " r "pace)"
#define SEAL_OWNER_CAP(r) r "kind, " r "scope"
#define SEAL_CAP(r)                                                                                \
    "key_seal('caps', " r "kind, " r "scope, " r "model, " r "period, " r "window_s, " r           \
    "amount_nd, " r "soft)"
#define SEAL_OWNER_TOKEN(r) "4, 0"
#define SEAL_TOKEN(r) "key_seal('revoked_tokens', " r "digest, " r "revoked_s, " r "ends_s)"

/* Every row, as a table of a question. */
#define SEALED_ROWS                                                                                \
    "sealed(kind, scope, seal) AS (SELECT " SEAL_OWNER_KEY("") ", " SEAL_KEY(                      \
        "") " FROM keys"                                                                           \
            " UNION ALL SELECT " SEAL_OWNER_SECRET("") ", " SEAL_SECRET(                           \
                "") " FROM old_secrets"                                                            \
                    " UNION ALL SELECT " SEAL_OWNER_SCOPE("") ", " SEAL_SCOPE(                     \
                        "") " FROM scopes"                                                         \
                            " UNION ALL SELECT " SEAL_OWNER_GRANT("") ", " SEAL_GRANT(             \
                                "") " FROM grants"                                                 \
                                    " UNION ALL SELECT " SEAL_OWNER_LIMIT("") ", " SEAL_LIMIT(     \
                                        "") " FROM limits"                                         \
                                            " UNION ALL SELECT " SEAL_OWNER_CAP("") ", " SEAL_CAP( \
                                                "") " FROM caps"                                   \
                                                    " UNION ALL SELECT " SEAL_OWNER_TOKEN(         \
                                                        "") ", " SEAL_TOKEN("") " FROM "           \
                                                                                "revoked_tokens)"
/* As the rows are now, whatever they were. */
#define SEALS_MAKE                                                                                 \
    "DELETE FROM key_seals;"                                                                       \
    "INSERT INTO key_seals(kind, scope, rows, total) VALUES(4, 0, 0, 0), (5, 0, 0, 0);"            \
    "WITH " SEALED_ROWS " INSERT OR REPLACE INTO key_seals(kind, scope, rows, total)"              \
    " SELECT kind, scope, count(*), seal_sum(seal) FROM sealed GROUP BY kind, scope"               \
    " UNION ALL SELECT 5, 0, count(*), seal_sum(seal) FROM sealed;"

/* Makes key_seal() and seal_sum() of this connection. */
MUST_USE bool key_seals_register(sqlite3 *db);
/* From now on what this connection changes is counted, in the same transaction. Again: nothing. */
MUST_USE bool key_seals_watch(sqlite3 *db);
/* Takes what is there as what was written. Inside a transaction. */
MUST_USE bool key_seals_make(sqlite3 *db);

/* Whose rows are not what was written: "key 17, team 3", the first of them; "": nobody's. */
#define SEALS_TEXT_SIZE 512
MUST_USE bool key_seals_check(sqlite3 *db, char text[SEALS_TEXT_SIZE]);

/* The same for `sluice ledger verify`, after what the audit log says of limits (ledger_books.h),
 * which says more: "ledger_violation". No part of ledger_verify(): a ledger with a damaged key can
 * be copied and restored, and refuses what is below it. */
MUST_USE bool key_seals_verify(const char *path, struct error *error);

#endif
