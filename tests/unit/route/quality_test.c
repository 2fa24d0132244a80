/* SPDX-License-Identifier: Apache-2.0 */
#include "route/quality.h"

#include "base/check.h"
#include "base/random.h"

#include "tests/tap.h"

#include <math.h>

#define ROWS 1000

static struct quality_row rows[ROWS];

/* The weak model fails on a third; `knows`: how much of that the score says. */
static void fill(double knows)
{
    struct random random;
    random_seed(&random, 5);
    for (size_t i = 0; i < ROWS; i++) {
        bool fails = i % 3 == 0;
        double noise = random_unit(&random);
        rows[i] = (struct quality_row){.score = knows * fails + (1 - knows) * noise,
                                       .weak = fails ? 0 : 1,
                                       .strong = 1,
                                       .id = random_next(&random)};
    }
}

static void measure(struct quality *quality)
{
    struct error error;
    EXPECT(quality_measure(rows, ROWS, quality, &error));
}

static void knows_all(void)
{
    struct quality q;
    fill(1);
    measure(&q);
    /* the gap is won after a third of the calls: 0, .3, .6, .9, then 1 */
    EXPECT(fabs(q.apgr - (0.3 + 0.6 + 0.9 + 6 + 0.5) / 10) < 0.01);
    EXPECT(fabs(q.cpt50 - 0.167) < 0.005 && fabs(q.cpt80 - 0.267) < 0.005);
    EXPECT(q.apgr_interval.low <= q.apgr && q.apgr <= q.apgr_interval.high &&
           q.apgr_interval.high - q.apgr_interval.low < 0.05);
    EXPECT(fabs(q.oracle - 1) < 1e-9 && fabs(q.weak - 0.666) < 1e-9);
    EXPECT(fabs(q.curve[10] - q.strong) < 1e-9 && fabs(q.curve[0] - q.weak) < 1e-9);
}

static void knows_nothing(void)
{
    struct quality q;
    fill(0);
    measure(&q);
    EXPECT(fabs(q.apgr - 0.5) < 0.04 && fabs(q.apgr_all - 0.5) < 0.04);
    EXPECT(q.apgr_interval.low < 0.5 && q.apgr_interval.high > 0.5);
}

static void ties_go_by_id(void)
{
    struct quality first, second;
    fill(1);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].score = 0;
    }
    measure(&first);
    for (size_t i = 0; i < ROWS / 2; i++) { /* another order */
        struct quality_row row = rows[i];
        rows[i] = rows[ROWS - 1 - i];
        rows[ROWS - 1 - i] = row;
    }
    measure(&second);
    EXPECT(first.apgr == second.apgr && fabs(first.apgr - 0.5) < 0.05);
}

static void no_gap(void)
{
    struct quality q;
    struct error error;
    fill(1);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].strong = rows[i].weak;
    }
    measure(&q);
    EXPECT(isnan(q.apgr) && isnan(q.apgr_interval.low) && isnan(q.cpt50));
    EXPECT(quality_measure(rows, 0, &q, &error) && q.rows == 0 && isnan(q.apgr));
    EXPECT(quality_measure(rows, 1, &q, &error) && q.rows == 1);
}

static bool holds(double value, struct interval interval, double widest)
{
    return interval.low <= value && value <= interval.high &&
           interval.high - interval.low <= widest && interval.high > interval.low;
}

static void has_an_interval_of_each_figure(void)
{
    struct quality q;
    fill(0.5);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].takes_strong = i % 2 == 0;
    }
    measure(&q);
    /* two standard errors of a share of 1,000 rows are .03 on either side */
    EXPECT(fabs(q.chosen_share - 0.5) < 1e-9 && holds(0.5, q.chosen_share_interval, 0.07));
    EXPECT(fabs(q.chosen - 0.833) < 1e-9 && holds(q.chosen, q.chosen_interval, 0.06));
    EXPECT(holds(q.weak, q.weak_interval, 0.07) && q.strong_interval.low == 1);
    EXPECT(holds(q.apgr_all, q.apgr_all_interval, 0.1));
    EXPECT(holds(q.cpt50, q.cpt50_interval, 0.1) && holds(q.cpt80, q.cpt80_interval, 0.1));
}

/* Paired: two scores that are alike differ by less than each is unsure of. */
static void compares_scores_of_the_same_rows(void)
{
    static struct quality_row others[ROWS];
    struct quality first;
    struct quality second;
    struct interval interval;
    struct error error;
    double more;
    fill(0.1);
    measure(&first);
    memcpy(others, rows, sizeof(rows));
    EXPECT(quality_compare(rows, others, ROWS, &more, &interval, &error));
    EXPECT(more == 0 && interval.low == 0 && interval.high == 0);
    fill(0.3);
    measure(&second);
    EXPECT(quality_compare(rows, others, ROWS, &more, &interval, &error));
    EXPECT(fabs(more - (second.apgr - first.apgr)) < 1e-9 && holds(more, interval, 0.1));
    EXPECT(interval.low > 0);
    EXPECT(interval.high - interval.low < first.apgr_interval.high - first.apgr_interval.low);
}

static void mean_f1(void)
{
    const struct task_counts counts[] = {{8, 2, 2}, {0, 0, 3}, {1, 1, 0}};
    EXPECT(fabs(quality_macro_f1(counts, ARRAY_LEN(counts)) - (0.8 + 2.0 / 3) / 2) < 1e-9);
    EXPECT(quality_macro_f1(counts, 0) == 0);
}

int main(void)
{
    TEST(knows_all, "a score that knows all wins the gap as early as can be");
    TEST(knows_nothing, "a score that knows nothing is worth 0.5, inside its interval");
    TEST(ties_go_by_id, "the order of the rows does not matter, ties neither");
    TEST(no_gap, "without a gap there is no figure");
    TEST(has_an_interval_of_each_figure, "each figure has its interval");
    TEST(compares_scores_of_the_same_rows, "scores of the same rows are compared in pairs");
    TEST(mean_f1, "the mean F1 counts the tasks that occur");
    return tap_done();
}
