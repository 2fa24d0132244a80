/* SPDX-License-Identifier: Apache-2.0 */
/* Words that callers invent come in at a bounded rate. */
#include "gateway/tag_words.h"

#include "base/clock.h"
#include "base/memory.h"

#include "tests/tap.h"

static struct tag_words *words;
static int64_t now_ns = NS_PER_S;

static bool admits(int number)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "word %d", number);
    struct slice word = slice_of(text, (size_t)len);
    struct slice got = tag_words_admit(words, word, now_ns);
    EXPECT(slice_eq(got, word) || slice_eq(got, SLICE(TAG_OTHERS)));
    return slice_eq(got, word);
}

static void new_words_come_at_a_bounded_rate(void)
{
    words = tag_words_new();
    int admitted = 0;
    for (int i = 0; i < 3 * TAG_WORDS_NEW_MAX; i++) {
        admitted += admits(i);
    }
    EXPECT_INT(admitted, TAG_WORDS_NEW_MAX);
    EXPECT(admits(0) && admits(TAG_WORDS_NEW_MAX - 1)); /* known ones stay */
    EXPECT(!admits(TAG_WORDS_NEW_MAX));
    now_ns += TAG_WORDS_NEW_EVERY_S * NS_PER_S;
    EXPECT(admits(TAG_WORDS_NEW_MAX));
    EXPECT(!admits(TAG_WORDS_NEW_MAX + 1));
    now_ns += 3 * TAG_WORDS_NEW_EVERY_S * NS_PER_S;
    admitted = 0;
    for (int i = 10000; i < 10010; i++) {
        admitted += admits(i);
    }
    EXPECT_INT(admitted, 3);
    tag_words_free(words);
}

static void a_word_in_use_is_not_forgotten(void)
{
    words = tag_words_new();
    EXPECT(admits(-1));
    for (int i = 0; i < 4 * TAG_WORDS_MAX; i++) {
        now_ns += TAG_WORDS_NEW_EVERY_S * NS_PER_S;
        EXPECT(admits(i));
        EXPECT(admits(-1));
    }
    tag_words_free(words);
}

static void without_memory_all_are_others(void)
{
#ifdef SLUICE_FAULTS
    memory_fail_nth(0);
    words = tag_words_new();
    memory_fail_nth(-1);
#else
    words = NULL;
#endif
    EXPECT(words == NULL && !admits(1));
    tag_words_free(words);
}

int main(void)
{
    TEST(new_words_come_at_a_bounded_rate, "new words come at a bounded rate, known ones always");
    TEST(a_word_in_use_is_not_forgotten, "a word in use is not forgotten");
    TEST(without_memory_all_are_others, "without memory all are others");
    return tap_done();
}
