/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk whose syncs take SLOW_SYNC_MS milliseconds, for a program that is started with this
 * library before all others (LD_PRELOAD). The syncs themselves are not made.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int wait_long(void)
{
    const char *ms = getenv("SLOW_SYNC_MS");
    long wanted = ms == NULL ? 0 : strtol(ms, NULL, 10);
    const struct timespec time = {.tv_sec = wanted / 1000, .tv_nsec = wanted % 1000 * 1000000};
    nanosleep(&time, NULL);
    return 0;
}

int fsync(int fd)
{
    (void)fd;
    return wait_long();
}

int fdatasync(int fd)
{
    (void)fd;
    return wait_long();
}

int msync(void *start, size_t len, int flags)
{
    (void)start;
    (void)len;
    (void)flags;
    return wait_long();
}
