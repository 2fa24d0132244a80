/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/memory.h"
#include "base/random.h"
#include "tests/tap.h"

static int values[1000];

static struct slice key_of(size_t i, char buffer[32])
{
    int len = snprintf(buffer, 32, "key-%zu", i);
    return slice_of(buffer, (size_t)len);
}

static void test_empty(void)
{
    struct map map;
    size_t cursor = 0;
    map_init(&map);
    EXPECT(map_get(&map, SLICE("x")) == NULL);
    EXPECT(map_remove(&map, SLICE("x")) == NULL);
    EXPECT(map_next(&map, &cursor) == NULL);
    map_release(&map);
}

static void test_sets_replaces_removes(void)
{
    struct map map;
    char text[] = "name";
    map_init(&map);
    EXPECT(map_set(&map, slice_from_cstr(text), &values[0]));
    text[0] = 'f'; /* the key was copied */
    EXPECT(map_get(&map, SLICE("name")) == &values[0]);
    EXPECT(map_get(&map, SLICE("fame")) == NULL);
    EXPECT(map_set(&map, SLICE("name"), &values[1]));
    EXPECT(map_get(&map, SLICE("name")) == &values[1]);
    EXPECT_INT(map.used, 1);
    EXPECT(map_remove(&map, SLICE("name")) == &values[1]);
    EXPECT(map_get(&map, SLICE("name")) == NULL);
    EXPECT(map_remove(&map, SLICE("name")) == NULL);
    EXPECT_INT(map.used, 0);
    map_release(&map);
}

static void test_keys_are_bytes(void)
{
    struct map map;
    map_init(&map);
    EXPECT(map_set(&map, SLICE_EMPTY, &values[0]));
    EXPECT(map_set(&map, SLICE("a\0b"), &values[1]));
    EXPECT(map_set(&map, SLICE("a\0c"), &values[2]));
    EXPECT(map_set(&map, SLICE("a"), &values[3]));
    EXPECT(map_get(&map, SLICE("")) == &values[0]);
    EXPECT(map_get(&map, SLICE("a\0b")) == &values[1]);
    EXPECT(map_get(&map, SLICE("a\0c")) == &values[2]);
    EXPECT(map_get(&map, SLICE("a")) == &values[3]);
    map_release(&map);
}

/* Against a plain array as the model, through growth and many removals. */
static void test_behaves_like_an_array(void)
{
    static bool present[1000];
    struct map map;
    struct random random;
    size_t live = 0;
    map_init(&map);
    random_seed(&random, 7);
    memset(present, 0, sizeof(present));
    for (int step = 0; step < 50000; step++) {
        char buffer[32];
        size_t i = random_below(&random, 1000);
        struct slice key = key_of(i, buffer);
        if (random_below(&random, 2) == 0) {
            EXPECT(map_set(&map, key, &values[i]));
            live += !present[i];
            present[i] = true;
        } else {
            EXPECT(map_remove(&map, key) == (present[i] ? &values[i] : NULL));
            live -= present[i];
            present[i] = false;
        }
        EXPECT(map_get(&map, key) == (present[i] ? &values[i] : NULL));
        EXPECT_INT(map.used, live);
    }
    EXPECT(map.cap <= 4096);
    map_release(&map);
}

static void test_visits_each_once(void)
{
    int seen[100] = {0};
    struct map map;
    struct map_entry *entry;
    map_init(&map);
    for (size_t i = 0; i < 100; i++) {
        char buffer[32];
        EXPECT(map_set(&map, key_of(i, buffer), &values[i]));
    }
    EXPECT(map_remove(&map, SLICE("key-50")) != NULL);
    for (size_t cursor = 0; (entry = map_next(&map, &cursor)) != NULL;) {
        char buffer[32];
        size_t i = (size_t)((int *)entry->value - values);
        EXPECT(slice_eq(slice_of(entry->key, entry->key_len), key_of(i, buffer)));
        seen[i]++;
    }
    for (size_t i = 0; i < 100; i++) {
        EXPECT_INT(seen[i], i != 50);
    }
    map_release(&map);
}

/* A set of one key that changes all the time must not grow the table. */
static void test_churn_does_not_grow(void)
{
    struct map map;
    map_init(&map);
    for (size_t i = 0; i < 10000; i++) {
        char buffer[32];
        struct slice key = key_of(i, buffer);
        EXPECT(map_set(&map, key, &values[0]));
        EXPECT(map_remove(&map, key) == &values[0]);
    }
    EXPECT_INT(map.cap, 16);
    map_release(&map);
}

#ifdef SLUICE_FAULTS
static void test_out_of_memory(void)
{
    for (int64_t nth = 0; nth < 30; nth++) {
        struct map map;
        size_t stored = 0;
        map_init(&map);
        memory_fail_nth(nth);
        for (size_t i = 0; i < 20; i++) {
            char buffer[32];
            bool ok = map_set(&map, key_of(i, buffer), &values[i]);
            EXPECT(map_get(&map, key_of(i, buffer)) == (ok ? &values[i] : NULL));
            stored += ok;
        }
        EXPECT_INT(map.used, stored);
        EXPECT_INT(stored, memory_fault_happened() ? 19 : 20);
        map_release(&map);
    }
    memory_fail_nth(-1);
}
#endif

int main(void)
{
    TEST(test_empty, "an empty map answers everything");
    TEST(test_sets_replaces_removes, "values are set, replaced and removed");
    TEST(test_keys_are_bytes, "keys are bytes, the empty key and NUL included");
    TEST(test_behaves_like_an_array, "random operations agree with an array");
    TEST(test_visits_each_once, "iteration visits each live entry once");
    TEST(test_churn_does_not_grow, "churn does not grow the table");
#ifdef SLUICE_FAULTS
    TEST(test_out_of_memory, "out of memory refuses the entry and keeps the others");
#endif
    return tap_done();
}
