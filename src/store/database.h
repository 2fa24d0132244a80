/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little that all users of SQLite here share. A connection belongs to one thread. SQL comes
 * from literals only; values are bound.
 */
#ifndef SLUICE_STORE_DATABASE_H
#define SLUICE_STORE_DATABASE_H

#include "base/error.h"
#include "base/slice.h"

#include <sqlite3.h>

enum database_access {
    DATABASE_READ,   /* must exist; nothing is written */
    DATABASE_CHANGE, /* must exist */
    DATABASE_CREATE, /* made with mode 0600 when missing */
};

#define DATABASE_BUSY_MS 5000
/* For a connection that reads a whole ledger, and sorts much of it: as much memory as that may
 * take (in KiB, for what is cached and for each sort); the rest of a sort is on disk. */
#define DATABASE_READS_ALL "PRAGMA cache_size = -65536; "

/* NULL: *error says why; "ledger_missing" (ERROR_NOT_FOUND) when it must exist and does not. */
MUST_USE sqlite3 *database_open(const char *path, enum database_access access, struct error *error);
/* Fills in *error from the connection's last failure and returns false; "out_of_memory" when there
 * was none. `doing` completes "while". */
bool database_error(sqlite3 *db, const char *path, const char *doing, struct error *error);
/* The process that holds the write lock of the database at `path`, as /proc/locks says; 0: unknown.
 */
long database_lock_owner(const char *path);
MUST_USE bool database_exec(sqlite3 *db, const char *sql);
/* Ends the transaction, if one is open, without its changes. */
void database_rollback(sqlite3 *db);
MUST_USE sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql);
/* Runs a statement to its end and resets it; false on failure. */
MUST_USE bool database_run(sqlite3_stmt *statement);
/* Every query on this connection fails with SQLITE_INTERRUPT once the time is over. */
struct database_deadline {
    int64_t at_ns;
};
void database_set_deadline(sqlite3 *db, struct database_deadline *deadline, uint64_t ms);

static inline void bind_slice(sqlite3_stmt *statement, int index, struct slice text)
{
    /* A NULL pointer would bind NULL. Must live until the statement is reset. */
    sqlite3_bind_text(statement, index, text.len == 0 ? "" : text.ptr, (int)text.len,
                      SQLITE_STATIC);
}

#endif
