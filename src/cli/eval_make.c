/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring rows, and judging the scores. */
#include "cli/eval.h"

#include "base/memory.h"
#include "route/text_model.h"

#include <stdlib.h>

/* --- scoring --- */

static const struct learn_outcome *outcome_of(const struct learn_row *row, uint32_t model)
{
    for (size_t i = 0; i < row->outcome_count; i++) {
        if (row->outcomes[i].model == model) {
            return &row->outcomes[i];
        }
    }
    return NULL;
}

/* The head for a model: the one that reads answers where the cascade has read this one's. */
static uint32_t head_for(const struct evaluation *evaluation, const struct weights *weights,
                         const struct learn_row *row, uint32_t model)
{
    struct slice name = evaluation->outcomes->models[model];
    const struct learn_outcome *outcome = outcome_of(row, model);
    if (evaluation->options->cascade && model == evaluation->options->weak && outcome != NULL &&
        outcome->answer.len > 0) {
        uint32_t head = weights_find(weights, HEAD_ANSWER, name);
        if (head != WEIGHTS_NO_HEAD) {
            return head;
        }
    }
    return weights_find(weights, HEAD_MODEL, name);
}

static void score_models(struct evaluation *evaluation, const struct weights *weights,
                         const struct text_vector *vector, size_t index)
{
    const struct learn_row *row = &evaluation->outcomes->set.rows[index];
    float marks[ANSWER_MARKS];
    for (uint32_t model = 0; model < evaluation->outcomes->set.model_count; model++) {
        struct weights_question question = {.vector = vector};
        uint32_t head = head_for(evaluation, weights, row, model);
        if (head == WEIGHTS_NO_HEAD) {
            continue;
        }
        if (weights->heads[head].kind == HEAD_ANSWER) {
            answer_marks(row->prompt, outcome_of(row, model)->answer, marks);
            question.marks = marks;
        }
        question.tag = row->tag;
        question.tag_withheld = !evaluation->options->tagged;
        evaluation->rows[index].success[model] = (float)weights_success(weights, head, &question);
    }
}

/* Classification, summarization, questions, generation; -1: none of them. */
static int group_of(int task)
{
    switch (task) {
    case TASK_CLASSIFICATION:
        return 0;
    case TASK_SUMMARIZATION:
        return 1;
    case TASK_QA_OPEN:
    case TASK_QA_CLOSED:
    case TASK_REASONING:
        return 2;
    case TASK_GENERATION:
    case TASK_BRAINSTORMING:
        return 3;
    default:
        return -1;
    }
}

/* The group that is most probable when there are only the four. */
static int most_probable_group(const float tasks[TASK_COUNT])
{
    float sums[EVAL_TASKS_GROUPED] = {0};
    int best = 0;
    for (int task = 0; task < TASK_COUNT; task++) {
        if (group_of(task) >= 0) {
            sums[group_of(task)] += tasks[task];
        }
    }
    for (int i = 1; i < (int)EVAL_TASKS_GROUPED; i++) {
        best = sums[i] > sums[best] ? i : best;
    }
    return best;
}

/* How rows are divided between the pair. */
struct choice {
    struct weights_pair pair;
    struct share_dial dial;
};

static void choose(struct evaluation *evaluation, struct choice *choice, size_t index)
{
    const struct eval_options *options = evaluation->options;
    struct eval_row *row = &evaluation->rows[index];
    if (options->weak == UINT32_MAX) {
        return;
    }
    double score = (double)row->success[options->strong] - (double)row->success[options->weak];
    if (options->share >= 0) {
        row->takes_strong =
            share_takes(&choice->dial, score, evaluation->outcomes->set.rows[index].id);
    } else {
        row->takes_strong = choice->pair.pays ? score > 0 : choice->pair.strong_is_better;
    }
}

static void begin_choice(const struct evaluation *evaluation, const struct weights *weights,
                         struct choice *choice)
{
    const struct eval_options *options = evaluation->options;
    const struct slice *models = evaluation->outcomes->models;
    *choice = (struct choice){.pair.rows = 0};
    share_init(&choice->dial, options->share);
    if (options->weak == UINT32_MAX) {
        return;
    }
    uint32_t weak = options->cascade ? weights_find(weights, HEAD_ANSWER, models[options->weak])
                                     : WEIGHTS_NO_HEAD;
    if (weak == WEIGHTS_NO_HEAD) {
        weak = weights_find(weights, HEAD_MODEL, models[options->weak]);
    }
    uint32_t strong = weights_find(weights, HEAD_MODEL, models[options->strong]);
    if (weak != WEIGHTS_NO_HEAD && strong != WEIGHTS_NO_HEAD) {
        weights_pair_read(weights, weak, strong, options->tagged, &choice->dial, &choice->pair);
    }
}

