/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as labelled outcomes: what is read can be learned from, an error has a code. Scores are
 * shares, or not known of an answer that was read; models are named once, what is said of a row is
 * inside the set.
 */
#include "base/check.h"
#include "cli/outcomes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_row(const struct learn_set *set, const struct learn_row *row)
{
    CHECK(row->prompt.len > 0 && row->task < TASK_COUNT);
    CHECK(row->outcome_count <= LEARN_MODELS_MAX);
    for (size_t i = 0; i < row->outcome_count; i++) {
        CHECK(row->outcomes[i].model < set->model_count);
        float score = row->outcomes[i].score;
        CHECK(score == -1 || (score >= 0 && score <= 1));
    }
}

static void check_all(const struct outcomes *outcomes)
{
    const struct learn_set *set = &outcomes->set;
    for (size_t i = 0; i < set->count; i++) {
        check_row(set, &set->rows[i]);
    }
    CHECK(set->model_count <= LEARN_MODELS_MAX);
    for (size_t i = 0; i < set->model_count; i++) {
        CHECK(outcomes_model(outcomes, set->models[i]) == i);
    }
    CHECK(outcomes->tagged <= set->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct outcomes outcomes;
    struct error error = {.code = NULL};
    outcomes_init(&outcomes);
    bool read =
        outcomes_read_text(&outcomes, slice_of((const char *)bytes, len), "data", NULL, &error);
    outcomes_finish(&outcomes);
    CHECK(read || error.code != NULL);
    if (read) {
        check_all(&outcomes);
    }
    outcomes_release(&outcomes);
    return 0;
}
