/* SPDX-License-Identifier: Apache-2.0 */
#include "store/shared.h"

#include "base/memory.h"
#include "tests/tap.h"

#include <pthread.h>
#include <stdio.h>

static struct clock_manual now;

static struct shared_store *store_new(size_t bytes)
{
    const struct shared_limits limits = {
        .bytes = bytes, .value_bytes = 4096, .ttl_ns = 10 * NS_PER_S};
    clock_manual_init(&now, NS_PER_S, 0);
    return shared_new(&now.clock, &limits);
}

static struct shared_key key_of(uint64_t owner, const char *name)
{
    return (struct shared_key){SHARED_OPAQUE_STATE, owner, slice_from_cstr(name)};
}

static bool put(struct shared_store *store, uint64_t owner, const char *name, const char *value)
{
    struct shared_key key = key_of(owner, name);
    return shared_put(store, &key, slice_from_cstr(value));
}

/* The value, or "(none)". */
static const char *get(struct shared_store *store, uint64_t owner, const char *name)
{
    static char text[4200];
    struct shared_key key = key_of(owner, name);
    struct buf out = BUF_INIT(4200);
    bool found = shared_get(store, &key, &out);
    slice_to_cstr(found ? buf_slice(&out) : SLICE("(none)"), text, sizeof text);
    buf_release(&out);
    return text;
}

#define EXPECT_TEXT(actual, wanted) EXPECT(strcmp((actual), (wanted)) == 0)

static void gives_back_what_was_put(void)
{
    struct shared_store *store = store_new(1 << 20);
    EXPECT(put(store, 1, "a", "one"));
    EXPECT(put(store, 1, "b", ""));
    EXPECT_TEXT(get(store, 1, "a"), "one");
    EXPECT_TEXT(get(store, 1, "b"), "");
    EXPECT_TEXT(get(store, 1, "c"), "(none)");
    EXPECT(put(store, 1, "a", "another"));
    EXPECT_TEXT(get(store, 1, "a"), "another");
    struct shared_key key = key_of(1, "a");
    EXPECT(shared_remove(store, &key));
    EXPECT(!shared_remove(store, &key));
    EXPECT_TEXT(get(store, 1, "a"), "(none)");
    shared_free(store);
}

static void keeps_owners_and_kinds_apart(void)
{
    struct shared_store *store = store_new(1 << 20);
    struct shared_key other = {SHARED_RESPONSE, 1, SLICE("a")};
    struct buf out = BUF_INIT(64);
    EXPECT(put(store, 1, "a", "mine"));
    EXPECT_TEXT(get(store, 2, "a"), "(none)");
    EXPECT(!shared_get(store, &other, &out));
    shared_free(store);
}

static void entries_leave_at_their_time(void)
{
    struct shared_store *store = store_new(1 << 20);
    struct shared_stats stats;
    EXPECT(put(store, 1, "a", "one"));
    clock_manual_advance(&now, 10 * NS_PER_S - 1);
    EXPECT_TEXT(get(store, 1, "a"), "one");
    clock_manual_advance(&now, 1);
    EXPECT_TEXT(get(store, 1, "a"), "(none)");
    shared_stats_read(store, &stats);
    EXPECT_INT(stats.entries, 0);
    EXPECT_INT(stats.bytes, 0);
    EXPECT_INT(stats.evicted, 0);
    shared_free(store);
}

static void stays_within_its_bytes(void)
{
    enum { LIMIT = 64 << 10 };
    struct shared_store *store = store_new(LIMIT);
    struct shared_stats stats;
    char name[32];
    char value[512];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "call_%d", i);
        EXPECT(put(store, 7, name, value));
        EXPECT_TEXT(get(store, 7, name), value);
        shared_stats_read(store, &stats);
        EXPECT(stats.bytes <= LIMIT);
    }
    EXPECT(stats.entries > 20 && stats.entries < 128);
    EXPECT_INT(stats.entries + stats.evicted, 2000);
    shared_free(store);
}

static void what_is_used_stays(void)
{
    struct shared_store *store = store_new(64 << 10);
    char name[32];
    EXPECT(put(store, 7, "kept", "value"));
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "call_%d", i);
        EXPECT(put(store, 7, name, "another value"));
        EXPECT_TEXT(get(store, 7, "kept"), "value");
    }
    EXPECT_TEXT(get(store, 7, "call_0"), "(none)");
    shared_free(store);
}