/* What the default weights say of a row's task; NULL: they are not asked. */
static const float *ask_prior(const struct evaluation *evaluation, size_t index,
                              struct features *scratch, struct text_opinion *opinion)
{
    struct glance glance;
    if (scratch == NULL || !evaluation->options->prior ||
        !glance_text(evaluation->outcomes->set.rows[index].prompt, scratch, &glance)) {
        return NULL;
    }
    text_model_ask(text_model_default(), &glance, opinion);
    return opinion->tasks;
}

/* Rows that these weights were not trained on: those of a fold, or all. */
static void score_rows(struct evaluation *evaluation, const struct weights *weights,
                       const uint8_t *use, unsigned fold)
{
    struct features *scratch = memory_alloc(sizeof(*scratch));
    struct text_opinion opinion;
    struct text_vector vector;
    struct choice choice;
    float tasks[TASK_COUNT];
    begin_choice(evaluation, weights, &choice);
    for (size_t i = 0; i < evaluation->outcomes->set.count; i++) {
        if (use == NULL || use[i] == 0) {
            vector_of_text(evaluation->outcomes->set.rows[i].prompt, &vector);
            evaluation->rows[i].scored = true;
            evaluation->rows[i].fold = (uint8_t)fold;
            const float *prior = ask_prior(evaluation, i, scratch, &opinion);
            evaluation->rows[i].task = (int)weights_task(weights, &vector, prior, tasks);
            evaluation->rows[i].group = most_probable_group(tasks);
            score_models(evaluation, weights, &vector, i);
            choose(evaluation, &choice, i);
        }
    }
    memory_free(scratch);
}

static bool score_fold(struct evaluation *evaluation, unsigned fold, unsigned folds, uint8_t *use,
                       struct error *error)
{
    struct weights weights;
    size_t held_back = 0;
    const struct learn_set *set = &evaluation->outcomes->set;
    for (size_t i = 0; i < set->count; i++) {
        uint64_t hash = evaluation->options->unseen ? set->rows[i].tag : set->rows[i].id;
        use[i] = learn_fold(hash, folds) != fold;
        held_back += use[i] == 0;
    }
    if (held_back == 0) {
        return true;
    }
    if (!learn_weights(set, use, &weights, error)) {
        return false;
    }
    score_rows(evaluation, &weights, use, fold);
    weights_release(&weights);
    return true;
}

static bool cross_validate(struct evaluation *evaluation, struct error *error)
{
    unsigned folds = evaluation->options->unseen ? EVAL_TAG_FOLDS : EVAL_FOLDS;
    uint8_t *use = memory_array(evaluation->outcomes->set.count + 1, 1);
    bool done = use != NULL || error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    for (unsigned fold = 0; done && fold < folds; fold++) {
        done = score_fold(evaluation, fold, folds, use, error);
    }
    memory_free(use);
    return done;
}

static bool pair_is_known(const struct evaluation *evaluation, const struct weights *weights,
                          struct error *error)
{
    const uint32_t pair[2] = {evaluation->options->weak, evaluation->options->strong};
    for (size_t i = 0; i < ARRAY_LEN(pair) && pair[i] != UINT32_MAX; i++) {
        struct slice name = evaluation->outcomes->models[pair[i]];
        if (weights_find(weights, HEAD_MODEL, name) == WEIGHTS_NO_HEAD) {
            return error_set(error, ERROR_INVALID, "unknown_model",
                             "these weights learned nothing of the model %.*s", SLICE_ARG(name));
        }
    }
    return true;
}

static bool score_all(struct evaluation *evaluation, struct error *error)
{
    const struct weights *weights = evaluation->options->weights;
    if (weights == NULL) {
        return cross_validate(evaluation, error);
    }
    if (!pair_is_known(evaluation, weights, error)) {
        return false;
    }
    score_rows(evaluation, weights, NULL, 0);
    return true;
}

/* --- the pair --- */

static bool is_known(const struct learn_outcome *outcome)
{
    return outcome != NULL && outcome->score >= 0;
}

struct fold_row {
    unsigned fold;
    struct quality_row *row;
};

static int compare_fold_rows(const void *a, const void *b)
{
    const struct fold_row *x = a;
    const struct fold_row *y = b;
    if (x->fold != y->fold) {
        return x->fold < y->fold ? -1 : 1;
    }
    return (x->row->score > y->row->score) - (x->row->score < y->row->score);
}

