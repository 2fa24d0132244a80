/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logistic regression over text vectors: minimises |w|^2 / 2 + C x the sum of log losses by dual
 * coordinate descent, one row at a time, in an order that a seed decides. The same rows and seed
 * give the same weights. Owner: the caller; one thread each.
 *
 * Yu, Huang, Lin, "Dual coordinate descent methods for logistic regression and maximum entropy
 * models", Machine Learning 85, 2011.
 */
#ifndef SLUICE_ROUTE_LINEAR_H
#define SLUICE_ROUTE_LINEAR_H

#include "base/error.h"
#include "route/vector.h"

/* Columns that are not buckets: the shape, and what else a row has (see linear_rows.extra). */
#define LINEAR_EXTRA_MAX 16u
#define LINEAR_DENSE_MAX (VECTOR_SHAPES + LINEAR_EXTRA_MAX + 1)

struct linear_rows {
    size_t count;
    uint64_t *starts;  /* count + 1: where a row's buckets begin */
    uint16_t *buckets; /* of all rows */
    float *dense;      /* count x width, standardised */
    size_t width;      /* at most LINEAR_DENSE_MAX */
};

/* What is to be learned of a row: how much of a success it was. */
struct linear_label {
    uint32_t row;
    float target; /* 0..1 */
};

struct linear_options {
    double c;
    unsigned passes;
    uint64_t seed;
};

struct linear_weights {
    float bias;
    float dense[LINEAR_DENSE_MAX];
    float buckets[VECTOR_BUCKETS];
};

/* False: out of memory. No labels: all weights are 0. */
MUST_USE bool linear_train(const struct linear_rows *rows, const struct linear_label *labels,
                           size_t label_count, const struct linear_options *options,
                           struct linear_weights *ret_weights);
/* Log odds of success. */
double linear_score(const struct linear_rows *rows, size_t row,
                    const struct linear_weights *weights);

#endif
