/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy is made under a name of its own beside where it will be, checked, synced, and then
 * renamed: whatever is killed when, the final name holds a whole ledger or what was there before.
 */
#include "store/ledger_copy.h"

#include "base/clock.h"
#include "store/journal_segment.h"
#include "store/ledger.h"
#include "store/ledger_control.h"
#include "store/ledger_schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 1200
#define PAGES_A_STEP 1024
#define BUSY_STEPS_MAX 200 /* of BUSY_PAUSE_MS: a writer holds the database for one batch */
#define BUSY_PAUSE_MS 50
#define DRAIN_MS 60000

static bool path_with(const char *path, const char *suffix, char out[PATH_SIZE],
                      struct error *error)
{
    int len = snprintf(out, PATH_SIZE, "%s%s", path, suffix);
    return (len > 0 && len < PATH_SIZE) ||
           error_set(error, ERROR_INVALID, "bad_path", "the path %.80s... is too long", path);
}

static bool file_error(const char *path, const char *doing, struct error *error)
{
    return error_set(error, ERROR_ENVIRONMENT, "ledger_io", "cannot %s %s: %s", doing, path,
                     strerror(errno));
}

static bool path_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static bool sync_path(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (!done) {
        file_error(path, "sync", error);
    }
    if (fd >= 0) {
        close(fd);
    }
    return done;
}

static bool sync_directory_of(const char *path, struct error *error)
{
    char directory[PATH_SIZE];
    const char *end = strrchr(path, '/');
    size_t len = end == NULL ? 0 : (size_t)(end - path);
    if (end == NULL) {
        return sync_path(".", error);
    }
    slice_to_cstr(slice_of(path, len == 0 ? 1 : len), directory, sizeof(directory));
    return sync_path(directory, error);
}

/* --- copying ---------------------------------------------------------------------------------- */

static bool copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    int status = copy == NULL ? SQLITE_ERROR : SQLITE_OK;
    int busy = 0;
    while (status == SQLITE_OK ||
           ((status == SQLITE_BUSY || status == SQLITE_LOCKED) && busy++ < BUSY_STEPS_MAX)) {
        if (status != SQLITE_OK) {
            sqlite3_sleep(BUSY_PAUSE_MS);
        }
        status = sqlite3_backup_step(copy, PAGES_A_STEP);
    }
    return copy != NULL && sqlite3_backup_finish(copy) == SQLITE_OK && status == SQLITE_DONE;
}

/* As of one moment: the transaction keeps what the writer adds meanwhile out of it. */
static bool copy_database(const char *path, const char *to, struct error *error)
{
    sqlite3 *source = database_open(path, DATABASE_READ, error);
    sqlite3 *copy = NULL;
    bool done = source != NULL && ledger_schema_known(source, path, error);
    if (done) {
        copy = database_open(to, DATABASE_CREATE, error);
        done = copy != NULL;
    }
    if (done && (!database_exec(source, "BEGIN; SELECT count(*) FROM state") ||
                 !copy_pages(source, copy))) {
        done = database_error(sqlite3_errcode(copy) != SQLITE_OK ? copy : source, to, "copying",
                              error);
    }
    done = done && ledger_schema_prepare(copy, to, error);
    /* One file, without others beside it that would have to travel along. */
    if (done && !database_exec(copy, "PRAGMA journal_mode = DELETE")) {
        done = database_error(copy, to, "copying", error);
    }
    sqlite3_close(copy);
    if (source != NULL) {
        database_rollback(source);
        sqlite3_close(source);
    }
    return done;
}

/* A sound copy at `to`, synced, or nothing there. */
static bool copy_checked(const char *path, const char *to, struct error *error)
{
    unlink(to);
    bool done = copy_database(path, to, error) && ledger_verify(to, error) && sync_path(to, error);
    if (!done) {
        unlink(to);
    }
    return done;
}

