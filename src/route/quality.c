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

/* Those that are read from every share there is. */
struct shares {
    double apgr;
    double cpt50;
    double cpt80;
};

static void measure_shares(const struct quality_row *rows, const uint32_t *times, size_t count,
                           struct shares *shares)
{
    double gap = 0;
    double won = 0;
    double sum = 0;
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
        gap += times[i] * (rows[i].strong - rows[i].weak);
    }
    *shares = (struct shares){(double)NAN, (double)NAN, (double)NAN};
    if (gap <= GAP_MIN) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double next = won + times[i] * (rows[i].strong - rows[i].weak);
        sum += times[i] * (won + next) / 2;
        won = next;
        place += times[i];
        double share = (double)place / (double)count;
        if (isnan(shares->cpt50) && won >= 0.5 * gap) {
            shares->cpt50 = share;
        }
        if (isnan(shares->cpt80) && won >= 0.8 * gap) {
            shares->cpt80 = share;
        }
    }
    shares->apgr = sum / (gap * (double)count);
}

/* --- intervals --- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

bool quality_interval(size_t count, quality_figure figure, const void *context,
                      struct interval *ret_interval, struct error *error)
{
    uint32_t *times = memory_array(count + 1, sizeof(*times));
    double *values = memory_array(QUALITY_RESAMPLES, sizeof(*values));
    struct random random;
    size_t kept = 0;
    bool done = times != NULL && values != NULL;
    random_seed(&random, count);
    for (size_t i = 0; done && i < QUALITY_RESAMPLES; i++) {
        memset(times, 0, count * sizeof(*times));
        for (size_t drawn = 0; drawn < count; drawn++) {
            times[random_below(&random, count)]++;
        }
        double value = figure(times, count, context);
        if (!isnan(value)) {
            values[kept++] = value;
        }
    }
    *ret_interval = (struct interval){(double)NAN, (double)NAN};
    if (done && kept > 0) {
        qsort(values, kept, sizeof(*values), compare_doubles);
        ret_interval->low = values[kept * LOW_PLACE / QUALITY_RESAMPLES];
        ret_interval->high = values[kept * HIGH_PLACE / QUALITY_RESAMPLES];
    }
    memory_free(times);
    memory_free(values);
    return done || error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
}

static double figure_of_apgr(const uint32_t *times, size_t count, const void *context)
{
    double won[QUALITY_POINTS];
    measure_curve(context, count, times, won);
    return apgr_of(won);
}

static double figure_of_apgr_all(const uint32_t *times, size_t count, const void *context)
{
    struct shares shares;
    measure_shares(context, times, count, &shares);
    return shares.apgr;
}

static double figure_of_cpt50(const uint32_t *times, size_t count, const void *context)
{
    struct shares shares;
    measure_shares(context, times, count, &shares);
    return shares.cpt50;
}

static double figure_of_cpt80(const uint32_t *times, size_t count, const void *context)
{
    struct shares shares;
    measure_shares(context, times, count, &shares);
    return shares.cpt80;
}

#define FIGURE_OF_MEAN(name, of_row)                                                               \
    static double name(const uint32_t *times, size_t count, const void *context)                   \
    {                                                                                              \
        const struct quality_row *rows = context;                                                  \
        double sum = 0;                                                                            \
        for (size_t i = 0; i < count; i++) {                                                       \
            sum += times[i] * (of_row);                                                            \
        }                                                                                          \
        return sum / (double)count;                                                                \
    }
FIGURE_OF_MEAN(figure_of_weak, rows[i].weak)
FIGURE_OF_MEAN(figure_of_strong, rows[i].strong)
FIGURE_OF_MEAN(figure_of_oracle, fmax(rows[i].weak, rows[i].strong))
FIGURE_OF_MEAN(figure_of_chosen, rows[i].takes_strong ? rows[i].strong : rows[i].weak)
FIGURE_OF_MEAN(figure_of_share, rows[i].takes_strong)

/* Each figure, and where it and its interval stand. */
static const struct {
    quality_figure figure;
    size_t value;
    size_t interval;
} figures[] = {
    {figure_of_weak, offsetof(struct quality, weak), offsetof(struct quality, weak_interval)},
    {figure_of_strong, offsetof(struct quality, strong), offsetof(struct quality, strong_interval)},
    {figure_of_oracle, offsetof(struct quality, oracle), offsetof(struct quality, oracle_interval)},
    {figure_of_chosen, offsetof(struct quality, chosen), offsetof(struct quality, chosen_interval)},
    {figure_of_share, offsetof(struct quality, chosen_share),
     offsetof(struct quality, chosen_share_interval)},
    {figure_of_apgr, offsetof(struct quality, apgr), offsetof(struct quality, apgr_interval)},
    {figure_of_apgr_all, offsetof(struct quality, apgr_all),
     offsetof(struct quality, apgr_all_interval)},
    {figure_of_cpt50, offsetof(struct quality, cpt50), offsetof(struct quality, cpt50_interval)},
    {figure_of_cpt80, offsetof(struct quality, cpt80), offsetof(struct quality, cpt80_interval)},
};

