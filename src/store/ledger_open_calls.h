/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that have a hold or a settle and no closing record yet, in the writer's memory: what a
 * batch's end may have to write down, what a closing record adds up, and what a crash leaves to
 * settle. One thread.
 */
#ifndef SLUICE_STORE_LEDGER_OPEN_CALLS_H
#define SLUICE_STORE_LEDGER_OPEN_CALLS_H

#include "store/journal.h"

enum attempt_word { WORD_TARGET, WORD_PROVIDER, WORD_MODEL, ATTEMPT_WORDS };

struct open_attempt {
    uint32_t number;
    bool settled;
    bool written; /* it has a row in `holds` */
    bool named;   /* `names` is valid; else `words`, until the end of the batch */
    int64_t held_ns;
    int64_t amount_nd;
    int64_t most_nd; /* the same, and what it was extended by; what a crash makes its charge */
    int64_t counted; /* names for which it counts besides: a number of `names`; 0: none */
    int64_t cost_nd; /* when settled, as what follows */
    enum attempt_outcome outcome;
    enum attempt_purpose purpose;
    bool told; /* by its provider, and there is a price as well: */
    int64_t catalogue_nd;
    struct slice words[ATTEMPT_WORDS];
    int64_t names[ATTEMPT_WORDS];
};

enum call_word {
    CALL_WORD_KEY_NAME,
    CALL_WORD_ENDPOINT,
    CALL_WORD_ASKED_MODEL,
    CALL_WORD_ROUTE,
    CALL_WORD_TAG,
    CALL_WORDS
};

#define OPEN_ATTEMPTS_INLINE 2

struct open_call {
    struct id id;
    struct open_call *next; /* in its bucket, or in the free list */
    uint64_t key_id;
    int64_t scopes[SCOPE_KINDS];    /* of the first hold; [SCOPE_KEY] is the key */
    int64_t limited_model;          /* likewise: `counted` of the first attempt */
    bool named;                     /* `names` is valid; else `words`, until the end of the batch */
    struct slice words[CALL_WORDS]; /* of the last hold, like all until complexity_permille */
    int64_t names[CALL_WORDS];
    enum task task;
    enum tier tier;
    int32_t complexity_permille;
    int64_t started_ns;
    struct journal_position since; /* where its first hold is read; of no use once it is written */
    bool written;                  /* it has a row in `open_calls`, and its holds have theirs */
    bool estimated;                /* the usage of the attempt that last answered is an estimate */
    size_t count;
    size_t cap;
    struct open_attempt *attempts; /* `first`, or on the heap */
    struct open_attempt first[OPEN_ATTEMPTS_INLINE];
};

struct open_calls {
    struct open_call **buckets;
    size_t bucket_count; /* power of two or 0 */
    size_t count;
    struct open_call *free;
    size_t free_count;
};

void open_calls_init(struct open_calls *calls);
/* Forgets all. */
void open_calls_release(struct open_calls *calls);
/* NULL when absent. */
struct open_call *open_calls_find(const struct open_calls *calls, struct id id);
/* Finds or adds; NULL when out of memory. */
MUST_USE struct open_call *open_calls_at(struct open_calls *calls, struct id id);
void open_calls_remove(struct open_calls *calls, struct open_call *call);
/* for (cursor = 0, call = NULL; (call = open_calls_next(calls, call, &cursor)) != NULL;) */
struct open_call *open_calls_next(const struct open_calls *calls, const struct open_call *after,
                                  size_t *cursor);
/* Finds or adds; NULL when out of memory. Pointers to attempts move when one is added. */
MUST_USE struct open_attempt *open_call_attempt(struct open_call *call, uint32_t number);

#endif
