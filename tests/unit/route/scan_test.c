/* SPDX-License-Identifier: Apache-2.0 */
#include "route/scan_vector.h"

#include "base/random.h"
#include "tests/tap.h"

static void expect_equal(const char *name, const char *block,
                         bool (*scan)(char *, struct block_masks *))
{
    char expected_text[SCAN_BLOCK];
    char text[SCAN_BLOCK];
    struct block_masks expected;
    struct block_masks masks;
    memcpy(expected_text, block, SCAN_BLOCK);
    memcpy(text, block, SCAN_BLOCK);
    memset(&expected, 0, sizeof(expected));
    memset(&masks, 0, sizeof(masks));
    bool expected_marks = block_scan_portable(expected_text, &expected);
    bool marks = scan(text, &masks);
    if (marks != expected_marks || memcmp(text, expected_text, SCAN_BLOCK) != 0 ||
        memcmp(&masks, &expected, sizeof(masks)) != 0) {
        tap_point_failed = true;
        printf("# %s differs from the table\n", name);
    }
}

static void all_agree(const char *block)
{
    expect_equal("block_scan", block, block_scan);
#ifdef __SSE2__
    expect_equal("sse2", block, block_scan_sse2);
    if (__builtin_cpu_supports("avx2")) {
        expect_equal("avx2", block, block_scan_avx2);
    }
#endif
}

static void every_byte_at_every_place(void)
{
    for (int byte = 0; byte < 256; byte++) {
        for (int place = 0; place < SCAN_BLOCK; place++) {
            char block[SCAN_BLOCK];
            memset(block, 'x', sizeof(block));
            block[place] = (char)byte;
            all_agree(block);
        }
    }
}

static void random_blocks(void)
{
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 20000; i++) {
        char block[SCAN_BLOCK];
        for (int j = 0; j < SCAN_BLOCK; j++) {
            uint64_t range = i % 2 == 0 ? 256 : 128;
            block[j] = (char)random_below(&random, range);
        }
        all_agree(block);
    }
}

#ifdef SCAN_HAS_VECTORS
static size_t naive_find(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && strchr("\n?\"`", text[i]) == NULL) {
        i++;
    }
    return i;
}

static SCAN_WIDE size_t find_wide(const char *text, size_t len)
{
    return block_find_avx2(text, len);
}

static void breaks_are_found(void)
{
    char text[200 + SCAN_BLOCK];
    for (int byte = 1; byte < 256; byte++) {
        for (size_t place = 0; place < 200; place++) {
            memset(text, 'x', sizeof(text));
            text[place] = (char)byte;
            text[place + 9] = '?';
            size_t len = 140 + place % 60;
            EXPECT_INT(block_find_sse2(text, len), naive_find(text, len));
            EXPECT(!scan_is_wide() || find_wide(text, len) == naive_find(text, len));
        }
    }
}
#endif

static void apostrophes_join_words_but_do_not_begin_them(void)
{
    char block[SCAN_BLOCK + 1] =
        "don't 'quote' x                                                  ";
    struct block_masks masks;
    block_scan(block, &masks);
    EXPECT((masks.word >> 3 & 1u) == 1);
    EXPECT((masks.word >> 6 & 1u) == 0);
    EXPECT((masks.word >> 12 & 1u) == 0);
}

static void letters_are_lowered_in_place(void)
{
    char block[SCAN_BLOCK + 1] =
        "MiXeD @[`{ Z_9 \xc3\x84                                              ";
    struct block_masks masks;
    block_scan(block, &masks);
    EXPECT(memcmp(block, "mixed @[`{ z_9 \xc3\x84", 17) == 0);
    EXPECT_INT(bits_count(masks.upper), 4);
}

static void bits_are_counted(void)
{
    EXPECT_INT(bits_count(0), 0);
    EXPECT_INT(bits_count(UINT64_MAX), 64);
    EXPECT_INT(bits_count(0x8000000000000001u), 2);
    EXPECT_INT(bits_first(0x8000000000000100u), 8);
    EXPECT_INT(bits_last(0x8000000000000100u), 63);
}

int main(void)
{
    TEST(every_byte_at_every_place, "vectors and table agree on every byte at every place");
    TEST(random_blocks, "vectors and table agree on random blocks");
#ifdef SCAN_HAS_VECTORS
    TEST(breaks_are_found, "ends of lines, quotes and question marks are found");
#endif
    TEST(apostrophes_join_words_but_do_not_begin_them, "apostrophes join words");
    TEST(letters_are_lowered_in_place, "letters are lowered, nothing else changes");
    TEST(bits_are_counted, "bits are counted");
    return tap_done();
}
