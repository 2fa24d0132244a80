/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_STEPS 4000

static pthread_once_t configured = PTHREAD_ONCE_INIT;

/* Without its memory statistics SQLite takes no global lock for each allocation. Refused (and not
 * needed) when something else in the process has initialised SQLite before. */
static void configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct failure {
    int code;
    enum error_kind kind;
    const char *name;
};

static const struct failure failures[] = {
    {SQLITE_BUSY, ERROR_ENVIRONMENT, "ledger_locked"},
    {SQLITE_LOCKED, ERROR_ENVIRONMENT, "ledger_locked"},
    {SQLITE_FULL, ERROR_ENVIRONMENT, "ledger_full"},
    {SQLITE_CORRUPT, ERROR_ENVIRONMENT, "ledger_corrupt"},
    {SQLITE_NOTADB, ERROR_ENVIRONMENT, "ledger_corrupt"},
    {SQLITE_INTERRUPT, ERROR_ENVIRONMENT, "report_timeout"},
    {SQLITE_NOMEM, ERROR_ENVIRONMENT, "out_of_memory"},
};

bool database_error(sqlite3 *db, const char *path, const char *doing, struct error *error)
{
    int code = db == NULL ? SQLITE_OK : sqlite3_errcode(db) & 0xFF;
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) { /* not SQLite failed */
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory while %s",
                         doing);
    }
    long owner = code == SQLITE_BUSY ? database_lock_owner(path) : 0;
    if (owner != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "ledger_locked",
                         "process %ld holds a lock on %s (while %s)", owner, path, doing);
    }
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        if (failures[i].code == code) {
            return error_set(error, failures[i].kind, failures[i].name, "%s while %s in %s",
                             sqlite3_errmsg(db), doing, path);
        }
    }
    return error_set(error, ERROR_ENVIRONMENT, "ledger_io", "%s while %s in %s", sqlite3_errmsg(db),
                     doing, path);
}

/* Makes the file before SQLite does, for its mode; the files beside it inherit that. One that is
 * there is not opened: to close it would take away the locks that other connections of this process
 * have on it (fcntl(2), "record locks"), and with them the WAL under their feet. */
static bool make_file(const char *path, struct error *error)
{
    struct stat info;
    if (stat(path, &info) == 0) {
        return true;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set(error, ERROR_ENVIRONMENT, "ledger_io", "cannot open %s: %s", path,
                         strerror(errno));
    }
    close(fd);
    return true;
}

static bool check_exists(const char *path, struct error *error)
{
    struct stat info;
    if (stat(path, &info) == 0) {
        return true;
    }
    if (errno == ENOENT) {
        return error_set(error, ERROR_NOT_FOUND, "ledger_missing", "there is no ledger at %s",
                         path);
    }
    return error_set(error, ERROR_ENVIRONMENT, "ledger_io", "cannot open %s: %s", path,
                     strerror(errno));
}

sqlite3 *database_open(const char *path, enum database_access access, struct error *error)
{
    pthread_once(&configured, configure);
    bool found = access == DATABASE_CREATE ? make_file(path, error) : check_exists(path, error);
    if (!found) {
        return NULL;
    }
    int flags = access == DATABASE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
        SQLITE_OK) {
        if (db == NULL) {
            error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        } else {
            database_error(db, path, "opening", error);
        }
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, DATABASE_BUSY_MS);
    /* What a hostile or damaged schema could do to us. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return db;
}

bool database_exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

void database_rollback(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db)) {
        /* It fails only when SQLite has rolled back by itself. */
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
}

sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        return NULL;
    }
    return statement;
}

bool database_run(sqlite3_stmt *statement)
{
    int status = sqlite3_step(statement);
    while (status == SQLITE_ROW) {
        status = sqlite3_step(statement);
    }
    return sqlite3_reset(statement) == SQLITE_OK && status == SQLITE_DONE;
}

static int past_deadline(void *argument)
{
    const struct database_deadline *deadline = argument;
    return clock_monotonic(&clock_system) > deadline->at_ns;
}

void database_set_deadline(sqlite3 *db, struct database_deadline *deadline, uint64_t ms)
{
    deadline->at_ns = clock_monotonic(&clock_system) + (int64_t)ms * NS_PER_MS;
    sqlite3_progress_handler(db, PROGRESS_STEPS, past_deadline, deadline);
}
