/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of weights that is read can be asked: every answer is a probability, whatever the file
 * says. The input is a file without the buckets of its heads, which are 73 KB each: behind the rest
 * of a head one byte follows that fills them, so that a seed of a kilobyte reaches the tags and the
 * samples behind. The checksum is made right, or nothing would come past it.
 */
#include "base/hash.h"
#include "route/weights.h"

#define SUM_AT ((size_t)32)
#define HEADER ((size_t)40)
#define HEAD_COUNT_AT ((size_t)20)
#define HEAD_START offsetof(struct head, buckets)
#define HEADS_MAX 4u /* of more only the first ones are filled: the fuzzer is to be quick */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ask(const struct weights *weights)
{
    static struct text_vector vector;
    float tasks[TASK_COUNT];
    struct weights_pair pair;
    vector_of_text(SLICE("What is 3 + 4? Summarize it."), &vector);
    const struct weights_question question = {.vector = &vector, .tag = 5};
    CHECK(weights_task(weights, &vector, NULL, tasks) < TASK_COUNT);
    const float prior[TASK_COUNT] = {[TASK_QA_OPEN] = 0.5F, [TASK_MATH] = 0.5F};
    CHECK(weights_task(weights, &vector, prior, tasks) < TASK_COUNT);
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        CHECK(tasks[i] >= 0 && tasks[i] <= 1.001F);
    }
    for (uint32_t i = 0; i < weights->head_count; i++) {
        double p = weights_success(weights, i, &question);
        CHECK(p >= 0 && p <= 1);
        weights_pair_read(weights, i, 0, true, NULL, &pair);
    }
}

static void fill_buckets(struct head *head, unsigned seed)
{
    for (size_t i = 0; i < VECTOR_BUCKETS; i++) {
        head->buckets[i] = (int8_t)(seed * (i % 7)); /* any byte but one that all buckets share */
    }
}

/* The file that the input stands for, with a checksum that fits. */
static void file_of_input(struct slice rest, struct buf *file)
{
    static struct head head;
    uint32_t heads = 0;
    struct slice header = slice_of(rest.ptr, HEADER);
    memcpy(&heads, header.ptr + HEAD_COUNT_AT, sizeof(heads));
    buf_append(file, header);
    rest = slice_from(rest, HEADER);
    for (uint32_t i = 0; i < heads && i < HEADS_MAX && rest.len > HEAD_START; i++) {
        memcpy(&head, rest.ptr, HEAD_START);
        fill_buckets(&head, (unsigned char)rest.ptr[HEAD_START]);
        buf_append(file, slice_of((const char *)&head, sizeof(head)));
        rest = slice_from(rest, HEAD_START + 1);
    }
    buf_append(file, rest);
    uint32_t sum = crc32c(0, file->ptr + HEADER, file->len - HEADER);
    memcpy(file->ptr + SUM_AT, &sum, sizeof(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weights weights;
    struct buf file = BUF_INIT(WEIGHTS_BYTES_MAX);
    struct slice input = slice_of((const char *)bytes, len);
    if (len < HEADER) {
        buf_append(&file, input);
    } else {
        file_of_input(input, &file);
    }
    if (weights_read(buf_slice(&file), &weights, NULL)) {
        ask(&weights);
        weights_release(&weights);
    }
    buf_release(&file);
    return 0;
}
