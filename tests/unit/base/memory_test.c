/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include "tests/tap.h"

static void test_allocates(void)
{
    char *block = memory_alloc(10);
    EXPECT(block != NULL);
    memset(block, 'x', 10);
    block = memory_resize(block, 100000);
    EXPECT(block != NULL && block[0] == 'x' && block[9] == 'x');
    memory_free(block);
    unsigned char *zeros = memory_array(100, 8);
    EXPECT(zeros != NULL);
    for (size_t i = 0; i < 800; i++) {
        EXPECT_INT(zeros[i], 0);
    }
    memory_free(zeros);
    memory_free(NULL);
}

static void test_overflow_is_refused(void)
{
    volatile size_t huge = SIZE_MAX / 2;
    EXPECT(memory_array(huge, 3) == NULL);
}

#ifdef SLUICE_FAULTS
static void test_nth_allocation_fails_once(void)
{
    for (int64_t nth = 0; nth < 4; nth++) {
        void *blocks[5];
        memory_fail_nth(nth);
        for (int64_t i = 0; i < 5; i++) {
            blocks[i] = memory_alloc(8);
            EXPECT((blocks[i] == NULL) == (i == nth));
            EXPECT(memory_fault_happened() == (i >= nth));
        }
        for (int i = 0; i < 5; i++) {
            memory_free(blocks[i]);
        }
    }
    memory_fail_nth(-1);
    EXPECT(!memory_fault_happened());
}
#endif

int main(void)
{
    TEST(test_allocates, "blocks are given, grown and zeroed");
    TEST(test_overflow_is_refused, "an array whose size overflows is refused");
#ifdef SLUICE_FAULTS
    TEST(test_nth_allocation_fails_once, "the chosen allocation fails, once");
#endif
    return tap_done();
}
