/* SPDX-License-Identifier: Apache-2.0 */
#include "route/linear.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

#define NEWTON_STEPS 20
#define CLOSE_ENOUGH 1e-6
#define SMALL_C 1e-9

/* One side of one label: a success, or a failure, that counts `c`. */
struct example {
    uint32_t row;
    float sign;
    double c;
    double alpha;
};

static double row_scale(const struct linear_rows *rows, size_t row)
{
    uint64_t count = rows->starts[row + 1] - rows->starts[row];
    return count == 0 ? 0 : 1 / sqrt((double)count);
}

double linear_score(const struct linear_rows *rows, size_t row,
                    const struct linear_weights *weights)
{
    const float *dense = rows->dense + row * rows->width;
    double sum = (double)weights->bias;
    float words = 0;
    for (uint64_t i = rows->starts[row]; i < rows->starts[row + 1]; i++) {
        words += weights->buckets[rows->buckets[i]];
    }
    for (size_t i = 0; i < rows->width; i++) {
        sum += (double)dense[i] * (double)weights->dense[i];
    }
    return sum + (double)words * row_scale(rows, row);
}

static void add_row(const struct linear_rows *rows, size_t row, double amount,
                    struct linear_weights *weights)
{
    const float *dense = rows->dense + row * rows->width;
    float share = (float)(amount * row_scale(rows, row));
    weights->bias += (float)amount;
    for (uint64_t i = rows->starts[row]; i < rows->starts[row + 1]; i++) {
        weights->buckets[rows->buckets[i]] += share;
    }
    for (size_t i = 0; i < rows->width; i++) {
        weights->dense[i] += (float)amount * dense[i];
    }
}

static double row_square(const struct linear_rows *rows, size_t row)
{
    const float *dense = rows->dense + row * rows->width;
    double sum = rows->starts[row + 1] > rows->starts[row] ? 2 : 1; /* buckets and the bias */
    for (size_t i = 0; i < rows->width; i++) {
        sum += (double)dense[i] * (double)dense[i];
    }
    return sum;
}

/*
 * The example's best alpha while all others stay: the root of
 *     square x (c s(t) - alpha) + margin + t,   s the logistic function, alpha' = c s(t),
 * which grows with t, so that Newton's method with a halving guard finds it.
 */
static double best_alpha(double square, double margin, double c, double alpha)
{
    double t = log(alpha / (c - alpha));
    for (unsigned i = 0; i < NEWTON_STEPS; i++) {
        double s = 1 / (1 + exp(-t));
        double value = square * (c * s - alpha) + margin + t;
        double step = value / (square * c * s * (1 - s) + 1);
        t -= fmax(-8, fmin(8, step));
        if (fabs(step) < CLOSE_ENOUGH) {
            break;
        }
    }
    return c / (1 + exp(-fmax(-30, fmin(30, t))));
}

static void improve(const struct linear_rows *rows, struct example *example,
                    struct linear_weights *weights)
{
    double margin = (double)example->sign * linear_score(rows, example->row, weights);
    double alpha = best_alpha(row_square(rows, example->row), margin, example->c, example->alpha);
    double change = alpha - example->alpha;
    if (fabs(change) > CLOSE_ENOUGH * example->c) {
        add_row(rows, example->row, (double)example->sign * change, weights);
        example->alpha = alpha;
    }
}

static size_t make_examples(const struct linear_label *labels, size_t count, double c,
                            struct example *examples)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const double parts[2] = {c * (double)labels[i].target, c * (1 - (double)labels[i].target)};
        for (unsigned side = 0; side < 2; side++) {
            if (parts[side] > SMALL_C) {
                examples[made++] = (struct example){.row = labels[i].row,
                                                    .sign = side == 0 ? 1 : -1,
                                                    .c = parts[side],
                                                    .alpha = parts[side] / 1000};
            }
        }
    }
    return made;
}

static void shuffle(struct example *examples, size_t count, struct random *random)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(random, i);
        struct example example = examples[i - 1];
        examples[i - 1] = examples[other];
        examples[other] = example;
    }
}

bool linear_train(const struct linear_rows *rows, const struct linear_label *labels,
                  size_t label_count, const struct linear_options *options,
                  struct linear_weights *ret_weights)
{
    struct random random;
    memset(ret_weights, 0, sizeof(*ret_weights));
    if (label_count == 0) {
        return true;
    }
    struct example *examples = memory_array(label_count, 2 * sizeof(*examples));
    if (examples == NULL) {
        return false;
    }
    size_t count = make_examples(labels, label_count, options->c, examples);
    for (size_t i = 0; i < count; i++) {
        add_row(rows, examples[i].row, (double)examples[i].sign * examples[i].alpha, ret_weights);
    }
    random_seed(&random, options->seed);
    for (unsigned pass = 0; pass < options->passes; pass++) {
        shuffle(examples, count, &random);
        for (size_t i = 0; i < count; i++) {
            improve(rows, &examples[i], ret_weights);
        }
    }
    memory_free(examples);
    return true;
}