static bool measure_figures(const struct quality_row *rows, size_t count, struct quality *quality,
                            struct error *error)
{
    uint32_t *once = memory_array(count + 1, sizeof(*once));
    if (once == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        once[i] = 1;
    }
    bool done = true;
    for (size_t i = 0; i < ARRAY_LEN(figures) && done; i++) {
        double value = figures[i].figure(once, count, rows);
        struct interval interval;
        done = quality_interval(count, figures[i].figure, rows, &interval, error);
        memcpy((char *)quality + figures[i].value, &value, sizeof(value));
        memcpy((char *)quality + figures[i].interval, &interval, sizeof(interval));
    }
    memory_free(once);
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
    if (!measure_figures(rows, count, ret_quality, error)) {
        return false;
    }
    measure_curve(rows, count, NULL, won);
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        ret_quality->curve[i] = ret_quality->weak + won[i] / (double)count;
    }
    return true;
}

/* --- one against another --- */

struct comparison {
    const struct quality_row *rows;
    const struct quality_row *others;
    const uint32_t *places; /* of rows[i] among the others */
    uint32_t *times;        /* of the others */
};

static double figure_of_more(const uint32_t *times, size_t count, const void *context)
{
    const struct comparison *comparison = context;
    for (size_t i = 0; i < count; i++) {
        comparison->times[comparison->places[i]] = times[i];
    }
    return figure_of_apgr(times, count, comparison->rows) -
           figure_of_apgr(comparison->times, count, comparison->others);
}

struct placed {
    uint64_t id;
    uint32_t place;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a;
    const struct placed *y = b;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id)
                          : (x->place > y->place) - (x->place < y->place);
}

static void sort_by_id(const struct quality_row *rows, size_t count, struct placed *placed)
{
    for (size_t i = 0; i < count; i++) {
        placed[i] = (struct placed){rows[i].id, (uint32_t)i};
    }
    qsort(placed, count, sizeof(*placed), compare_placed);
}

bool quality_compare(const struct quality_row *rows, const struct quality_row *others, size_t count,
                     double *ret_more, struct interval *ret_interval, struct error *error)
{
    struct placed *placed = memory_array(2 * count + 1, sizeof(*placed));
    uint32_t *places = memory_array(count + 1, sizeof(*places));
    uint32_t *times = memory_array(count + 1, sizeof(*times));
    struct comparison comparison = {rows, others, places, times};
    bool done = placed != NULL && places != NULL && times != NULL;
    if (!done) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        goto out;
    }
    sort_by_id(rows, count, placed);
    sort_by_id(others, count, placed + count);
    for (size_t i = 0; i < count; i++) {
        places[placed[i].place] = placed[count + i].place;
    }
    double won[QUALITY_POINTS];
    measure_curve(rows, count, NULL, won);
    *ret_more = apgr_of(won);
    measure_curve(others, count, NULL, won);
    *ret_more -= apgr_of(won);
    done = quality_interval(count, figure_of_more, &comparison, ret_interval, error);
out:
    memory_free(placed);
    memory_free(places);
    memory_free(times);
    return done;
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
