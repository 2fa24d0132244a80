/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in the way. fcntl(F_GETLK) would tell, but it needs a descriptor on the file, and closing
 * that would drop all locks that SQLite has taken on it for this process (POSIX). So /proc/locks is
 * read instead.
 */
#include "store/database.h"

#include <stdio.h>
#include <sys/stat.h>

/* The lock of writers in WAL mode: this byte of the -shm file (SQLite, wal.c). */
#define WAL_WRITE_BYTE 120

/* "1: POSIX  ADVISORY  WRITE 4711 08:01:1234 120 120": the process, if it is that lock. */
static long owner_in_line(const char *line, unsigned long long inode)
{
    long pid;
    unsigned long long found;
    unsigned long long start;
    char end[24];
    if (sscanf(line, "%*s POSIX ADVISORY WRITE %ld %*x:%*x:%llu %llu %23s", &pid, &found, &start,
               end) != 4) {
        return 0;
    }
    unsigned long long last = UINT64_MAX; /* "EOF" */
    (void)sscanf(end, "%llu", &last);
    return found == inode && start <= WAL_WRITE_BYTE && last >= WAL_WRITE_BYTE ? pid : 0;
}

long database_lock_owner(const char *path)
{
    char shm[4096];
    char line[256];
    struct stat info;
    long owner = 0;
    int len = snprintf(shm, sizeof(shm), "%s-shm", path);
    if (len < 0 || (size_t)len >= sizeof(shm) || stat(shm, &info) != 0) {
        return 0;
    }
    FILE *locks = fopen("/proc/locks", "re");
    while (locks != NULL && owner == 0 && fgets(line, sizeof(line), locks) != NULL) {
        owner = owner_in_line(line, (unsigned long long)info.st_ino);
    }
    if (locks != NULL) {
        fclose(locks);
    }
    return owner;
}
