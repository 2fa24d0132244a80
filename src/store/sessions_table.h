/* SPDX-License-Identifier: Apache-2.0 */
/* Inside sessions.c and sessions_table.c. Not for others. */
#ifndef SLUICE_STORE_SESSIONS_TABLE_H
#define SLUICE_STORE_SESSIONS_TABLE_H

#include "store/sessions.h"

#include <pthread.h>
#include <stdatomic.h>

#define SESSIONS_WAYS 8
#define SESSIONS_LOCKS 64
#define SESSIONS_QUEUE 8192
#define SESSIONS_BATCH 512

struct sessions {
    /* Changes once at most while calls are taken: a hash of one old and one new half finds
     * nothing. */
    atomic_uint_fast64_t secret[2];
    struct session *entries;
    size_t sets; /* power of two */
    atomic_uint_fast64_t used;
    atomic_uint_fast64_t evicted;
    pthread_mutex_t locks[SESSIONS_LOCKS]; /* of sets; before: */
    pthread_mutex_t queue_lock;            /* of the queue */
    uint64_t queue[SESSIONS_QUEUE];        /* keys of what is unwritten, oldest first */
    size_t queue_first;
    size_t queued;
    uint64_t unsaved;
    /* Of the thread that writes. */
    struct session batch[SESSIONS_BATCH];
    size_t batch_count;
    int64_t pruned_ns;
};

/* What is to be written; it counts as written from now on. Returns how many. */
size_t sessions_take(struct sessions *sessions, struct session *ret_entries, size_t most);
/* It was not written after all. */
void sessions_give_back(struct sessions *sessions, uint64_t key);
/* From the database, the newest first; before other threads have the table. */
void sessions_restore(struct sessions *sessions, const struct session *session);

#endif
