/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor that any thread rings, and one polls: readable (POLLIN) from the first ring until it
 * was taken. Any number of rings before that are one.
 */
#ifndef SLUICE_BASE_BELL_H
#define SLUICE_BASE_BELL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* -1: there are no more descriptors. */
static inline int bell_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static inline void bell_close(int bell)
{
    if (bell >= 0) {
        close(bell);
    }
}

static inline void bell_ring(int bell)
{
    const uint64_t one = 1;
    ssize_t wrote = write(bell, &one, sizeof(one));
    (void)wrote; /* full: it rings already */
}

/* Did it ring? */
static inline bool bell_take(int bell)
{
    uint64_t count = 0;
    return read(bell, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

#endif
