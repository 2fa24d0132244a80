/* SPDX-License-Identifier: Apache-2.0 */
#include "route/vector.h"

#include "base/check.h"
#include "base/random.h"
#include "route/vocabulary.h"

#include "tests/tap.h"

#include <math.h>
#include <string.h>

static struct text_vector a, b;

static bool has(const struct text_vector *vector, uint16_t bucket)
{
    for (uint32_t i = 0; i < vector->count; i++) {
        if (vector->buckets[i] == bucket) {
            return true;
        }
    }
    return false;
}

/* How many buckets of x are in y. */
static uint32_t shared(const struct text_vector *x, const struct text_vector *y)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < x->count; i++) {
        count += has(y, x->buckets[i]);
    }
    return count;
}

static void words_and_pairs(void)
{
    vector_of_text(SLICE("Summarize this"), &a);
    /* two words, the same as first words, one pair */
    EXPECT_INT(a.count, 5);
    vector_of_text(SLICE("sUMMARIZE  this"), &b);
    EXPECT_INT(shared(&a, &b), 5);
    vector_of_text(SLICE("this summarize"), &b);
    EXPECT_INT(shared(&a, &b), 4); /* the pair has an order */
}

static void each_once(void)
{
    vector_of_text(SLICE("a a a a a a a a a a a a"), &a);
    EXPECT_INT(a.count, 3);
    EXPECT(fabsf(a.shapes[SHAPE_REPETITION] - 11.0F / 12) < 1e-6F);
}

static void counts_shape(void)
{
    vector_of_text(SLICE("What is 12.5 + 3?\n\nIt's $4, \"x_y\" {z}; (10 %)"), &a);
    EXPECT(fabsf(a.shapes[SHAPE_NUMBERS] - log1pf(5)) < 1e-6F);
    EXPECT(fabsf(a.shapes[SHAPE_DECIMALS] - log1pf(1)) < 1e-6F);
    EXPECT(fabsf(a.shapes[SHAPE_PARAGRAPHS] - log1pf(1)) < 1e-6F);
    EXPECT(fabsf(a.shapes[SHAPE_LINES] - log1pf(3)) < 1e-6F);
    EXPECT(fabsf(a.shapes[SHAPE_QUOTES] - log1pf(2)) < 1e-6F);
    EXPECT(fabsf(a.shapes[SHAPE_CAPITALS] - log1pf(2)) < 1e-6F);
}

static void scripts_without_spaces(void)
{
    vector_of_text(SLICE("\xe4\xbd\xa0\xe5\xa5\xbd\xe5\x90\x97"), &a); /* three characters */
    EXPECT_INT(a.count, 3 + 3 + 2);
    vector_of_text(SLICE("\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"), &a); /* one word */
    EXPECT_INT(a.count, 2);
}

static void any_bytes(void)
{
    static char text[40000];
    struct random random;
    random_seed(&random, 7);
    for (unsigned round = 0; round < 50; round++) {
        size_t len = random_below(&random, sizeof(text));
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)random_below(&random, 256);
        }
        vector_of_text(slice_of(text, len), &a);
        EXPECT(a.count <= VECTOR_COUNT_MAX);
        for (unsigned i = 0; i < VECTOR_SHAPES; i++) {
            EXPECT(isfinite(a.shapes[i]));
        }
    }
    vector_of_text(SLICE(""), &a);
    EXPECT_INT(a.count, 0);
}

static void reads_the_ends_of_long_texts(void)
{
    static char text[1 << 20];
    memset(text, ' ', sizeof(text));
    memcpy(text, "first", 5);
    memcpy(text + sizeof(text) - 4, "last", 4);
    memcpy(text + sizeof(text) / 2, "middle", 6);
    vector_of_text(slice_of(text, sizeof(text)), &a);
    EXPECT_INT(a.count, 4); /* two words, both among the first; no pair across the gap */
}

/* As on a processor without wide vectors. */
static void vector_of_text_narrow(struct slice text, struct text_vector *vector)
{
    static struct vocabulary narrow;
    const struct vocabulary *built = vocabulary_get();
    if (narrow.word_count == 0) {
        narrow = *built;
        narrow.wide = false;
    }
    atomic_store(&vocabulary_built, &narrow);
    vector_of_text(text, vector);
    atomic_store(&vocabulary_built, built);
}

/* Of texts as they are, with everything that begins, ends or breaks a word near a block's end. */
static void both_ways_agree(void)
{
    static const char *const bits[] = {"word",
                                       "Word's",
                                       "'",
                                       "''quoted''",
                                       "12",
                                       "3.14",
                                       "7.",
                                       "\n",
                                       "\n\n \n",
                                       " ",
                                       "  ",
                                       "?",
                                       "$x_{2}$",
                                       "\xc3\xa9t\xc3\xa9",
                                       "\xe2\x80\x9ctypographic\xe2\x80\x9d",
                                       "\xe4\xbd\xa0",
                                       "x\xe5\xa5\xbd",
                                       "\xff",
                                       "\xe2",
                                       "antidisestablishmentarianism",
                                       "eightbyt",
                                       "\t",
                                       "a",
                                       "\xf0\x9f\x98\x80",
                                       "{;}",
                                       "0",
                                       "\0"};
    static char text[4096];
    struct random random;
    random_seed(&random, 11);
    unsigned wide = 0;
    for (unsigned round = 0; round < 20000; round++) {
        size_t limit = random_below(&random, round % 10 == 0 ? 3000 : 300);
        unsigned kinds = round % 2 == 0 ? ARRAY_LEN(bits) : 15; /* none that is a word by itself */
        size_t len = 0;
        while (len < limit) {
            const char *bit = bits[random_below(&random, kinds)];
            size_t size = *bit == '\0' ? 1 : strlen(bit);
            memcpy(text + len, bit, size);
            len += size;
        }
        (round % 4 < 2 ? vector_of_text : vector_of_text_narrow)(slice_of(text, len), &a);
        vector_of_text_plain(slice_of(text, len), &b);
        wide += a.count > 0;
        if (a.count != b.count ||
            memcmp(a.buckets, b.buckets, a.count * sizeof(a.buckets[0])) != 0 ||
            memcmp(a.shapes, b.shapes, sizeof(a.shapes)) != 0) {
            EXPECT_INT(round, -1);
            return;
        }
    }
    EXPECT(wide > 19000);
}

int main(void)
{
    TEST(words_and_pairs, "a text is its words and pairs of words, whatever their case");
    TEST(each_once, "what is repeated counts once");
    TEST(counts_shape, "counts the shape of a text");
    TEST(scripts_without_spaces, "of scripts without spaces each character is a word");
    TEST(any_bytes, "any bytes give a finite vector");
    TEST(reads_the_ends_of_long_texts, "of a long text the two ends are read");
    TEST(both_ways_agree, "by masks and word by word a text is the same vector");
    return tap_done();
}
