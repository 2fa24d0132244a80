/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a transaction changed in the tables of the keys and in the audit log, as bytes that make the
 * same change in another database: SQLite's sessions. The row of `state` is not in it, and what
 * `key_seals` says of the rows is each database's own.
 */
#ifndef SLUICE_STORE_KEY_CHANGESET_H
#define SLUICE_STORE_KEY_CHANGESET_H

#include "base/slice.h"
#include "store/database.h"

/* Does the library have sessions? Some are built without. */
bool changeset_possible(void);

struct changeset_recorder;
/* Records what this connection changes from now on. NULL: out of memory. */
MUST_USE struct changeset_recorder *changeset_begin(sqlite3 *db);
/* *ret_bytes are freed with sqlite3_free(). */
MUST_USE bool changeset_take(struct changeset_recorder *recorder, void **ret_bytes,
                             size_t *ret_len);
/* NULL-safe; before the connection is closed. */
void changeset_end(struct changeset_recorder *recorder);

/* All rows of these tables, as if each had been added to an empty database. */
MUST_USE bool changeset_of_all(sqlite3 *db, void **ret_bytes, size_t *ret_len);
/* Several changesets, in their order, as one with the same effect; *ret_bytes as above. Fewer may
 * go together than are given (another version of the tables made them, or memory): *ret_joined is
 * how many did, 0 or more. */
void changesets_join(const struct slice *changesets, size_t count, void **ret_bytes,
                     size_t *ret_len, size_t *ret_joined);
/* Does it change more than the audit log? */
bool changeset_has_keys(struct slice bytes);
/* False: a row is not as it was where the change was made, or SQLite failed: roll back. */
MUST_USE bool changeset_apply(sqlite3 *db, struct slice bytes);

#endif
