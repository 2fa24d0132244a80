/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about keys share: the digest of a secret, and the columns of a key. */
#ifndef SLUICE_STORE_KEY_DIGEST_H
#define SLUICE_STORE_KEY_DIGEST_H

#include "store/database.h"
#include "store/keys.h"

#define KEY_DIGEST_SIZE 32
#define KEY_COLUMNS                                                                                \
    "id, name, prefix, digest, created_s, expires_s, revoked_s, blocked_s, role, user, team,"      \
    " organisation"
#define KEY_COLUMN_COUNT 12
#define KEY_SELECT "SELECT " KEY_COLUMNS " FROM keys"

/* SHA-256, looked up in OpenSSL once. Read-only after creation; any thread. */
struct key_digester;

MUST_USE struct key_digester *key_digester_new(void);
void key_digester_free(struct key_digester *digester);
MUST_USE bool key_digest(const struct key_digester *digester, struct slice secret,
                         uint8_t digest[KEY_DIGEST_SIZE]);
/* From a row of KEY_SELECT; false: the row is damaged. */
MUST_USE bool key_from_row(sqlite3_stmt *row, struct key *ret_key, uint8_t digest[KEY_DIGEST_SIZE]);

#endif
