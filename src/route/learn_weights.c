/* SPDX-License-Identifier: Apache-2.0 */
/* Which heads there are, what tags add to them, and the sample of rows held back. */
#include "base/hash.h"
#include "base/memory.h"
#include "route/learn_internal.h"

#include <math.h>

#define TAG_ROWS_MIN 5u
#define TAG_DOUBT 4.0    /* rows that the head's average counts for */
#define TAG_VARIANCE 1.0 /* of offsets among tags, before any row was seen */
#define NEWTON_STEPS 25u
#define STEP_MAX 1.0               /* a full step may overshoot where all scores are far from 0 */
#define SPREAD 0x9e3779b97f4a7c15u /* the sample does not follow the folds */

struct making {
    struct learning learning;
    struct weights *weights;
    struct candidate candidates[WEIGHTS_HEADS_MAX];
    struct keyed_row *by_tag; /* rows that are used and have a tag, by tag */
    size_t tagged;
    struct keyed_row *sampled; /* rows of the sample, by a hash */
};

/* Whether a model will do well; others say what a text is. */
static bool judges(const struct candidate *candidate)
{
    return candidate->kind == HEAD_MODEL || candidate->kind == HEAD_ANSWER;
}

bool learning_target(const struct learning *learning, const struct candidate *candidate,
                     uint32_t row, float *ret_target)
{
    return learning_outcome(&learning->set->rows[row], candidate->kind, candidate->subject,
                            ret_target);
}

/* --- tags --- */

struct tag_run {
    const struct keyed_row *rows;
    size_t count;
};

/* The offset that makes the tag's rows most likely: log loss of score + offset, with a prior. */
static double best_offset(const struct learning *learning, const struct tag_run *run,
                          const struct candidate *candidate)
{
    double offset = 0;
    for (unsigned step = 0; step < NEWTON_STEPS; step++) {
        double slope = offset / TAG_VARIANCE;
        double curvature = 1 / TAG_VARIANCE;
        for (size_t i = 0; i < run->count; i++) {
            float target;
            if (learning_target(learning, candidate, run->rows[i].row, &target)) {
                double p = 1 / (1 + exp(-(double)learning->scores[run->rows[i].row] - offset));
                slope += p - (double)target;
                curvature += p * (1 - p);
            }
        }
        offset -= fmax(-STEP_MAX, fmin(STEP_MAX, slope / curvature));
    }
    return offset;
}

/* Labelled rows of a tag. */
static uint32_t count_targets(const struct learning *learning, const struct tag_run *run,
                              const struct candidate *candidate, double *ret_sum)
{
    uint32_t count = 0;
    *ret_sum = 0;
    for (size_t i = 0; i < run->count; i++) {
        float target;
        if (learning_target(learning, candidate, run->rows[i].row, &target)) {
            *ret_sum += (double)target;
            count++;
        }
    }
    return count;
}

static void add_tag(struct making *making, uint32_t head, const struct tag_run *run)
{
    const struct learning *learning = &making->learning;
    const struct candidate *candidate = &making->candidates[head];
    struct weights *weights = making->weights;
    double sum;
    uint32_t count = count_targets(learning, run, candidate, &sum);
    if (count < TAG_ROWS_MIN || weights->tag_count == WEIGHTS_TAGS_MAX) {
        return;
    }
    double average = 1 / (1 + exp(-(double)weights->heads[head].average));
    double rate = (sum + TAG_DOUBT * average) / (count + TAG_DOUBT);
    weights->tags[weights->tag_count++] = (struct tag_offset){
        .tag = learning->set->rows[run->rows[0].row].tag,
        .head = head,
        .rows = count,
        .offset = (float)best_offset(learning, run, candidate),
        .average = (float)log(rate / (1 - rate)),
    };
}

/* The next tag's rows; false: there is none. */
static bool next_tag(const struct making *making, struct tag_run *run)
{
    const struct keyed_row *end = making->by_tag + making->tagged;
    run->rows += run->count;
    run->count = 0;
    while (run->rows + run->count < end && run->rows[run->count].key == run->rows[0].key) {
        run->count++;
    }
    return run->count > 0;
}

