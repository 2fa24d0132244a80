/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of different kinds learn apart. One model's outcomes on exam questions and on sums have
 * little in common, and one head over both is worse at each than two. Rows of one file that carry
 * tags, and those that carry none, are parts; a model's outcomes in two of them are learned apart
 * where their words alone say which of them a text is of, so that whoever asks later can tell by
 * the text, too. Rows that were split into files by date or size look alike and stay together.
 */
#include "base/memory.h"
#include "route/learn_internal.h"

#include <math.h>

#define GROUP_ROWS_MIN 200u
#define COMPARED_MAX 400u /* rows of each group */
#define UNSEEN 0.1        /* texts: what a word counts for that none has */
#define TOLD_APART 0.95

struct grouping {
    struct learning *learning;
    uint32_t *texts; /* that have a bucket, by group, then by bucket */
    uint32_t *rows[LEARN_PARTS_MAX];
    uint32_t counts[LEARN_PARTS_MAX];
};

static unsigned group_of(const struct learn_row *row)
{
    uint32_t source = row->source < LEARN_PARTS_MAX / 2 ? row->source : LEARN_PARTS_MAX / 2 - 1;
    return 2 * source + (row->tag != 0);
}

/* How likely the row's words are in the group, in logarithms; `own`: without itself. */
static double likelihood(const struct grouping *grouping, uint32_t row, unsigned group, bool own)
{
    const struct linear_rows *rows = &grouping->learning->rows;
    const uint32_t *texts = grouping->texts + (size_t)group * VECTOR_BUCKETS;
    double all = (double)grouping->counts[group] + 1;
    double sum = 0;
    for (uint64_t i = rows->starts[row]; i < rows->starts[row + 1]; i++) {
        sum += log((texts[rows->buckets[i]] - own + UNSEEN) / all);
    }
    return sum;
}

static void count_texts(struct grouping *grouping, unsigned group, uint32_t row)
{
    const struct linear_rows *rows = &grouping->learning->rows;
    uint32_t *texts = grouping->texts + (size_t)group * VECTOR_BUCKETS;
    for (uint64_t i = rows->starts[row]; i < rows->starts[row + 1]; i++) {
        texts[rows->buckets[i]]++;
    }
}

static void fill_groups(struct grouping *grouping)
{
    const struct learn_set *set = grouping->learning->set;
    const uint8_t *use = grouping->learning->use;
    for (uint32_t i = 0; i < set->count; i++) {
        unsigned group = group_of(&set->rows[i]);
        if ((use == NULL || use[i] != 0) && set->rows[i].outcome_count > 0) {
            grouping->rows[group][grouping->counts[group]++] = i;
            count_texts(grouping, group, i);
        }
    }
}

/* The share of rows of `own` that look more like their own group than like the other. */
static double share_at_home(const struct grouping *grouping, unsigned own, unsigned other)
{
    uint32_t count = grouping->counts[own];
    uint32_t step = count / COMPARED_MAX + 1;
    uint32_t compared = 0;
    uint32_t at_home = 0;
    for (uint32_t i = 0; i < count; i += step) {
        uint32_t row = grouping->rows[own][i];
        at_home += likelihood(grouping, row, own, true) > likelihood(grouping, row, other, false);
        compared++;
    }
    return compared == 0 ? 0 : (double)at_home / compared;
}

static bool are_apart(const struct grouping *grouping, unsigned a, unsigned b)
{
    return grouping->counts[a] >= GROUP_ROWS_MIN && grouping->counts[b] >= GROUP_ROWS_MIN &&
           share_at_home(grouping, a, b) >= TOLD_APART &&
           share_at_home(grouping, b, a) >= TOLD_APART;
}

static void compare_groups(const struct grouping *grouping, uint32_t alike[LEARN_PARTS_MAX])
{
    for (unsigned a = 0; a < LEARN_PARTS_MAX; a++) {
        alike[a] = UINT32_C(1) << a;
        for (unsigned b = 0; b < a; b++) {
            if (grouping->counts[a] > 0 && grouping->counts[b] > 0 && !are_apart(grouping, a, b)) {
                alike[a] |= UINT32_C(1) << b;
                alike[b] |= UINT32_C(1) << a;
            }
        }
    }
}

uint32_t learning_alike(const struct learning *learning, uint32_t parts, unsigned part)
{
    uint32_t found = UINT32_C(1) << part;
    for (uint32_t before = 0; before != found;) {
        before = found;
        for (unsigned i = 0; i < LEARN_PARTS_MAX; i++) {
            found |= (found >> i & 1u) != 0 ? learning->alike[i] & parts : 0;
        }
    }
    return found;
}

bool learning_parts(struct learning *learning)
{
    const struct learn_set *set = learning->set;
    struct grouping grouping = {.learning = learning};
    bool done = true;
    grouping.texts = memory_array((size_t)LEARN_PARTS_MAX * VECTOR_BUCKETS, sizeof(uint32_t));
    learning->parts = memory_array(set->count + 1, 1);
    for (unsigned i = 0; i < LEARN_PARTS_MAX; i++) {
        grouping.rows[i] = memory_array(set->count + 1, sizeof(uint32_t));
        done = done && grouping.rows[i] != NULL;
    }
    done = done && grouping.texts != NULL && learning->parts != NULL;
    if (done) {
        fill_groups(&grouping);
        compare_groups(&grouping, learning->alike);
        for (size_t i = 0; i < set->count; i++) {
            learning->parts[i] = (uint8_t)group_of(&set->rows[i]);
        }
    }
    for (unsigned i = 0; i < LEARN_PARTS_MAX; i++) {
        memory_free(grouping.rows[i]);
    }
    memory_free(grouping.texts);
    return done;
}