/* Rows of one fold, from the lowest score on: a score is then the row's place; ties share one. */
static void place_rows(const struct fold_row *rows, size_t count)
{
    for (size_t first = 0, end = 0; first < count; first = end) {
        double score = rows[first].row->score;
        while (end < count && rows[end].row->score <= score) {
            end++;
        }
        for (size_t i = first; i < end; i++) {
            rows[i].row->score = (double)(first + end) / (2 * (double)count);
        }
    }
}

/*
 * Weights that did not see some kinds of work and weights that did not see the others expect
 * different averages, the higher the lower those of the kinds held back are: between their folds
 * that would count against any router. So each share of calls is taken of each fold alike.
 */
static void compare_within_folds(struct fold_row *rows, size_t count)
{
    qsort(rows, count, sizeof(*rows), compare_fold_rows);
    for (size_t first = 0, end = 0; first < count; first = end) {
        while (end < count && rows[end].fold == rows[first].fold) {
            end++;
        }
        place_rows(rows + first, end - first);
    }
}

static bool judge_pair(struct evaluation *evaluation, struct quality_row *rows,
                       struct fold_row *folds, struct error *error)
{
    const struct learn_set *set = &evaluation->outcomes->set;
    const struct eval_options *options = evaluation->options;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct learn_outcome *weak = outcome_of(&set->rows[i], options->weak);
        const struct learn_outcome *strong = outcome_of(&set->rows[i], options->strong);
        const struct eval_row *row = &evaluation->rows[i];
        if (!is_known(weak) || !is_known(strong) || !row->scored) {
            continue;
        }
        double score = (double)row->success[options->strong] - (double)row->success[options->weak];
        folds[count] = (struct fold_row){row->fold, &rows[count]};
        rows[count++] = (struct quality_row){.score = score,
                                             .weak = (double)weak->score,
                                             .strong = (double)strong->score,
                                             .id = set->rows[i].id,
                                             .takes_strong = row->takes_strong};
    }
    if (options->unseen) {
        compare_within_folds(folds, count);
    }
    return quality_measure(rows, count, &evaluation->quality, error);
}

/* How much better the strong model did on one tag, outside one fold. */
struct tag_gain {
    uint64_t tag;
    unsigned fold;
    double gain;
    size_t row;
    struct quality_row judged;
};

static int compare_gains(const void *a, const void *b)
{
    const struct tag_gain *x = a;
    const struct tag_gain *y = b;
    if (x->tag != y->tag) {
        return x->tag < y->tag ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows of one tag: each is scored by the tag's average over the other folds. */
static void score_by_tag(struct tag_gain *gains, size_t count)
{
    double sums[EVAL_FOLDS] = {0};
    size_t counts[EVAL_FOLDS] = {0};
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sums[gains[i].fold] += gains[i].gain;
        counts[gains[i].fold]++;
        sum += gains[i].gain;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned fold = gains[i].fold;
        gains[i].judged.score = (sum - sums[fold]) / (double)(count - counts[fold] + 1);
    }
}

static size_t collect_gains(struct evaluation *evaluation, struct tag_gain *gains)
{
    const struct learn_set *set = &evaluation->outcomes->set;
    const struct eval_options *options = evaluation->options;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct learn_outcome *weak = outcome_of(&set->rows[i], options->weak);
        const struct learn_outcome *strong = outcome_of(&set->rows[i], options->strong);
        if (!is_known(weak) || !is_known(strong) || !evaluation->rows[i].scored) {
            continue;
        }
        evaluation->by_tag_known = evaluation->by_tag_known || set->rows[i].tag != 0;
        gains[count++] = (struct tag_gain){
            .tag = set->rows[i].tag,
            .fold = learn_fold(set->rows[i].id, EVAL_FOLDS),
            .gain = (double)strong->score - (double)weak->score,
            .row = i,
            .judged = {.weak = (double)weak->score,
                       .strong = (double)strong->score,
                       .id = set->rows[i].id},
        };
    }
    return count;
}

