/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of scopes and limits, inside the transactions of key_change.c. False: SQLite failed, or
 * *error says why not. */
#ifndef SLUICE_STORE_LIMIT_CHANGE_H
#define SLUICE_STORE_LIMIT_CHANGE_H

#include "store/database.h"
#include "store/key_change.h"

/* "bad_scope_name": 1 to 63 printable characters, neither ':' nor ','. */
MUST_USE bool scope_name_check(struct slice name, struct error *error);
/* "bad_limit": at most 63 printable characters; empty is allowed. */
MUST_USE bool model_name_check(struct slice model, struct error *error);
/* Bytes of the character at the start; 0: a control character, not UTF-8, or nothing. */
size_t text_printable_length(struct slice text);
bool text_is_printable(struct slice text);
/*
 * The ids of the scopes with these names (empty: none, 0); they are made where they do not exist.
 * Users and teams belong to an organisation, or to none, and have their names within it. Where no
 * organisation is named, a user or team that exists brings its own along: "scope_ambiguous",
 * "scope_conflict" (two of different organisations).
 */
MUST_USE bool scopes_obtain(sqlite3 *db, const char *path, const struct slice names[SCOPE_KINDS],
                            int64_t wall_s, uint64_t ret_ids[SCOPE_KINDS], struct error *error);
/* Replaces the rule of this scope and model; limits without any limit remove it. */
MUST_USE bool limits_write(sqlite3 *db, const struct scope_rule *rule);
MUST_USE bool grants_write(sqlite3 *db, uint64_t key, const struct grant *grants, size_t count);
MUST_USE bool grants_check(const struct grant *grants, size_t count, struct error *error);

#endif