static size_t have(struct shared_store *store, uint64_t owner, int count)
{
    size_t found = 0;
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "mine %d", i);
        found += strcmp(get(store, owner, name), "(none)") != 0 ? 1 : 0;
    }
    return found;
}

static void put_many(struct shared_store *store, uint64_t owner, int count)
{
    char value[401];
    memset(value, 'x', 400);
    value[400] = '\0';
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "mine %d", i);
        EXPECT(put(store, owner, name, value));
    }
}

/* Some 2,000 entries fit. */
static void nobody_drives_out_others(void)
{
    struct shared_store *store = store_new(1 << 20);
    struct shared_stats stats;
    for (uint64_t owner = 1; owner <= 10; owner++) {
        put_many(store, owner, 20);
    }
    put_many(store, 99, 20000); /* ten times what there is */
    for (uint64_t owner = 1; owner <= 10; owner++) {
        EXPECT_INT(have(store, owner, 20), 20);
    }
    shared_stats_read(store, &stats);
    EXPECT(stats.entries > 1200); /* what nobody else uses is not kept free */
    EXPECT(stats.bytes <= 1 << 20);
    put_many(store, 100, 300); /* who has little takes it from who has much */
    EXPECT_INT(have(store, 100, 300), 300);
    for (uint64_t owner = 1; owner <= 10; owner++) {
        EXPECT_INT(have(store, owner, 20), 20);
    }
    shared_free(store);
}

static void refuses_what_is_too_large(void)
{
    static char large[4098];
    struct shared_store *store = store_new(1 << 20);
    memset(large, 'x', sizeof large - 1);
    EXPECT(put(store, 1, "a", "old"));
    EXPECT(!put(store, 1, "a", large));
    EXPECT_TEXT(get(store, 1, "a"), "(none)");
    EXPECT(!put(store, 1, "", "nameless"));
    large[SHARED_NAME_MAX + 1] = '\0';
    EXPECT(!put(store, 1, large, "long name"));
    shared_free(store);
}

static void *use(void *argument)
{
    struct shared_store *store = argument;
    char name[32];
    struct buf out = BUF_INIT(64);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "call_%d", i % 97);
        struct shared_key key = key_of(1, name);
        buf_clear(&out);
        if (!shared_put(store, &key, slice_from_cstr(name)) ||
            (shared_get(store, &key, &out) && !slice_eq(buf_slice(&out), key.name))) {
            return argument;
        }
        (void)shared_remove(store, &key);
    }
    buf_release(&out);
    return NULL;
}

static void many_threads_may_use_it(void)
{
    struct shared_store *store = store_new(1 << 20);
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        EXPECT_INT(pthread_create(&threads[i], NULL, use, store), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        EXPECT(result == NULL);
    }
    struct shared_stats stats;
    shared_stats_read(store, &stats);
    EXPECT_INT(stats.entries, 0);
    shared_free(store);
}

#ifdef SLUICE_FAULTS
static void survives_every_failing_allocation(void)
{
    for (int64_t nth = 0; nth < 40; nth++) {
        memory_fail_nth(nth);
        struct shared_store *store = store_new(1 << 20);
        for (int i = 0; store != NULL && i < 3; i++) {
            (void)!put(store, 1, i == 1 ? "b" : "a", "value");
        }
        memory_fail_nth(-1);
        EXPECT(store == NULL || get(store, 1, "a") != NULL);
        shared_free(store);
    }
}
#endif

int main(void)
{
    TEST(gives_back_what_was_put, "gives back what was put, the latest of each name");
    TEST(keeps_owners_and_kinds_apart, "nobody finds what belongs to another key or kind");
    TEST(entries_leave_at_their_time, "entries leave at their time");
    TEST(stays_within_its_bytes, "stays within its bytes however much is put");
    TEST(what_is_used_stays, "what is used stays when room is needed");
    TEST(nobody_drives_out_others, "one owner's entries drive out no others'");
    TEST(refuses_what_is_too_large, "refuses what is too large and forgets the older value");
    TEST(many_threads_may_use_it, "many threads may use it");
#ifdef SLUICE_FAULTS
    TEST(survives_every_failing_allocation, "survives the failure of any allocation");
#endif
    return tap_done();
}
