/* SPDX-License-Identifier: Apache-2.0 */
/* What checks said of answers is found once, for as long as the ring has it. */
#include "gateway/verdict_memory.h"

#include "tests/tap.h"

static struct verdict_memory memory;

static struct id id_of(unsigned number)
{
    struct id id = {.bytes = {1, (uint8_t)(number >> 8), (uint8_t)number}};
    return id;
}

static void put(unsigned number, enum answer_check check, enum check_result result)
{
    struct checked checked = {.worst = CHECK_COUNT};
    struct id id = id_of(number);
    checked.results[check] = (uint8_t)result;
    verdict_memory_put(&memory, &id, 42, &checked);
}

static bool take(unsigned number, uint8_t results[CHECK_COUNT])
{
    struct id id = id_of(number);
    uint64_t key = 0;
    return verdict_memory_take(&memory, &id, &key, results) && key == 42;
}

static void it_is_found_once(void)
{
    uint8_t results[CHECK_COUNT];
    verdict_memory_init(&memory);
    put(1, CHECK_EMPTY, CHECK_PASSED);
    put(2, CHECK_JUDGE, CHECK_FAILED);
    put(3, CHECK_CODE, CHECK_SILENT); /* nothing was said */
    EXPECT(take(2, results));
    EXPECT_INT(results[CHECK_JUDGE], CHECK_FAILED);
    EXPECT_INT(results[CHECK_EMPTY], CHECK_SILENT);
    EXPECT(!take(2, results));
    EXPECT(!take(3, results));
    EXPECT(!take(9, results));
    EXPECT(take(1, results));
    EXPECT_INT(results[CHECK_EMPTY], CHECK_PASSED);
    verdict_memory_release(&memory);
}

static void the_oldest_leave(void)
{
    uint8_t results[CHECK_COUNT];
    verdict_memory_init(&memory);
    for (unsigned i = 0; i <= VERDICT_MEMORY_ANSWERS; i++) {
        put(i, CHECK_EMPTY, CHECK_PASSED);
    }
    EXPECT(!take(0, results));
    EXPECT(take(1, results));
    EXPECT(take(VERDICT_MEMORY_ANSWERS, results));
    verdict_memory_release(&memory);
}

int main(void)
{
    TEST(it_is_found_once, "what checks said is found once");
    TEST(the_oldest_leave, "the oldest leave");
    return tap_done();
}