static void add_tags(struct making *making, uint32_t head)
{
    struct tag_run run = {.rows = making->by_tag};
    while (next_tag(making, &run)) {
        add_tag(making, head, &run);
    }
}

static uint32_t count_tags(const struct making *making, const struct candidate *candidate)
{
    struct tag_run run = {.rows = making->by_tag};
    uint32_t tags = 0;
    double sum;
    while (next_tag(making, &run)) {
        tags += count_targets(&making->learning, &run, candidate, &sum) >= TAG_ROWS_MIN;
    }
    return tags;
}

static int compare_tags(const void *a, const void *b)
{
    const struct tag_offset *x = a;
    const struct tag_offset *y = b;
    if (x->tag != y->tag) {
        return x->tag < y->tag ? -1 : 1;
    }
    return (x->head > y->head) - (x->head < y->head);
}

static int compare_keys(const void *a, const void *b)
{
    const struct keyed_row *x = a;
    const struct keyed_row *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

static bool is_used(const struct making *making, size_t row)
{
    return making->learning.use == NULL || making->learning.use[row] != 0;
}

static bool choose_rows(struct making *making)
{
    const struct learn_set *set = making->learning.set;
    size_t judged = 0;
    making->by_tag = memory_array(set->count + 1, sizeof(struct keyed_row));
    making->sampled = memory_array(set->count + 1, sizeof(struct keyed_row));
    if (making->by_tag == NULL || making->sampled == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct learn_row *row = &set->rows[i];
        if (is_used(making, i) && row->tag != 0) {
            making->by_tag[making->tagged++] = (struct keyed_row){row->tag, (uint32_t)i};
        }
        if (is_used(making, i) && row->outcome_count > 0) {
            making->sampled[judged++] = (struct keyed_row){row->id * SPREAD, (uint32_t)i};
        }
    }
    qsort(making->by_tag, making->tagged, sizeof(struct keyed_row), compare_keys);
    qsort(making->sampled, judged, sizeof(struct keyed_row), compare_keys);
    making->weights->sample_count =
        judged > WEIGHTS_SAMPLE_MAX ? WEIGHTS_SAMPLE_MAX : (uint32_t)judged;
    for (uint32_t i = 0; i < making->weights->sample_count; i++) {
        making->sampled[i].key = set->rows[making->sampled[i].row].tag;
    }
    qsort(making->sampled, making->weights->sample_count, sizeof(struct keyed_row), compare_keys);
    return true;
}

/* --- the sample --- */

static void add_to_sample(struct making *making, uint32_t head)
{
    const struct candidate *candidate = &making->candidates[head];
    struct weights *weights = making->weights;
    for (uint32_t i = 0; i < weights->sample_count; i++) {
        size_t cell = (size_t)i * weights->head_count + head;
        uint32_t row = making->sampled[i].row;
        float target = -1;
        bool known =
            judges(candidate) && learning_target(&making->learning, candidate, row, &target);
        weights->sample_outcomes[cell] = known ? target : -1;
        weights->sample_scores[cell] = known ? making->learning.scores[row] : 0;
        weights->sample_strangers[cell] = known ? making->learning.strangers[row] : 0;
        weights->sample_tags[i] = making->learning.set->rows[row].tag;
    }
}

/* --- heads --- */

static void add_candidate(struct making *making, enum head_kind kind, uint32_t subject)
{
    double sum = 0;
    learning_label(&making->learning, kind, subject);
    for (size_t i = 0; i < making->learning.label_count; i++) {
        sum += (double)making->learning.labels[i].target;
    }
    bool enough = kind == HEAD_TASK ? sum >= LEARN_LABELS_MIN
                                    : making->learning.label_count >= LEARN_LABELS_MIN;
    if (enough && making->weights->head_count < WEIGHTS_HEADS_MAX) {
        making->candidates[making->weights->head_count++] =
            (struct candidate){.kind = kind, .subject = subject};
    }
}

static void find_candidates(struct making *making)
{
    for (uint32_t task = 0; task < TASK_COUNT; task++) {
        add_candidate(making, HEAD_TASK, task);
    }
    for (uint32_t model = 0; model < making->learning.set->model_count; model++) {
        add_candidate(making, HEAD_MODEL, model);
        add_candidate(making, HEAD_ANSWER, model);
    }
}

static bool keep_moves(struct learning *learning, struct candidate *candidate)
{
    candidate->moves = learning->moves;
    learning->moves = memory_array(learning->set->count + 1, sizeof(float));
    return learning->moves != NULL;
}

static bool make_head(struct making *making, uint32_t index)
{
    struct learning *learning = &making->learning;
    struct candidate *candidate = &making->candidates[index];
    struct head *head = &making->weights->heads[index];
    struct slice name = candidate->kind == HEAD_TASK
                            ? slice_from_cstr(task_name((enum task)candidate->subject))
                            : making->learning.set->models[candidate->subject];
    slice_to_cstr(name, head->name, sizeof(head->name));
    head->kind = (uint32_t)candidate->kind;
    candidate->tags = judges(candidate) ? count_tags(making, candidate) : 0;
    learning->divisions = transfer_is_learned(candidate->tags) ? LEARN_DIVISIONS : 0;
    learning_label(learning, candidate->kind, candidate->subject);
    if (!learning_head(learning, head)) {
        return false;
    }
    if (judges(candidate)) {
        add_tags(making, index);
    }
    add_to_sample(making, index);
    return learning->divisions == 0 || keep_moves(learning, candidate);
}

static bool make_all(struct making *making)
{
    struct weights *weights = making->weights;
    size_t cells = (size_t)weights->sample_count * weights->head_count;
    weights->heads = memory_array(weights->head_count + 1, sizeof(struct head));
    weights->tags = memory_array(WEIGHTS_TAGS_MAX, sizeof(struct tag_offset));
    weights->sample_scores = memory_array(cells + 1, sizeof(float));
    weights->sample_strangers = memory_array(cells + 1, sizeof(float));
    weights->sample_outcomes = memory_array(cells + 1, sizeof(float));
    weights->sample_tags = memory_array(weights->sample_count + 1, sizeof(uint64_t));
    weights->transfer = memory_array(weights->head_count + 1, sizeof(float));
    bool made = weights->transfer != NULL && weights->sample_tags != NULL &&
                weights->heads != NULL && weights->tags != NULL && weights->sample_scores != NULL &&
                weights->sample_strangers != NULL && weights->sample_outcomes != NULL;
    for (uint32_t i = 0; made && i < weights->head_count; i++) {
        made = make_head(making, i);
    }
    if (made) {
        qsort(weights->tags, weights->tag_count, sizeof(struct tag_offset), compare_tags);
    }
    const struct tagged_rows tagged = {&making->learning, making->by_tag, making->tagged};
    return made &&
           transfer_learn(&tagged, making->candidates, weights->head_count, weights->transfer);
}

bool learn_weights(const struct learn_set *set, const uint8_t *use, struct weights *ret_weights,
                   struct error *error)
{
    struct making *making = memory_array(1, sizeof(*making));
    *ret_weights = (struct weights){.heads = NULL};
    if (set->model_count > LEARN_MODELS_MAX) {
        memory_free(making);
        return error_set(error, ERROR_LIMIT, "too_many_models",
                         "outcomes of %zu models, at most %u are learned at once", set->model_count,
                         LEARN_MODELS_MAX);
    }
    bool made = making != NULL && learning_begin(&making->learning, set, use);
    if (made) {
        making->weights = ret_weights;
        find_candidates(making);
        made = choose_rows(making) && make_all(making);
    }
    bool empty = made && ret_weights->head_count == 0;
    if (making != NULL) {
        learning_release(&making->learning);
        memory_free(making->by_tag);
        memory_free(making->sampled);
        for (size_t i = 0; i < ARRAY_LEN(making->candidates); i++) {
            memory_free(making->candidates[i].moves);
        }
        memory_free(making);
    }
    if (!made || empty) {
        weights_release(ret_weights);
        return empty ? error_set(error, ERROR_INVALID, "too_few_rows",
                                 "no task and no model has %u labelled rows", LEARN_LABELS_MIN)
                     : error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    return true;
}