static bool rename_synced(const char *from, const char *to, struct error *error)
{
    return (rename(from, to) == 0 || file_error(to, "make", error)) && sync_directory_of(to, error);
}

/* --- away ------------------------------------------------------------------------------------- */

/* What a former server left in the journal belongs into the copy; a running one drains its own. */
static bool drain_journal(const char *path, struct error *error)
{
    char journal[PATH_SIZE];
    struct ledger_options options = {.path = path, .sync = LEDGER_SYNC_FULL};
    if (!path_with(path, "-journal.d", journal, error)) {
        return false;
    }
    if (!path_exists(path) || !path_exists(journal)) {
        return true;
    }
    struct ledger *ledger = ledger_open(&options, error);
    if (ledger == NULL) {
        return strcmp(error->code, "journal_locked") == 0;
    }
    ledger_close(ledger, DRAIN_MS);
    return true;
}

bool ledger_backup(const char *path, const char *to, struct error *error)
{
    char partial[PATH_SIZE];
    if (path_exists(to)) {
        return error_set(error, ERROR_INVALID, "backup_exists",
                         "%s exists already; a backup replaces nothing", to);
    }
    return path_with(to, ".partial", partial, error) && drain_journal(path, error) &&
           copy_checked(path, partial, error) && rename_synced(partial, to, error);
}

/* --- back ------------------------------------------------------------------------------------- */

static bool read_position(sqlite3 *db, struct journal_position *ret_position)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT segment, offset, record FROM state");
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (done) {
        *ret_position = (struct journal_position){
            .segment = (uint64_t)sqlite3_column_int64(row, 0),
            .offset = (uint64_t)sqlite3_column_int64(row, 1),
            .record = (uint64_t)sqlite3_column_int64(row, 2),
        };
    }
    return sqlite3_finalize(row) == SQLITE_OK && done;
}

/* Is the position one of this segment: does the record that comes next stand there, or its end? */
static bool is_position_of(int directory, const struct journal_position *position)
{
    struct error ignored;
    struct record_header header;
    struct slice payload;
    struct segment *segment = segment_map(directory, position->segment, &ignored);
    bool found = segment != NULL && segment_check(segment) == SEGMENT_VALID;
    if (found) {
        uint64_t end = segment_scan(segment);
        uint64_t used = atomic_load(&segment->used);
        found = position->offset == used ? end == position->record
                                         : position->offset < used &&
                                               segment_record(segment, position->offset,
                                                              position->record, &header, &payload);
    }
    segment_free(segment);
    return found;
}

/* The number of the first segment; UINT64_MAX: there is none. */
static uint64_t first_segment(const char *directory)
{
    uint64_t first = UINT64_MAX;
    DIR *list = opendir(directory);
    const struct dirent *entry;
    while (list != NULL && (entry = readdir(list)) != NULL) {
        uint64_t number;
        first = segment_name_parse(entry->d_name, &number) && number < first ? number : first;
    }
    if (list != NULL) {
        closedir(list);
    }
    return first;
}

/* The journal that is there goes on where the backup ended, or begins later: what is before its
 * position is not read again, so nothing is counted twice. */
static bool belongs(sqlite3 *db, const char *directory)
{
    struct journal_position position;
    uint64_t first = first_segment(directory);
    if (first == UINT64_MAX || !read_position(db, &position) || position.segment == 0) {
        return false;
    }
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool found =
        position.segment < first || (descriptor >= 0 && is_position_of(descriptor, &position));
    if (descriptor >= 0) {
        close(descriptor);
    }
    return found;
}

/* Where the journal that belonged to the backup is not there any more the writer begins anew, with
 * all of what is there. */
static bool forget_journal(const char *path, const char *directory, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_CHANGE, error);
    bool done = db != NULL;
    if (done && !belongs(db, directory) &&
        (!control_register(db) ||
         !database_exec(db, "UPDATE state SET segment = 0, offset = 0, record = 0,"
                            " open_offset = 0, open_record = 0;"
                            "UPDATE state SET position_seal = seal(" CONTROL_POSITION ")"))) {
        done = database_error(db, path, "restoring", error);
    }
    sqlite3_close(db);
    return done;
}