/* What a table of tags alone is worth, and how much more `judged`, of the same rows, is. */
static bool judge_tags(struct evaluation *evaluation, const struct quality_row *judged,
                       struct quality_row *rows, struct error *error)
{
    struct tag_gain *gains = memory_array(evaluation->outcomes->set.count + 1, sizeof(*gains));
    if (gains == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    size_t count = collect_gains(evaluation, gains);
    qsort(gains, count, sizeof(*gains), compare_gains);
    for (size_t first = 0, end = 0; first < count; first = end) {
        while (end < count && gains[end].tag == gains[first].tag) {
            end++;
        }
        score_by_tag(gains + first, end - first);
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = gains[i].judged;
    }
    memory_free(gains);
    return quality_measure(rows, count, &evaluation->by_tag, error) &&
           (!evaluation->by_tag_known || quality_compare(judged, rows, count, &evaluation->more,
                                                         &evaluation->more_interval, error));
}

/* --- the tasks --- */

static void count_task(struct task_counts *counts, int label, int said, uint32_t times)
{
    if (label == said) {
        counts[label].right += times;
    } else {
        counts[label].missed += times;
        if (said >= 0) {
            counts[said].claimed += times;
        }
    }
}

/* Of each row that is judged; `said` may be none of them. */
struct task_word {
    int8_t label;
    int8_t said;
};

static double figure_of_f1(const uint32_t *times, size_t count, const void *context)
{
    const struct task_word *words = context;
    struct task_counts counts[TASK_COUNT] = {{0}};
    for (size_t i = 0; i < count; i++) {
        count_task(counts, words[i].label, words[i].said, times[i]);
    }
    return quality_macro_f1(counts, TASK_COUNT);
}

static double figure_of_accuracy(const uint32_t *times, size_t count, const void *context)
{
    const struct task_word *words = context;
    size_t right = 0;
    for (size_t i = 0; i < count; i++) {
        right += words[i].label == words[i].said ? times[i] : 0;
    }
    return (double)right / (double)count;
}

static bool measure_tasks(const struct task_word *words, size_t count, struct task_figures *tasks,
                          struct error *error)
{
    struct task_counts counts[TASK_COUNT] = {{0}};
    size_t right = 0;
    tasks->judged = count;
    if (count == 0) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        count_task(counts, words[i].label, words[i].said, 1);
        right += words[i].label == words[i].said;
    }
    tasks->f1 = quality_macro_f1(counts, TASK_COUNT);
    tasks->accuracy = (double)right / (double)count;
    return quality_interval(count, figure_of_f1, words, &tasks->f1_interval, error) &&
           quality_interval(count, figure_of_accuracy, words, &tasks->accuracy_interval, error);
}

static bool judge_tasks(struct evaluation *evaluation, struct error *error)
{
    const struct learn_set *set = &evaluation->outcomes->set;
    struct task_word *words = memory_array(2 * set->count + 1, sizeof(*words));
    struct task_word *groups = words + set->count;
    size_t count = 0;
    size_t grouped = 0;
    if (words == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    for (size_t i = 0; i < set->count; i++) {
        int label = set->rows[i].task;
        const struct eval_row *row = &evaluation->rows[i];
        if (label < 0 || !row->scored) {
            continue;
        }
        words[count++] = (struct task_word){(int8_t)label, (int8_t)row->task};
        if (group_of(label) >= 0) {
            groups[grouped++] = (struct task_word){(int8_t)group_of(label), (int8_t)row->group};
        }
    }
    bool done = measure_tasks(words, count, &evaluation->tasks, error) &&
                measure_tasks(groups, grouped, &evaluation->grouped, error);
    memory_free(words);
    return done;
}

/* --- all --- */

static bool make_room(struct evaluation *evaluation)
{
    size_t count = evaluation->outcomes->set.count;
    size_t models = evaluation->outcomes->set.model_count;
    evaluation->rows = memory_array(count + 1, sizeof(*evaluation->rows));
    evaluation->success = memory_array(count * models + 1, sizeof(float));
    if (evaluation->rows == NULL || evaluation->success == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        evaluation->rows[i].task = evaluation->rows[i].group = -1;
        evaluation->rows[i].success = evaluation->success + i * models;
        for (size_t model = 0; model < models; model++) {
            evaluation->rows[i].success[model] = -1;
        }
    }
    return true;
}

bool evaluation_make(struct evaluation *evaluation, const struct outcomes *outcomes,
                     const struct eval_options *options, struct error *error)
{
    *evaluation = (struct evaluation){.outcomes = outcomes, .options = options};
    struct quality_row *rows = memory_array(2 * outcomes->set.count + 2, sizeof(*rows));
    struct fold_row *folds = memory_array(outcomes->set.count + 1, sizeof(*folds));
    bool done = (make_room(evaluation) && rows != NULL && folds != NULL) ||
                error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    done = done && score_all(evaluation, error);
    if (done && options->weak != UINT32_MAX) {
        done = judge_pair(evaluation, rows, folds, error) &&
               judge_tags(evaluation, rows, rows + outcomes->set.count + 1, error);
    }
    done = done && judge_tasks(evaluation, error);
    memory_free(rows);
    memory_free(folds);
    return done;
}

void evaluation_release(struct evaluation *evaluation)
{
    memory_free(evaluation->rows);
    memory_free(evaluation->success);
}
