/* SPDX-License-Identifier: Apache-2.0 */
#include "route/quality.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

#define GAP_MIN 1e-9
#define LOW_PLACE 25u /* of 1,000 resamples */
#define HIGH_PLACE 974u

static int compare_rows(const void *a, const void *b)
{
    const struct quality_row *x = a;
    const struct quality_row *y = b;
    if (x->score < y->score || x->score > y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

/* What is won over always-weak when the first `share` of the rows goes to the strong model; a row
 * stands `times[i]` times (NULL: once). */
static void measure_curve(const struct quality_row *rows, size_t count, const uint32_t *times,
                          double won[QUALITY_POINTS])
{
    double sum = 0;
    size_t place = 0;
    size_t point = 0;
    for (size_t i = 0; i <= count; i++) {
        while (point < QUALITY_POINTS &&
               place >= (count * point + (QUALITY_POINTS - 1) / 2) / (QUALITY_POINTS - 1)) {
            won[point++] = sum;
        }
        if (i < count) {
            uint32_t here = times == NULL ? 1 : times[i];
            sum += here * (rows[i].strong - rows[i].weak);
            place += here;
        }
    }
    while (point < QUALITY_POINTS) {
        won[point++] = sum;
    }
}

static double apgr_of(const double won[QUALITY_POINTS])
{
    double gap = won[QUALITY_POINTS - 1];
    double sum = 0;
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        bool end = i == 0 || i == QUALITY_POINTS - 1;
        sum += end ? won[i] / 2 : won[i];
    }
    return gap > GAP_MIN ? sum / (gap * (QUALITY_POINTS - 1)) : (double)NAN;
}

/* Over every share; CPT on the way. */
static void measure_all(const struct quality_row *rows, size_t count, struct quality *quality)
{
    double gap = ((quality->strong - quality->weak) * (double)count);
    double won = 0;
    double sum = 0;
    quality->cpt50 = quality->cpt80 = quality->apgr_all = (double)NAN;
    if (gap <= GAP_MIN) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double next = won + rows[i].strong - rows[i].weak;
        sum += (won + next) / 2;
        won = next;
        double share = (double)(i + 1) / (double)count;
        if (isnan(quality->cpt50) && won >= 0.5 * gap) {
            quality->cpt50 = share;
        }
        if (isnan(quality->cpt80) && won >= 0.8 * gap) {
            quality->cpt80 = share;
        }
    }
    quality->apgr_all = sum / (gap * (double)count);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The interval: rows are drawn again with what both models did on them. */
static bool measure_interval(const struct quality_row *rows, size_t count, struct quality *quality)
{
    uint32_t *times = memory_array(count + 1, sizeof(*times));
    double *values = memory_array(QUALITY_RESAMPLES, sizeof(*values));
    struct random random;
    size_t kept = 0;
    random_seed(&random, count);
    for (size_t i = 0; times != NULL && values != NULL && i < QUALITY_RESAMPLES; i++) {
        double won[QUALITY_POINTS];
        memset(times, 0, count * sizeof(*times));
        for (size_t drawn = 0; drawn < count; drawn++) {
            times[random_below(&random, count)]++;
        }
        measure_curve(rows, count, times, won);
        double value = apgr_of(won);
        if (!isnan(value)) {
            values[kept++] = value;
        }
    }
    bool done = times != NULL && values != NULL;
    quality->low = quality->high = (double)NAN;
    if (done && kept > 0) {
        qsort(values, kept, sizeof(*values), compare_doubles);
        quality->low = values[kept * LOW_PLACE / QUALITY_RESAMPLES];
        quality->high = values[kept * HIGH_PLACE / QUALITY_RESAMPLES];
    }
    memory_free(times);
    memory_free(values);
    return done;
}

bool quality_measure(struct quality_row *rows, size_t count, struct quality *ret_quality,
                     struct error *error)
{
    double won[QUALITY_POINTS];
    *ret_quality = (struct quality){.rows = count, .apgr = (double)NAN, .apgr_all = (double)NAN};
    if (count == 0) {
        return true;
    }
    qsort(rows, count, sizeof(*rows), compare_rows);
    for (size_t i = 0; i < count; i++) {
        ret_quality->weak += rows[i].weak / (double)count;
        ret_quality->strong += rows[i].strong / (double)count;
        ret_quality->oracle += fmax(rows[i].weak, rows[i].strong) / (double)count;
    }
    measure_curve(rows, count, NULL, won);
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        ret_quality->curve[i] = ret_quality->weak + won[i] / (double)count;
    }
    ret_quality->apgr = apgr_of(won);
    measure_all(rows, count, ret_quality);
    return measure_interval(rows, count, ret_quality) ||
           error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
}

double quality_macro_f1(const struct task_counts *counts, size_t count)
{
    double sum = 0;
    size_t tasks = 0;
    for (size_t i = 0; i < count; i++) {
        const struct task_counts *c = &counts[i];
        if (c->right + c->missed > 0) {
            sum += 2.0 * c->right / (2.0 * c->right + c->missed + c->claimed);
            tasks++;
        }
    }
    return tasks == 0 ? 0 : sum / (double)tasks;
}
