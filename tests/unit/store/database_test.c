/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];

/* Could another process write where readers of this one have their locks? (The bytes that SQLite
 * locks are from 1 GiB on.) */
static bool is_locked_by_us(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1 << 30, .l_len = 512};
        int fd = open(path, O_RDWR | O_CLOEXEC);
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 1 : 0);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status) == 1;
}

static void makes_a_private_file(void)
{
    struct stat info;
    struct error error;
    sqlite3 *db = database_open(path, DATABASE_CREATE, &error);
    EXPECT(db != NULL && database_exec(db, "PRAGMA journal_mode = WAL") &&
           database_exec(db, "CREATE TABLE t(a)"));
    EXPECT(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    sqlite3_close(db);
}

static void leaves_locks_alone(void)
{
    struct error error;
    sqlite3 *first = database_open(path, DATABASE_CHANGE, &error);
    EXPECT(first != NULL && database_exec(first, "SELECT * FROM t"));
    EXPECT(is_locked_by_us());
    sqlite3 *second = database_open(path, DATABASE_CREATE, &error);
    EXPECT(second != NULL);
    EXPECT(is_locked_by_us());
    sqlite3_close(second);
    EXPECT(is_locked_by_us());
    sqlite3_close(first);
    EXPECT(!is_locked_by_us());
}

static void misses_what_is_not_there(void)
{
    struct error error;
    EXPECT(database_open("/tmp/there-is-no-such-ledger.db", DATABASE_READ, &error) == NULL);
    EXPECT(strcmp(error.code, "ledger_missing") == 0);
    EXPECT(database_open("/proc/nowhere/x.db", DATABASE_CREATE, &error) == NULL);
    EXPECT(strcmp(error.code, "ledger_io") == 0);
}

int main(void)
{
    (void)snprintf(path, sizeof(path), "/tmp/sluice-database-%ld.db", (long)getpid());
    TEST(makes_a_private_file, "a database that is made is its owner's alone");
    TEST(leaves_locks_alone, "opening one more connection takes no lock from the others");
    TEST(misses_what_is_not_there, "what is not there is told apart from what cannot be read");
    unlink(path);
    return tap_done();
}