/* A server has the journal's lock as long as it runs. */
static bool refuse_running(const char *path, const char *directory, struct error *error)
{
    const struct journal_options options = {.directory = directory};
    struct error reason;
    struct journal *journal = journal_open(&options, &reason);
    if (journal == NULL && strcmp(reason.code, "journal_locked") == 0) {
        return error_set(error, ERROR_ENVIRONMENT, "ledger_locked",
                         "a server is using %s; stop it first", path);
    }
    journal_close(journal);
    return true;
}

/*
 * What the journal still has goes into the ledger that will be set aside. Where that cannot take
 * it, because it is damaged or gone, the journal stays for the one that is restored: the only
 * record of what was spent since is not set aside with the damage.
 */
static bool drain_old(const char *path, bool *ret_keep, struct error *error)
{
    struct error reason;
    struct ledger_options options = {.path = path, .sync = LEDGER_SYNC_FULL};
    char journal[PATH_SIZE];
    *ret_keep = false;
    if (!path_with(path, "-journal.d", journal, error)) {
        return false;
    }
    if (!path_exists(journal)) {
        return true;
    }
    if (!refuse_running(path, journal, error)) {
        return false;
    }
    if (!path_exists(path)) {
        *ret_keep = true;
        return true;
    }
    struct ledger *ledger = ledger_open(&options, &reason);
    *ret_keep = ledger == NULL && strcmp(reason.code, "ledger_corrupt") == 0;
    ledger_close(ledger, DRAIN_MS);
    return true;
}

/* The database, what SQLite has beside it, and the journal, unless that is kept. */
static bool set_aside(const char *path, const char *aside, bool keep, struct error *error)
{
    static const char *const suffixes[] = {"-journal.d", "-wal", "-shm", ""};
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    for (size_t i = keep ? 1 : 0; i < ARRAY_LEN(suffixes); i++) {
        if (!path_with(path, suffixes[i], from, error) ||
            !path_with(aside, suffixes[i], to, error)) {
            return false;
        }
        if (rename(from, to) != 0 && errno != ENOENT) {
            return file_error(from, "set aside", error);
        }
    }
    return true;
}

/* "PATH.before-2026-11-21T10:00:00.000Z" */
static bool name_aside(const char *path, int64_t wall_ns, char aside[LEDGER_ASIDE_SIZE],
                       struct error *error)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format(wall_ns, time);
    int len = snprintf(aside, LEDGER_ASIDE_SIZE, "%s.before-%s", path, time);
    if (len < 0 || len >= LEDGER_ASIDE_SIZE) {
        return error_set(error, ERROR_INVALID, "bad_path", "the path %.80s... is too long", path);
    }
    return !path_exists(aside) ||
           error_set(error, ERROR_INVALID, "backup_exists", "%s exists already; try again", aside);
}

bool ledger_restore(const char *path, const char *from, int64_t wall_ns,
                    char aside[LEDGER_ASIDE_SIZE], struct error *error)
{
    char partial[PATH_SIZE];
    char journal[PATH_SIZE];
    bool keep = false;
    bool there = path_exists(path);
    if (!name_aside(path, wall_ns, aside, error) || !path_with(path, ".partial", partial, error) ||
        !path_with(path, "-journal.d", journal, error) || !drain_old(path, &keep, error) ||
        !copy_checked(from, partial, error)) {
        return false;
    }
    bool done = forget_journal(partial, keep ? journal : "", error) && sync_path(partial, error) &&
                set_aside(path, aside, keep, error) && rename_synced(partial, path, error);
    if (!done) {
        unlink(partial);
    }
    if (!there) {
        aside[0] = '\0';
    }
    return done;
}
