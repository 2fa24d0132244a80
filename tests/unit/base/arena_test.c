/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/memory.h"
#include "tests/tap.h"

static void test_aligned_and_apart(void)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    char *before = NULL;
    for (size_t size = 0; size < 300; size++) {
        char *p = arena_alloc(&a, size);
        EXPECT(p != NULL && (uintptr_t)p % 16 == 0);
        EXPECT(p != before);
        memset(p, (int)(size & 0xFF), size);
        before = p;
    }
    EXPECT(!a.exhausted);
    arena_release(&a);
    EXPECT(a.block == NULL && a.used == 0 && a.budget == 1 << 20);
}

static void test_content_survives(void)
{
    enum { COUNT = 2000 };
    static struct slice copies[COUNT];
    struct arena a;
    arena_init(&a, 16 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        copies[i] = arena_printf(&a, "%0*zu", (int)(1 + i * 7 % 900), i);
        if (i % 100 == 0) {
            memset(arena_alloc(&a, 200000), 0xAA, 200000);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        char wanted[1000];
        snprintf(wanted, sizeof(wanted), "%0*zu", (int)(1 + i * 7 % 900), i);
        EXPECT_SLICE(copies[i], wanted);
    }
    EXPECT(!a.exhausted);
    arena_release(&a);
}

static void test_reset_keeps_one_small_block(void)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    arena_reset(&a);
    EXPECT(a.block == NULL);
    for (int large_first = 0; large_first < 2; large_first++) {
        if (large_first) {
            EXPECT(arena_alloc(&a, 50000) != NULL);
        }
        char *first = arena_alloc(&a, 10);
        EXPECT(first != NULL && arena_alloc(&a, 3000) != NULL && arena_alloc(&a, 3000) != NULL);
        EXPECT(arena_alloc(&a, 200000) != NULL);
        EXPECT(arena_alloc(&a, 2 << 20) == NULL);
        arena_reset(&a);
        EXPECT(a.used == 0 && !a.exhausted && a.budget == 1 << 20);
        if (!large_first) {
            EXPECT(a.block != NULL && arena_alloc(&a, 10) == first);
            memset(arena_alloc(&a, 900), 1, 900);
        }
        arena_release(&a);
    }
}

static void test_budget(void)
{
    struct arena a;
    arena_init(&a, 100);
    EXPECT(arena_alloc(&a, 96) != NULL);
    EXPECT(!a.exhausted);
    EXPECT(arena_alloc(&a, 1) == NULL);
    EXPECT(a.exhausted);
    EXPECT_INT(a.used, 96);
    EXPECT(arena_copy(&a, SLICE("x")).ptr == NULL);
    EXPECT_INT(arena_printf(&a, "%d", 5).len, 0);
    arena_release(&a);
    EXPECT(!a.exhausted);
    EXPECT(arena_alloc(&a, 16) != NULL);
    arena_release(&a);
}

static void test_sizes_that_overflow(void)
{
    struct arena a;
    arena_init(&a, SIZE_MAX);
    EXPECT(arena_alloc(&a, SIZE_MAX) == NULL);
    EXPECT(a.exhausted);
    arena_release(&a);
    EXPECT(arena_alloc(&a, SIZE_MAX - 40) == NULL);
    arena_release(&a);
    EXPECT(arena_array(&a, SIZE_MAX / 2, 4) == NULL);
    EXPECT(a.exhausted);
    arena_release(&a);
}

static void test_arrays_are_zeroed(void)
{
    struct pair {
        uint64_t left;
        uint64_t right;
    };
    struct arena a;
    arena_init(&a, 100000);
    memset(arena_alloc(&a, 1000), 0xFF, 1000);
    arena_release(&a);
    struct pair *pairs = arena_array(&a, 100, sizeof(*pairs));
    struct pair *one = ARENA_NEW(&a, struct pair);
    EXPECT(pairs != NULL && one != NULL);
    for (size_t i = 0; i < 100; i++) {
        EXPECT(pairs[i].left == 0 && pairs[i].right == 0);
    }
    EXPECT(one->left == 0 && one->right == 0);
    arena_release(&a);
}

static void test_formats(void)
{
    struct arena a;
    arena_init(&a, 100000);
    EXPECT_SLICE(arena_printf(&a, "%s/%d", "x", 3), "x/3");
    EXPECT_INT(arena_printf(&a, "%s", "").len, 0);
    EXPECT(!a.exhausted);
    struct slice long_text = arena_printf(&a, "%0500d", 1);
    EXPECT_INT(long_text.len, 500);
    EXPECT(long_text.ptr[499] == '1');
    EXPECT_SLICE(arena_copy(&a, SLICE("copied")), "copied");
    arena_release(&a);
}

static void test_large_leaves_the_block_in_use(void)
{
    struct arena a;
    arena_init(&a, 1 << 24);
    char *first = arena_alloc(&a, 16);
    EXPECT(arena_alloc(&a, 1 << 20) != NULL);
    char *second = arena_alloc(&a, 16);
    EXPECT(second == first + 16);
    arena_release(&a);
}

#ifdef SLUICE_FAULTS
static void test_out_of_memory(void)
{
    struct arena a;
    for (int64_t nth = 0; nth < 3; nth++) {
        arena_init(&a, 1 << 24);
        memory_fail_nth(nth);
        arena_alloc(&a, 64);
        arena_alloc(&a, 4090);
        arena_alloc(&a, 1 << 20);
        EXPECT(memory_fault_happened());
        EXPECT(a.exhausted);
        EXPECT(arena_alloc(&a, 1) == NULL);
        arena_release(&a);
    }
    memory_fail_nth(-1);
}
#endif

int main(void)
{
    TEST(test_aligned_and_apart, "allocations are aligned, distinct and writable");
    TEST(test_content_survives, "thousands of allocations of mixed sizes keep their content");
    TEST(test_reset_keeps_one_small_block, "keeps one small block when reset, and uses it again");
    TEST(test_budget, "past the budget allocations fail and exhausted stays set");
    TEST(test_sizes_that_overflow, "sizes that overflow fail");
    TEST(test_arrays_are_zeroed, "arrays are zeroed");
    TEST(test_formats, "formatted text and copies come out whole");
    TEST(test_large_leaves_the_block_in_use, "a large allocation does not waste the current block");
#ifdef SLUICE_FAULTS
    TEST(test_out_of_memory, "out of memory exhausts the arena");
#endif
    return tap_done();
}
