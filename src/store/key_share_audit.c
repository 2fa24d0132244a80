/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the audit log that waited for the authority get their places in the chain. */
#include "store/audit_internal.h"
#include "store/key_share_internal.h"

#define DRAIN_ROWS "500"

static struct slice column_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return slice_of(text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(row, column));
}

static bool append_all(sqlite3 *db, int64_t *ret_last, int64_t *ret_count)
{
    sqlite3_stmt *row = database_prepare(
        db, "SELECT id, at_ns, actor, source, action, subject, outcome, detail FROM audit_waiting"
            " ORDER BY id LIMIT " DRAIN_ROWS);
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool done = true;
    while (done && status == SQLITE_ROW) {
        const struct audit_entry entry = {
            .at_ns = sqlite3_column_int64(row, 1),
            .actor = column_text(row, 2),
            .source = column_text(row, 3),
            .action = column_text(row, 4),
            .subject = column_text(row, 5),
            .outcome = column_text(row, 6),
            .detail = column_text(row, 7),
        };
        *ret_last = sqlite3_column_int64(row, 0);
        (*ret_count)++;
        done = audit_append(db, &entry);
        status = sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return done && status == SQLITE_DONE;
}

static bool forget_up_to(sqlite3 *db, int64_t last)
{
    sqlite3_stmt *sql = database_prepare(db, "DELETE FROM audit_waiting WHERE id <= ?");
    bool done = sql != NULL && sqlite3_bind_int64(sql, 1, last) == SQLITE_OK && database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

static bool any_waits(sqlite3 *db)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT 1 FROM audit_waiting LIMIT 1");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    sqlite3_finalize(row);
    return found;
}

bool share_drain_audit(struct key_share *share, sqlite3 *db, int64_t *ret_count,
                       struct error *error)
{
    struct share_change change;
    int64_t last = 0;
    *ret_count = 0;
    if (!any_waits(db)) {
        return true;
    }
    if (!share_change_begin(&change, share, db, error)) {
        return false;
    }
    bool done = (append_all(db, &last, ret_count) && forget_up_to(db, last)) ||
                database_error(db, member_path(share->member), "writing the audit log", error);
    done = done && share_change_commit(&change, clock_wall(&clock_system), error);
    share_change_end(&change);
    return done;
}
