/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of every change: open, begin, change, write the audit entry, commit. A function that
 * returns false has set the change's error, and change_end() undoes what was begun.
 */
#ifndef SLUICE_STORE_KEY_CHANGE_INTERNAL_H
#define SLUICE_STORE_KEY_CHANGE_INTERNAL_H

#include "store/key_change.h"
#include "store/key_digest.h"
#include "store/key_share_internal.h"

struct change {
    const char *path;
    const struct key_actor *actor;
    struct error *error;
    sqlite3 *db;                /* NULL: could not be opened */
    struct share_change shared; /* in a cluster */
};

MUST_USE bool change_begin(struct change *change, enum database_access access);
/* Counts the change of the keys, records it, commits. */
MUST_USE bool change_commit(struct change *change, const char *action, struct slice subject);
void change_end(struct change *change);
/* SQLite failed. */
bool change_failed(struct change *change, const char *doing);
int64_t change_wall_s(const struct change *change);

/* The one key that answers to `which`, is not revoked and is the actor's business. */
MUST_USE bool change_find_key(struct change *change, struct slice which, struct key *ret_key);
/* One statement with two numbers bound. */
MUST_USE bool change_run(struct change *change, const char *sql, int64_t first, int64_t second);
/* The rule of a scope and model as it is; without any: limits_none(). */
MUST_USE bool change_read_rule(struct change *change, struct scope_rule *rule);

/* "key:17 alice" */
#define SUBJECT_SIZE (KEY_NAME_SIZE + SCOPE_NAME_SIZE + 32)
struct slice key_subject(const struct key *key, char text[SUBJECT_SIZE]);

/* Makes a secret and what is kept of it. */
MUST_USE bool secret_make(char secret[KEY_TEXT_SIZE], char prefix[KEY_PREFIX_SIZE],
                          uint8_t digest[KEY_DIGEST_SIZE], struct error *error);
MUST_USE bool secret_digest(struct slice secret, uint8_t digest[KEY_DIGEST_SIZE],
                            struct error *error);

#endif
