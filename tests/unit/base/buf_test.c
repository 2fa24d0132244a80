/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/memory.h"
#include "tests/tap.h"

static void test_appends(void)
{
    struct buf b = BUF_INIT(1000);
    EXPECT(b.ptr == NULL);
    EXPECT(buf_append(&b, SLICE("one ")));
    EXPECT(buf_append_cstr(&b, "two "));
    EXPECT(buf_append_char(&b, '3'));
    EXPECT(buf_append(&b, SLICE_EMPTY));
    EXPECT(buf_append_cstr(&b, NULL));
    EXPECT_SLICE(buf_slice(&b), "one two 3");
    buf_release(&b);
    EXPECT(b.ptr == NULL && b.len == 0 && b.limit == 1000);
    buf_release(NULL);
}

static void test_ceiling(void)
{
    struct buf b = BUF_INIT(5);
    EXPECT(buf_append(&b, SLICE("12345")));
    EXPECT(!b.failed);
    EXPECT(!buf_append_char(&b, '6'));
    EXPECT(b.failed);
    EXPECT_SLICE(buf_slice(&b), "12345");
    buf_clear(&b);
    EXPECT(!b.failed);
    EXPECT(buf_append(&b, SLICE("123")));
    EXPECT(!buf_append(&b, SLICE("456")));
    EXPECT(!buf_append(&b, SLICE("4")));
    EXPECT(!buf_append(&b, SLICE_EMPTY));
    EXPECT(buf_reserve(&b, 0) == NULL);
    EXPECT_SLICE(buf_slice(&b), "123");
    buf_release(&b);
}

static void test_zero_ceiling(void)
{
    struct buf b = BUF_INIT(0);
    EXPECT(buf_append(&b, SLICE_EMPTY));
    EXPECT(buf_reserve(&b, 0) != NULL);
    EXPECT(!buf_append_char(&b, 'x'));
    EXPECT_INT(b.len, 0);
    buf_release(&b);
}

static void test_huge_reserve(void)
{
    struct buf b = BUF_INIT(SIZE_MAX);
    EXPECT(buf_append(&b, SLICE("x")));
    EXPECT(buf_reserve(&b, SIZE_MAX) == NULL);
    EXPECT(b.failed);
    EXPECT_SLICE(buf_slice(&b), "x");
    buf_release(&b);
}

static void test_reserve_then_fill(void)
{
    struct buf b = BUF_INIT(10000);
    char *room = buf_reserve(&b, 3000);
    EXPECT(room != NULL);
    memset(room, 'x', 3000);
    b.len += 3000;
    EXPECT(buf_reserve(&b, 7000) != NULL);
    EXPECT_INT(b.len, 3000);
    EXPECT(b.ptr[0] == 'x' && b.ptr[2999] == 'x');
    EXPECT(b.cap <= b.limit);
    EXPECT(buf_reserve(&b, 7001) == NULL);
    buf_release(&b);
}

static void test_numbers(void)
{
    struct buf b = BUF_INIT(1000);
    buf_append_u64(&b, 0);
    buf_append_char(&b, ' ');
    buf_append_u64(&b, UINT64_MAX);
    buf_append_char(&b, ' ');
    buf_append_i64(&b, INT64_MIN);
    buf_append_char(&b, ' ');
    buf_append_i64(&b, -1);
    buf_append_char(&b, ' ');
    buf_append_i64(&b, INT64_MAX);
    EXPECT_SLICE(buf_slice(&b),
                 "0 18446744073709551615 -9223372036854775808 -1 9223372036854775807");
    uint64_t power = 1; /* where the number of digits changes */
    for (int digits = 1; digits <= 19; digits++, power *= 10) {
        char text[64];
        buf_clear(&b);
        buf_append_u64(&b, power - 1);
        buf_append_char(&b, ' ');
        buf_append_u64(&b, power);
        snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)(power - 1),
                 (unsigned long long)power);
        EXPECT_SLICE(buf_slice(&b), text);
    }
    buf_release(&b);
    struct buf tight = BUF_INIT(2);
    EXPECT(!buf_append_i64(&tight, -12));
    EXPECT_INT(tight.len, 0);
    buf_release(&tight);
}

