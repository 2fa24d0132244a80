/* SPDX-License-Identifier: Apache-2.0 */
#include "route/weights.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#include "tests/tap.h"

#include <math.h>

#define SUM_AT 32 /* of the header's checksum */
#define HEADER 40

static struct weights made;
static struct buf bytes;

static void make(void)
{
    buf_init(&bytes, WEIGHTS_BYTES_MAX);
    made.head_count = 2;
    made.tag_count = 2;
    made.sample_count = 3;
    made.heads = memory_array(2, sizeof(struct head));
    made.tags = memory_array(2, sizeof(struct tag_offset));
    made.sample_scores = memory_array(6, sizeof(float));
    made.sample_strangers = memory_array(6, sizeof(float));
    made.sample_outcomes = memory_array(6, sizeof(float));
    made.sample_tags = memory_array(3, sizeof(uint64_t));
    made.transfer = memory_array(2, sizeof(float));
    memcpy(made.heads[0].name, "classification", 15);
    memcpy(made.heads[1].name, "small", 6);
    made.heads[1].kind = HEAD_MODEL;
    made.heads[1].buckets[77] = -5;
    made.tags[0] = (struct tag_offset){.tag = 5, .head = 1, .rows = 9, .offset = 0.5F};
    made.tags[1] = (struct tag_offset){.tag = 6, .head = 1, .rows = 9, .offset = -0.5F};
    EXPECT(weights_write(&made, &bytes));
}

/* Is the file refused after this change, with its checksum made right again? */
static bool refuses(size_t at, uint32_t value)
{
    struct weights weights;
    struct error error;
    struct buf copy = BUF_INIT(WEIGHTS_BYTES_MAX);
    buf_append(&copy, buf_slice(&bytes));
    memcpy(copy.ptr + at, &value, sizeof(value));
    uint32_t sum = crc32c(0, copy.ptr + HEADER, copy.len - HEADER);
    memcpy(copy.ptr + SUM_AT, &sum, sizeof(sum));
    bool read = weights_read(buf_slice(&copy), &weights, &error);
    if (read) {
        weights_release(&weights);
    }
    buf_release(&copy);
    return !read;
}

static void comes_back(void)
{
    struct weights weights;
    struct error error;
    EXPECT(weights_read(buf_slice(&bytes), &weights, &error));
    EXPECT_INT(weights_find(&weights, HEAD_MODEL, SLICE("small")), 1);
    EXPECT(weights_find(&weights, HEAD_TASK, SLICE("small")) == WEIGHTS_NO_HEAD);
    EXPECT_INT(weights.heads[1].buckets[77], -5);
    const struct tag_offset *tag = weights_tag(&weights, 6, 1);
    EXPECT(tag != NULL && tag->offset < 0);
    EXPECT(weights_tag(&weights, 6, 0) == NULL && weights_tag(&weights, 7, 1) == NULL);
    weights_release(&weights);
}

static void damage_is_seen(void)
{
    struct random random;
    struct error error;
    random_seed(&random, 11);
    for (unsigned i = 0; i < 500; i++) {
        struct weights weights;
        size_t at = random_below(&random, bytes.len);
        char bit = (char)(1u << random_below(&random, 8));
        if (at >= HEADER - 4 && at < HEADER) {
            continue; /* reserved */
        }
        bytes.ptr[at] ^= bit;
        EXPECT(!weights_read(buf_slice(&bytes), &weights, &error));
        EXPECT(weights.heads == NULL);
        bytes.ptr[at] ^= bit;
    }
    for (size_t len = 0; len < bytes.len; len += 997) {
        struct weights weights;
        EXPECT(!weights_read(slice_of(bytes.ptr, len), &weights, &error));
    }
}

static void lies_are_seen(void)
{
    const size_t kind = HEADER + WEIGHTS_NAME_SIZE;
    const size_t average = HEADER + offsetof(struct head, average);
    const size_t tags = HEADER + 2 * sizeof(struct head);
    EXPECT(!refuses(kind, HEAD_MODEL));
    EXPECT(refuses(kind, HEAD_KINDS));
    EXPECT(refuses(average, 0x7fc00000u)); /* NaN */
    EXPECT(refuses(average, 0x7f800000u)); /* infinity */
    EXPECT(refuses(tags + 8, 2));          /* a head that there is not */
    EXPECT(refuses(tags, 7));              /* tags out of order */
    EXPECT(refuses(20, WEIGHTS_HEADS_MAX + 1));
    EXPECT(refuses(16, 8));
    EXPECT(!refuses(bytes.len - 4, 0x3f800000u)); /* a transfer of 1 */
    EXPECT(refuses(bytes.len - 4, 0x3f800001u));  /* just above it */
    EXPECT(refuses(bytes.len - 4, 0xbf800000u));  /* -1 */
    EXPECT(refuses(bytes.len - 4, 0x7fc00000u));  /* NaN */
    for (size_t i = 0; i < WEIGHTS_NAME_SIZE; i += 4) {
        memset(bytes.ptr + HEADER, 'x', WEIGHTS_NAME_SIZE);
    }
    EXPECT(refuses(kind, HEAD_TASK)); /* a name without an end */
}

