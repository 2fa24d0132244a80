/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What any worker must see and nobody needs after a restart: the opaque state of earlier answers,
 * stored responses, the exact cache. A bounded map in this process, split into stripes with a short
 * lock each; when a stripe is full the least recently used entries leave, of those that have more
 * than a quarter of it first, so that no client drives out what others have; all leave at their
 * time. Values are copied in and out. An entry belongs to a client key (0: none): nobody finds
 * another's. Any thread.
 */
#ifndef SLUICE_STORE_SHARED_H
#define SLUICE_STORE_SHARED_H

#include "base/buf.h"
#include "base/clock.h"

struct shared_store;

enum shared_kind {
    SHARED_OPAQUE_STATE, /* by tool-call id */
    SHARED_RESPONSE,     /* by response id */
    SHARED_ANSWER,       /* by digest of the request */
};

/* What names an entry; `name` is at most SHARED_NAME_MAX bytes. */
struct shared_key {
    enum shared_kind kind;
    uint64_t owner;
    struct slice name;
};
#define SHARED_NAME_MAX 512u

struct shared_limits {
    size_t bytes;       /* of all entries with their overhead */
    size_t value_bytes; /* of one value */
    int64_t ttl_ns;     /* from the last put */
};
extern const struct shared_limits shared_default_limits; /* 64 MiB, 4 MiB, 24 h */

/* NULL: out of memory. The clock outlives the store. */
struct shared_store *shared_new(const struct clock *clock, const struct shared_limits *limits);
/* NULL-safe. */
void shared_free(struct shared_store *store);

/* Inserts or replaces. False: the name or value is too large, or memory is exhausted; an older
   value of the same name is gone then. */
MUST_USE bool shared_put(struct shared_store *store, const struct shared_key *key,
                         struct slice value);
/* Appends the value to *out; false: there is none (or no memory for the copy: out->failed). */
MUST_USE bool shared_get(struct shared_store *store, const struct shared_key *key, struct buf *out);
/* True when there was one. */
bool shared_remove(struct shared_store *store, const struct shared_key *key);

struct shared_stats {
    uint64_t entries;
    uint64_t bytes;
    uint64_t evicted; /* since the start, for want of room */
};
void shared_stats_read(struct shared_store *store, struct shared_stats *ret_stats);

#endif
