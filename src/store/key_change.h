/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing keys, scopes and limits: short transactions, each on a connection of its own, which may
 * wait for another process (never on an event loop). Who may do it has been decided by the caller,
 * except for what an administrator's own limits decide: that is checked here, in the transaction.
 * Every change that took place is in the audit log (audit.h) with it, or has not taken place.
 */
#ifndef SLUICE_STORE_KEY_CHANGE_H
#define SLUICE_STORE_KEY_CHANGE_H

#include "store/keys.h"

#define LIMIT_MODELS_MAX 64 /* rules of one scope that name a model */

/* One row of limits of a new key, or the wish to change one. */
struct limit_order {
    struct slice model; /* empty: every model */
    struct scope_limits limits;
};

/* What a new key shall be. Slices and arrays stay the caller's. */
struct key_order {
    enum key_role role;
    struct slice name;
    struct slice scopes[SCOPE_KINDS]; /* names; [SCOPE_KEY] is not looked at; empty: none. Scopes
                                         that do not exist yet are made. */
    int64_t expires_s;                /* 0: never */
    const struct limit_order *limits;
    size_t limit_count;
    const struct grant *grants;
    size_t grant_count;
};

/*
 * Creates a key in the database at `path` (created if missing). The secret is written to `secret`
 * and kept nowhere. Errors: "bad_key_name" (1 to 63 printable characters), "key_exists" (unique
 * among keys in force), "bad_scope_name", "scope_conflict" (a user or team belongs to another
 * organisation), "bad_limit", "bad_grant".
 */
MUST_USE bool key_create(const char *path, const struct key_order *order,
                         char secret[KEY_TEXT_SIZE], struct key *ret_key, struct error *error);
/* By id, name, prefix or secret; "key_not_found", or "key_ambiguous". Takes effect at the next
 * key_set_load. */
MUST_USE bool key_revoke(const char *path, struct slice which, struct key *ret_key,
                         struct error *error);

/* "bad_limit": amounts and numbers below 0 (but for LIMIT_NONE), two caps of one period, a rolling
 * cap without its window. 0 is allowed: nothing fits it. */
MUST_USE bool limits_check(const struct scope_limits *limits, struct error *error);

#endif