/* The one head says something of classification only. */
static void the_prior_tells_what_no_head_knows(void)
{
    static struct text_vector vector;
    float tasks[TASK_COUNT];
    const float other[TASK_COUNT] = {[TASK_TRANSLATION] = 0.9F, [TASK_CLASSIFICATION] = 0.1F};
    const float same[TASK_COUNT] = {[TASK_TRANSLATION] = 0.1F, [TASK_CLASSIFICATION] = 0.9F};
    const float none[TASK_COUNT] = {[TASK_TRANSLATION] = 1};
    vector_of_text(SLICE("put this into French"), &vector);
    EXPECT_INT(weights_task(&made, &vector, NULL, tasks), TASK_CLASSIFICATION);
    EXPECT_INT(weights_task(&made, &vector, other, tasks), TASK_TRANSLATION);
    EXPECT(tasks[TASK_TRANSLATION] > 0.5F && tasks[TASK_CLASSIFICATION] > 0);
    EXPECT_INT(weights_task(&made, &vector, same, tasks), TASK_CLASSIFICATION);
    EXPECT_INT(weights_task(&made, &vector, none, tasks), TASK_TRANSLATION);
}

/* The sum that a head makes of many words at once, and of shapes, against one by one. */
static void words_and_shapes_are_summed_like_one_by_one(void)
{
    static struct text_vector vector;
    const struct weights_question question = {.vector = &vector};
    struct random random;
    struct head *head = memory_array(1, sizeof(struct head));
    random_seed(&random, 3);
    for (size_t i = 0; i < VECTOR_BUCKETS; i++) {
        head->buckets[i] = (int8_t)(random_below(&random, 256) - 128);
    }
    head->bucket_scale = 1;
    head->coverage = 1;
    for (size_t i = 0; i < HEAD_DENSE; i++) {
        head->means[i] = (float)random_below(&random, 9);
        head->scales[i] = (float)random_below(&random, 5);
        head->dense[i] = (float)random_below(&random, 64) - 32;
    }
    for (uint32_t count = 0; count <= VECTOR_COUNT_MAX; count += count < 70 ? 1 : 97) {
        int sum = 0;
        int seen = 0;
        float dense = 0;
        for (uint32_t i = 0; i < count; i++) {
            vector.buckets[i] = (uint16_t)random_below(&random, VECTOR_BUCKETS);
            sum += head->buckets[vector.buckets[i]] & ~HEAD_SEEN;
            seen += head->buckets[vector.buckets[i]] & HEAD_SEEN;
        }
        for (size_t i = 0; i < VECTOR_SHAPES; i++) {
            vector.shapes[i] = (float)random_below(&random, 20);
            float value = (vector.shapes[i] - head->means[i]) * head->scales[i];
            dense += head->dense[i] * (value > 4 ? 4 : value < -4 ? -4 : value);
        }
        vector.count = count;
        double words = count == 0 ? 0 : sum / sqrt((double)count);
        EXPECT(fabs(head_text_score(head, &question) - words - (double)dense) < 1e-6);
        double share = count == 0 ? 0 : (seen / (double)count - 0.6) / 0.15;
        share = share < 0 ? 0 : share > 1 ? 1 : share;
        EXPECT(fabs(head_familiarity(head, &vector) - share) < 1e-6);
    }
    memory_free(head);
}

int main(void)
{
    make();
    TEST(the_prior_tells_what_no_head_knows, "a prior tells tasks that no head knows");
    TEST(words_and_shapes_are_summed_like_one_by_one, "many words are summed like one by one");
    TEST(comes_back, "what is written is read");
    TEST(damage_is_seen, "every damaged bit and every missing end is seen");
    TEST(lies_are_seen, "numbers that no training writes are refused, whatever the checksum");
    buf_release(&bytes);
    weights_release(&made);
    return tap_done();
}
