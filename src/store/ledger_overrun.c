/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_overrun.h"

#include "store/ledger_internal.h"

bool writer_add_overrun(struct writer *writer, const struct settle_record *settle)
{
    if (!settle->blocks || settle->key_id == 0) {
        return true;
    }
    sqlite3_stmt *sql = writer->sql[SQL_OVERRUN_ADD];
    const int64_t values[] = {
        settle->attempt,     (int64_t)settle->key_id, settle->wall_ns,
        settle->released_nd, settle->cost_nd,         names_id(&writer->names, settle->target),
    };
    bind_id(sql, 1, &settle->call);
    bind_numbers(sql, 2, values, ARRAY_LEN(values));
    writer->overruns++;
    return values[ARRAY_LEN(values) - 1] >= 0 && database_run(sql);
}

static bool read_row(sqlite3_stmt *row, struct ledger_overrun *ret_overrun)
{
    const void *id = sqlite3_column_blob(row, 0);
    const char *target = (const char *)sqlite3_column_text(row, 5);
    if (id == NULL || sqlite3_column_bytes(row, 0) != (int)sizeof(ret_overrun->call.bytes)) {
        return false;
    }
    *ret_overrun = (struct ledger_overrun){
        .key_id = (uint64_t)sqlite3_column_int64(row, 1),
        .settled_ns = sqlite3_column_int64(row, 2),
        .held_nd = sqlite3_column_int64(row, 3),
        .cost_nd = sqlite3_column_int64(row, 4),
        .target = target == NULL ? SLICE_EMPTY : slice_from_cstr(target),
    };
    memcpy(ret_overrun->call.bytes, id, sizeof(ret_overrun->call.bytes));
    return true;
}

bool ledger_overruns_read(const char *path,
                          bool (*each)(void *user, const struct ledger_overrun *overrun),
                          void *user, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    if (db == NULL) {
        return false;
    }
    sqlite3_stmt *row =
        database_prepare(db, "SELECT o.call, o.key, o.settled_ns, o.held_nd, o.cost_nd, n.name"
                             " FROM overruns o LEFT JOIN names n ON n.id = o.target"
                             " ORDER BY o.key, o.call, o.attempt");
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    bool more = true;
    while (more && status == SQLITE_ROW) {
        struct ledger_overrun overrun;
        more = !read_row(row, &overrun) || each(user, &overrun);
        status = more ? sqlite3_step(row) : SQLITE_DONE;
    }
    bool done = status == SQLITE_DONE || database_error(db, path, "reading overruns", error);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return done;
}

bool ledger_overruns_forget(const char *path, uint64_t key_id, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_CHANGE, error);
    if (db == NULL) {
        return false;
    }
    sqlite3_stmt *sql = database_prepare(db, "DELETE FROM overruns WHERE key = ?");
    if (sql != NULL) {
        sqlite3_bind_int64(sql, 1, (int64_t)key_id);
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    done = done || database_error(db, path, "removing overruns", error);
    sqlite3_close(db);
    return done;
}