static void test_printf(void)
{
    struct buf b = BUF_INIT(400);
    EXPECT(buf_printf(&b, "%s-%d", "a", 7));
    EXPECT_SLICE(buf_slice(&b), "a-7");
    EXPECT(buf_printf(&b, "%0300d", 1));
    EXPECT_INT(b.len, 303);
    EXPECT(b.ptr[302] == '1' && b.ptr[301] == '0');
    EXPECT(buf_printf(&b, "%097d", 5));
    EXPECT_INT(b.len, 400);
    EXPECT(!buf_printf(&b, "%d", 1));
    EXPECT_INT(b.len, 400);
    EXPECT(b.failed);
    buf_clear(&b);
    EXPECT(!buf_printf(&b, "%0500d", 1));
    EXPECT(b.failed && b.len == 0);
    EXPECT(!buf_printf(&b, "x"));
    buf_release(&b);
}

static void test_consume(void)
{
    struct buf b = BUF_INIT(100);
    buf_append(&b, SLICE("abcdef"));
    buf_consume(&b, 0);
    buf_consume(&b, 2);
    EXPECT_SLICE(buf_slice(&b), "cdef");
    buf_consume(&b, 4);
    EXPECT_INT(b.len, 0);
    buf_consume(&b, 0);
    buf_release(&b);
}

static void test_trim(void)
{
    struct buf b = BUF_INIT(100000);
    buf_reserve(&b, 50000);
    buf_append_char(&b, 'x');
    buf_trim(&b, 0);
    EXPECT_SLICE(buf_slice(&b), "x");
    buf_clear(&b);
    buf_trim(&b, 100000);
    EXPECT(b.cap >= 50000);
    buf_trim(&b, 1000);
    EXPECT(b.ptr == NULL && b.cap == 0);
    EXPECT(buf_append_char(&b, 'y'));
    buf_release(&b);
}

#ifdef SLUICE_FAULTS
static void test_out_of_memory(void)
{
    struct buf b = BUF_INIT(10000);
    EXPECT(buf_append(&b, SLICE("kept")));
    memory_fail_nth(0);
    EXPECT(buf_reserve(&b, 5000) == NULL);
    EXPECT(memory_fault_happened());
    EXPECT(b.failed);
    EXPECT_SLICE(buf_slice(&b), "kept");
    buf_clear(&b);
    memory_fail_nth(0);
    EXPECT(!buf_printf(&b, "%0300d", 1));
    memory_fail_nth(1);
    buf_clear(&b);
    EXPECT(!buf_printf(&b, "%0300d", 1));
    memory_fail_nth(-1);
    buf_clear(&b);
    EXPECT(buf_printf(&b, "%0300d", 1));
    EXPECT_INT(b.len, 300);
    buf_release(&b);
}
#endif

int main(void)
{
    TEST(test_appends, "pieces are appended, nothing is allocated before");
    TEST(test_ceiling, "the ceiling holds, failure is sticky and appends nothing");
    TEST(test_zero_ceiling, "a ceiling of zero takes nothing but the empty piece");
    TEST(test_huge_reserve, "a size that would overflow fails and keeps the content");
    TEST(test_reserve_then_fill, "reserved room is written in place");
    TEST(test_numbers, "integers are written whole or not at all");
    TEST(test_printf, "formatted text fits up to the last byte of the ceiling");
    TEST(test_consume, "consuming moves the rest to the front");
    TEST(test_trim, "memory is given back only from an empty buffer above the limit");
#ifdef SLUICE_FAULTS
    TEST(test_out_of_memory, "out of memory fails the buffer and keeps its content");
#endif
    return tap_done();
}
