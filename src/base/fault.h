/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places where a crash test may kill the process. FAULT_POINT("journal.before_append") costs
 * nothing in ordinary builds; in builds with SLUICE_FAULTS the environment variable
 * SLUICE_FAULT="name:count" makes the process raise SIGKILL at the count-th passing of that place
 * (1: the first). One name stands at one place. Any thread.
 */
#ifndef SLUICE_BASE_FAULT_H
#define SLUICE_BASE_FAULT_H

#include "base/check.h"

#ifdef SLUICE_FAULTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The variable is read at each passing, so that a forked child can be armed after the fork. */
static inline void fault_pass(const char *name, atomic_ulong *passed)
{
    const char *wanted = getenv("SLUICE_FAULT");
    size_t len = strlen(name);
    if (wanted == NULL || strncmp(wanted, name, len) != 0 || wanted[len] != ':') {
        return;
    }
    if (atomic_fetch_add(passed, 1) + 1 == strtoul(wanted + len + 1, NULL, 10)) {
        raise(SIGKILL);
    }
}

#define FAULT_POINT(name)                                                                          \
    do {                                                                                           \
        static atomic_ulong fault_passed;                                                          \
        fault_pass((name), &fault_passed);                                                         \
    } while (0)
#else
#define FAULT_POINT(name) ((void)0)
#endif

#endif
