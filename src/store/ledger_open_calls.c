/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_open_calls.h"

#include "base/memory.h"

#define BUCKETS_MIN 256
#define FREE_MAX 1024

void open_calls_init(struct open_calls *calls)
{
    *calls = (struct open_calls){0};
}

static void free_call(struct open_call *call)
{
    if (call->attempts != call->first) {
        memory_free(call->attempts);
    }
    memory_free(call);
}

static void free_chain(struct open_call *call)
{
    while (call != NULL) {
        struct open_call *next = call->next;
        free_call(call);
        call = next;
    }
}

void open_calls_release(struct open_calls *calls)
{
    for (size_t i = 0; i < calls->bucket_count; i++) {
        free_chain(calls->buckets[i]);
    }
    free_chain(calls->free);
    memory_free(calls->buckets);
    open_calls_init(calls);
}

/* The second half of a UUID of version 7 is random, and our own. */
static size_t bucket_of(struct id id, size_t bucket_count)
{
    uint64_t random;
    memcpy(&random, id.bytes + 8, sizeof(random));
    return (size_t)(random >> 8) & (bucket_count - 1);
}

static bool same_id(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

struct open_call *open_calls_find(const struct open_calls *calls, struct id id)
{
    if (calls->bucket_count == 0) {
        return NULL;
    }
    struct open_call *call = calls->buckets[bucket_of(id, calls->bucket_count)];
    while (call != NULL && !same_id(call->id, id)) {
        call = call->next;
    }
    return call;
}

static bool grow(struct open_calls *calls)
{
    size_t wanted = calls->bucket_count == 0 ? BUCKETS_MIN : calls->bucket_count * 2;
    struct open_call **buckets = memory_array(wanted, sizeof(struct open_call *));
    if (buckets == NULL) {
        return false;
    }
    for (size_t i = 0; i < calls->bucket_count; i++) {
        struct open_call *call = calls->buckets[i];
        while (call != NULL) {
            struct open_call *next = call->next;
            size_t at = bucket_of(call->id, wanted);
            call->next = buckets[at];
            buckets[at] = call;
            call = next;
        }
    }
    memory_free(calls->buckets);
    calls->buckets = buckets;
    calls->bucket_count = wanted;
    return true;
}

static struct open_call *take_blank(struct open_calls *calls)
{
    struct open_call *call = calls->free;
    if (call != NULL) {
        calls->free = call->next;
        calls->free_count--;
    } else {
        call = memory_alloc(sizeof(*call));
    }
    return call;
}

struct open_call *open_calls_at(struct open_calls *calls, struct id id)
{
    struct open_call *call = open_calls_find(calls, id);
    if (call != NULL) {
        return call;
    }
    if (calls->count >= calls->bucket_count && !grow(calls)) {
        return NULL;
    }
    call = take_blank(calls);
    if (call == NULL) {
        return NULL;
    }
    size_t at = bucket_of(id, calls->bucket_count);
    call->id = id;
    call->next = calls->buckets[at];
    call->key_id = 0;
    memset(call->scopes, 0, sizeof(call->scopes));
    call->limited_model = 0;
    call->named = false;
    memset(call->words, 0, sizeof(call->words));
    call->task = TASK_OTHER;
    call->tier = (enum tier)0;
    call->complexity_permille = 0;
    call->started_ns = 0;
    call->since = (struct journal_position){0};
    call->written = false;
    call->estimated = false;
    call->count = 0;
    call->cap = OPEN_ATTEMPTS_INLINE;
    call->attempts = call->first;
    calls->buckets[at] = call;
    calls->count++;
    return call;
}

void open_calls_remove(struct open_calls *calls, struct open_call *call)
{
    struct open_call **at = &calls->buckets[bucket_of(call->id, calls->bucket_count)];
    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
    calls->count--;
    if (call->attempts != call->first || calls->free_count >= FREE_MAX) {
        free_call(call);
        return;
    }
    call->next = calls->free;
    calls->free = call;
    calls->free_count++;
}

struct open_call *open_calls_next(const struct open_calls *calls, const struct open_call *after,
                                  size_t *cursor)
{
    if (after != NULL && after->next != NULL) {
        return after->next;
    }
    while (*cursor < calls->bucket_count) {
        struct open_call *call = calls->buckets[(*cursor)++];
        if (call != NULL) {
            return call;
        }
    }
    return NULL;
}

static bool grow_attempts(struct open_call *call)
{
    size_t wanted = call->cap * 2;
    struct open_attempt *bigger = memory_array(wanted, sizeof(*bigger));
    if (bigger == NULL) {
        return false;
    }
    memcpy(bigger, call->attempts, call->count * sizeof(*bigger));
    if (call->attempts != call->first) {
        memory_free(call->attempts);
    }
    call->attempts = bigger;
    call->cap = wanted;
    return true;
}

struct open_attempt *open_call_attempt(struct open_call *call, uint32_t number)
{
    for (size_t i = call->count; i > 0; i--) {
        if (call->attempts[i - 1].number == number) {
            return &call->attempts[i - 1];
        }
    }
    if (call->count == call->cap && !grow_attempts(call)) {
        return NULL;
    }
    struct open_attempt *attempt = &call->attempts[call->count++];
    *attempt = (struct open_attempt){.number = number};
    return attempt;
}
