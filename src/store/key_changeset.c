/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_changeset.h"

#include "store/key_seals.h"

#include <string.h>

/* Where the library has none of these, their addresses are NULL. */
#pragma weak sqlite3session_create
#pragma weak sqlite3session_attach
#pragma weak sqlite3session_changeset
#pragma weak sqlite3session_delete
#pragma weak sqlite3session_diff
#pragma weak sqlite3changeset_apply
#pragma weak sqlite3changeset_start
#pragma weak sqlite3changeset_next
#pragma weak sqlite3changeset_op
#pragma weak sqlite3changeset_finalize
#pragma weak sqlite3changegroup_new
#pragma weak sqlite3changegroup_add
#pragma weak sqlite3changegroup_output
#pragma weak sqlite3changegroup_delete

static const char *const tables[] = {
    "keys", "old_secrets", "scopes", "grants", "limits", "caps", "revoked_tokens", "audit",
};

bool changeset_possible(void)
{
    return &sqlite3session_create != NULL && &sqlite3changeset_apply != NULL &&
           &sqlite3session_diff != NULL && &sqlite3changegroup_new != NULL;
}

struct changeset_recorder {
    sqlite3_session *session;
};

struct changeset_recorder *changeset_begin(sqlite3 *db)
{
    struct changeset_recorder *recorder = sqlite3_malloc(sizeof(*recorder));
    if (recorder == NULL) {
        return NULL;
    }
    recorder->session = NULL;
    bool done = sqlite3session_create(db, "main", &recorder->session) == SQLITE_OK;
    for (size_t i = 0; i < ARRAY_LEN(tables) && done; i++) {
        done = sqlite3session_attach(recorder->session, tables[i]) == SQLITE_OK;
    }
    if (!done) {
        changeset_end(recorder);
        return NULL;
    }
    return recorder;
}

bool changeset_take(struct changeset_recorder *recorder, void **ret_bytes, size_t *ret_len)
{
    int len = 0;
    if (sqlite3session_changeset(recorder->session, &len, ret_bytes) != SQLITE_OK) {
        return false;
    }
    *ret_len = (size_t)len;
    return true;
}

void changeset_end(struct changeset_recorder *recorder)
{
    if (recorder != NULL) {
        if (recorder->session != NULL) {
            sqlite3session_delete(recorder->session);
        }
        sqlite3_free(recorder);
    }
}

/* Makes the same tables, empty, in the attached database `none`. */
static bool make_empty(sqlite3 *db)
{
    sqlite3_stmt *row = database_prepare(
        db, "SELECT replace(sql, 'CREATE TABLE ', 'CREATE TABLE none.') FROM sqlite_schema"
            " WHERE type = 'table' AND name IN"
            " ('keys', 'old_secrets', 'scopes', 'grants', 'limits', 'caps', 'revoked_tokens',"
            " 'audit')");
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool done = true;
    while (done && status == SQLITE_ROW) {
        done = database_exec(db, (const char *)sqlite3_column_text(row, 0));
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return done && status == SQLITE_DONE;
}

static bool record_difference(struct changeset_recorder *recorder)
{
    bool done = true;
    for (size_t i = 0; i < ARRAY_LEN(tables) && done; i++) {
        done = sqlite3session_diff(recorder->session, "none", tables[i], NULL) == SQLITE_OK;
    }
    return done;
}

/* The connection is in no transaction when it is attached, so this has one of its own. */
bool changeset_of_all(sqlite3 *db, void **ret_bytes, size_t *ret_len)
{
    if (!database_exec(db, "ATTACH ':memory:' AS none")) {
        return false;
    }
    struct changeset_recorder *recorder = NULL;
    bool done = make_empty(db) && (recorder = changeset_begin(db)) != NULL &&
                record_difference(recorder) && changeset_take(recorder, ret_bytes, ret_len);
    changeset_end(recorder);
    return database_exec(db, "DETACH none") && done;
}

/* How many fit; *ret_bytes is NULL unless all do. */
static size_t join_all(const struct slice *changesets, size_t count, void **ret_bytes, int *ret_len)
{
    sqlite3_changegroup *group = NULL;
    size_t joined = 0;
    *ret_bytes = NULL;
    if (sqlite3changegroup_new(&group) != SQLITE_OK) {
        return 0;
    }
    while (joined < count &&
           sqlite3changegroup_add(group, (int)changesets[joined].len,
                                  (void *)(uintptr_t)changesets[joined].ptr) == SQLITE_OK) {
        joined++;
    }
    if (joined == count && sqlite3changegroup_output(group, ret_len, ret_bytes) != SQLITE_OK) {
        joined = 0;
    }
    sqlite3changegroup_delete(group);
    return joined;
}

void changesets_join(const struct slice *changesets, size_t count, void **ret_bytes,
                     size_t *ret_len, size_t *ret_joined)
{
    int len = 0;
    size_t fit = count;
    size_t joined = join_all(changesets, fit, ret_bytes, &len);
    while (joined > 0 && joined < fit) { /* a group that failed says nothing any more */
        fit = joined;
        joined = join_all(changesets, fit, ret_bytes, &len);
    }
    *ret_len = (size_t)len;
    *ret_joined = joined;
}

bool changeset_has_keys(struct slice bytes)
{
    sqlite3_changeset_iter *each = NULL;
    bool found = false;
    void *start = (void *)(uintptr_t)bytes.ptr; /* read only, whatever the prototype says */
    if (sqlite3changeset_start(&each, (int)bytes.len, start) != SQLITE_OK) {
        return true;
    }
    while (!found && sqlite3changeset_next(each) == SQLITE_ROW) {
        const char *table = NULL;
        int columns;
        int operation;
        int indirect;
        found = sqlite3changeset_op(each, &table, &columns, &operation, &indirect) == SQLITE_OK &&
                strcmp(table, "audit") != 0;
    }
    sqlite3changeset_finalize(each);
    return found;
}

static int on_conflict(void *user, int conflict, sqlite3_changeset_iter *change)
{
    (void)user;
    (void)conflict;
    (void)change;
    return SQLITE_CHANGESET_ABORT;
}

bool changeset_apply(sqlite3 *db, struct slice bytes)
{
    void *start = (void *)(uintptr_t)bytes.ptr;
    return key_seals_watch(db) &&
           sqlite3changeset_apply(db, (int)bytes.len, start, NULL, on_conflict, NULL) == SQLITE_OK;
}
