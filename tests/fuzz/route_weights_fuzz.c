/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of weights that is read can be asked: every answer is a probability, whatever the file
 * says. The checksum is made right first, or nothing would come past it.
 */
#include "base/hash.h"
#include "route/weights.h"

#define SUM_AT ((size_t)32)
#define HEADER ((size_t)40)

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weights weights;
    struct buf copy = BUF_INIT(WEIGHTS_BYTES_MAX);
    buf_append(&copy, slice_of((const char *)bytes, len));
    if (copy.len >= HEADER) {
        uint32_t sum = crc32c(0, copy.ptr + HEADER, copy.len - HEADER);
        memcpy(copy.ptr + SUM_AT, &sum, sizeof(sum));
    }
    if (weights_read(buf_slice(&copy), &weights, NULL)) {
        ask(&weights);
        weights_release(&weights);
    }
    buf_release(&copy);
    return 0;
}
