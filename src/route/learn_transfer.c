/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a prediction is worth for a kind of work that was never seen. Whole tags are held back, in
 * several divisions; how far a text moved a model's prediction from the average (the "move") is
 * laid against how the model then did. Only what sets a model off from the others counts, where
 * there are others: a text that is hard for all of them says nothing about whom to ask. The slope
 * of the one on the other, less its standard error, is what is left of a stranger's move: nothing
 * where the tags do not agree, or are too few to tell. Rows of one tag do well and badly together,
 * so a tag is one observation, whatever its rows; the kinds of work to come are as few.
 */
#include "base/memory.h"
#include "route/learn_internal.h"

#include <math.h>

/* Fewer are too few draws: of a handful of kinds of work, which of two models does better on the
 * next one came out as often one way as the other, whatever the slope among them was. */
#define TAGS_MIN 12u
#define ERRORS_OFF 1.0

/* Sums over the heads of models that know a row. */
struct row_sums {
    float move;
    float target;
    uint32_t count;
};

struct transfer_fit {
    const struct tagged_rows *tagged;
    const struct candidate *candidate;
    const struct row_sums *sums; /* by row */
};

/* A point of the fit. */
struct point {
    double move;
    double target;
};

bool transfer_is_learned(uint32_t tags)
{
    return tags >= TAGS_MIN;
}

static bool has_moves(const struct candidate *candidate)
{
    return candidate->moves != NULL && candidate->kind == HEAD_MODEL;
}

static void add_sums(const struct tagged_rows *tagged, const struct candidate *candidate,
                     struct row_sums *sums)
{
    for (size_t i = 0; i < tagged->count; i++) {
        uint32_t row = tagged->rows[i].row;
        float target;
        if (learning_target(tagged->learning, candidate, row, &target)) {
            sums[row].move += candidate->moves[row];
            sums[row].target += target;
            sums[row].count++;
        }
    }
}

/* False: the head does not know the row. */
static bool point_of(const struct transfer_fit *fit, uint32_t row, struct point *ret_point)
{
    float target;
    if (!learning_target(fit->tagged->learning, fit->candidate, row, &target)) {
        return false;
    }
    const struct row_sums *sums = &fit->sums[row];
    double move = (double)fit->candidate->moves[row];
    *ret_point = (struct point){move, (double)target};
    if (fit->candidate->kind == HEAD_MODEL && sums->count > 1) {
        double others = sums->count - 1.0;
        ret_point->move -= ((double)sums->move - move) / others;
        ret_point->target -= ((double)sums->target - (double)target) / others;
    }
    return true;
}

static struct point mean_point(const struct transfer_fit *fit)
{
    struct point sum = {0, 0};
    double count = 0;
    for (size_t i = 0; i < fit->tagged->count; i++) {
        struct point point;
        if (point_of(fit, fit->tagged->rows[i].row, &point)) {
            sum.move += point.move;
            sum.target += point.target;
            count++;
        }
    }
    return (struct point){sum.move / fmax(1, count), sum.target / fmax(1, count)};
}

static float slope_of(const struct transfer_fit *fit)
{
    const struct keyed_row *rows = fit->tagged->rows;
    const struct point mean = mean_point(fit);
    double spread = 0; /* of moves */
    double together = 0;
    double squares = 0;
    double here = 0; /* of one tag */
    for (size_t i = 0; i < fit->tagged->count; i++) {
        struct point point;
        if (i > 0 && rows[i].key != rows[i - 1].key) {
            squares += here * here;
            here = 0;
        }
        if (point_of(fit, rows[i].row, &point)) {
            double move = point.move - mean.move;
            spread += move * move;
            together += move * (point.target - mean.target);
            here += move * (point.target - mean.target);
        }
    }
    squares += here * here;
    double lower = together - ERRORS_OFF * sqrt(squares);
    return spread > 0 ? (float)fmax(0, fmin(1, lower / spread)) : 0;
}

bool transfer_learn(const struct tagged_rows *tagged, const struct candidate *candidates,
                    uint32_t head_count, float *ret_transfer)
{
    struct row_sums *sums = memory_array(tagged->learning->set->count + 1, sizeof(*sums));
    if (sums == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < head_count; i++) {
        if (has_moves(&candidates[i])) {
            add_sums(tagged, &candidates[i], sums);
        }
    }
    for (uint32_t i = 0; i < head_count; i++) {
        const struct transfer_fit fit = {tagged, &candidates[i], sums};
        ret_transfer[i] = candidates[i].moves != NULL ? slope_of(&fit)
                          : candidates[i].tags == 0   ? 1
                                                      : 0;
    }
    memory_free(sums);
    return true;
}
