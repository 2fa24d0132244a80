/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From labelled outcomes to weights. What is judged on rows held back (offsets of tags, the sample
 * for thresholds) is scored by models that did not see them. The same rows, in any order of heads,
 * give the same bytes. Seconds for 10,000 rows; memory about 4 KB a row. Any thread, one at a time
 * per set.
 */
#ifndef SLUICE_ROUTE_LEARN_H
#define SLUICE_ROUTE_LEARN_H

#include "route/weights.h"

#define LEARN_ROWS_MAX 1000000u
#define LEARN_MODELS_MAX 32u
#define LEARN_LABELS_MIN 20u /* fewer are no evidence: the model or task gets no head */

/* How one model did on one prompt. */
struct learn_outcome {
    uint32_t model;
    float score;         /* 0..1; negative: not known */
    struct slice answer; /* what it said; or empty */
};

struct learn_row {
    uint64_t id;     /* a hash: the order of ties, and which fold it is in */
    uint64_t tag;    /* a hash; 0: none */
    int task;        /* enum task; -1: not known */
    struct slice prompt;
    const struct learn_outcome *outcomes;
    size_t outcome_count;
};

struct learn_set {
    const struct learn_row *rows;
    size_t count;
    const struct slice *models; /* names */
    size_t model_count;
};

/* Rows with use[i] == 0 are left out; NULL: none are. False: "too_few_rows", "too_many_models",
 * "no_memory". */
MUST_USE bool learn_weights(const struct learn_set *set, const uint8_t *use,
                            struct weights *ret_weights, struct error *error);

/* The fold of a row, of `count`: by its id, or by its tag. */
unsigned learn_fold(uint64_t hash, unsigned count);

#endif
