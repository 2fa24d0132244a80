/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the default weights: train -o FILE MATERIAL.jsonl... [--try ROWS.jsonl]...
 *
 * A row is {"prompt", "category", "success"}: its task, and how well small models did, 0..1; either
 * may be missing. --try prints how well the weights do on rows that they did not see.
 *
 * Softmax over tasks, logistic for success by tier, AdaGrad over the rows in an order that a seed
 * decides. The same material and compiler give the same bytes.
 */
#include "base/arena.h"
#include "base/random.h"
#include "codec/json.h"
#include "route/quality.h"
#include "route/text_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 400000u
#define PASSES 12u
#define RATE 0.25F
#define DECAY 1e-5F
#define OUTCOME_RATE 0.005F /* outcomes are noisy, and few */
#define OUTCOME_DECAY 1e-3F
#define WORD_VALUE 2.0F
#define FACT_VALUE 0.35F
#define SEEN_FROM 3u
#define RARITY                                                                                     \
    0.5 /* a task's rows count for more, the fewer there are: its share to minus this              \
         */
/* public rows are of few styles */
#define COPIED 0.25F
#define UNKNOWN (-1.0F)

struct row {
    struct glance glance;
    int task;
    enum task by_rules;
    bool is_copied;
    float success; /* of a small model; or UNKNOWN */
    float weight;
};

struct training {
    struct row *rows;
    size_t count;
    struct row *tried;
    size_t tried_count;
    uint32_t *order;
    float (*weights)[TEXT_LANES];
    float (*squares)[TEXT_LANES];
    struct text_model *model;
};

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "train: %s %s\n", what, name);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *bytes = calloc(count, size);
    if (bytes == NULL) {
        fail("out of memory", "");
    }
    return bytes;
}

/* --- rows --- */

static void read_success(const struct json_doc *doc, struct row *row)
{
    uint32_t value = json_member(doc, JSON_ROOT, SLICE("success"));
    int64_t millionths;
    row->success = json_is(doc, value, JSON_NUMBER) && json_scaled(doc, value, 6, &millionths)
                       ? (float)millionths / 1e6F
                       : UNKNOWN;
}

static int compare_rows(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* What is learned must not depend on the order in which a glance lists its rows. */
static void sort_rows(struct glance *glance)
{
    qsort(glance->rows, glance->words, sizeof(glance->rows[0]), compare_rows);
    qsort(glance->rows + glance->words, glance->count - glance->words, sizeof(glance->rows[0]),
          compare_rows);
}

static bool read_row(struct slice line, struct row *row)
{
    static struct features features;
    struct json_doc doc;
    struct error error;
    struct arena arena;
    json_doc_init(&doc);
    arena_init(&arena, (size_t)64 << 20);
    bool good = json_parse(&doc, line, &json_default_limits, &error);
    if (good) {
        uint32_t prompt = json_member(&doc, JSON_ROOT, SLICE("prompt"));
        uint32_t category = json_member(&doc, JSON_ROOT, SLICE("category"));
        enum task task;
        bool has_task = json_is(&doc, category, JSON_STRING) &&
                        task_from_name(json_inner(&doc, category), &task);
        row->task = has_task ? (int)task : -1;
        row->weight = 1;
        row->is_copied = json_member(&doc, JSON_ROOT, SLICE("source")) != JSON_ABSENT;
        read_success(&doc, row);
        good = json_is(&doc, prompt, JSON_STRING) &&
               glance_text(json_string(&doc, prompt, &arena), &features, &row->glance);
        sort_rows(&row->glance);
        struct classification by_rules;
        classify(&features, &by_rules);
        row->by_rules = by_rules.task;
    }
    arena_release(&arena);
    json_doc_release(&doc);
    return good;
}

static size_t read_rows(const char *path, struct row *rows, size_t count)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    if (file == NULL) {
        fail("cannot read", path);
    }
    while ((len = getline(&line, &size, file)) > 0) {
        if (count == ROWS_MAX || !read_row(slice_of(line, (size_t)len), &rows[count])) {
            fail("bad row, or too many, in", path);
        }
        count++;
    }
    free(line);
    fclose(file);
    return count;
}

static void weigh_rows(struct training *t)
{
    size_t counts[TASK_COUNT] = {0};
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i].task >= 0) {
            counts[t->rows[i].task]++;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i].task >= 0) {
            double share = (double)counts[t->rows[i].task] * TASK_COUNT / (double)t->count;
            t->rows[i].weight = (float)pow(share, -RARITY) * (t->rows[i].is_copied ? COPIED : 1);
        }
    }
}

/* --- training --- */

static float row_value(const struct glance *glance, uint32_t i)
{
    return i < glance->words ? WORD_VALUE / sqrtf((float)glance->words + 4) : FACT_VALUE;
}

static void score(const struct training *t, const struct glance *glance, float scores[TEXT_LANES])
{
    for (unsigned k = 0; k < TEXT_LANES; k++) {
        scores[k] = 0;
    }
    for (uint32_t i = 0; i < glance->count; i++) {
        const float *weights = t->weights[glance->rows[i] / GLANCE_STEP];
        float value = row_value(glance, i);
        for (unsigned k = 0; k < TEXT_LANES; k++) {
            scores[k] += weights[k] * value;
        }
    }
}

static void errors_of(const struct row *row, const float scores[TEXT_LANES],
                      float errors[TEXT_LANES])
{
    float most = scores[0];
    float sum = 0;
    memset(errors, 0, TEXT_LANES * sizeof(float));
    for (unsigned k = 1; k < TASK_COUNT; k++) {
        most = fmaxf(most, scores[k]);
    }
    for (unsigned k = 0; k < TASK_COUNT; k++) {
        errors[k] = expf(scores[k] - most);
        sum += errors[k];
    }
    for (unsigned k = 0; k < TASK_COUNT; k++) {
        float target = (int)k == row->task ? 1 : 0;
        errors[k] = row->task < 0 ? 0 : row->weight * (errors[k] / sum - target);
    }
    if (row->success >= 0) {
        errors[LANE_SUCCESS] = 1 / (1 + expf(-scores[LANE_SUCCESS])) - row->success;
    }
    errors[LANE_JUDGED] = 1 / (1 + expf(-scores[LANE_JUDGED])) - (row->success >= 0 ? 1.0F : 0.0F);
}

static void learn(struct training *t, const struct row *row)
{
    float scores[TEXT_LANES];
    float errors[TEXT_LANES];
    score(t, &row->glance, scores);
    errors_of(row, scores, errors);
    for (uint32_t i = 0; i < row->glance.count; i++) {
        float *weights = t->weights[row->glance.rows[i] / GLANCE_STEP];
        float *squares = t->squares[row->glance.rows[i] / GLANCE_STEP];
        float value = row_value(&row->glance, i);
        for (unsigned k = 0; k < LANE_SEEN; k++) {
            bool is_sure = k != LANE_SUCCESS;
            float decay = is_sure ? DECAY : OUTCOME_DECAY;
            float gradient = errors[k] * value + (errors[k] != 0 ? decay * weights[k] : 0);
            squares[k] += gradient * gradient;
            weights[k] -= (is_sure ? RATE : OUTCOME_RATE) * gradient / sqrtf(squares[k] + 1e-4F);
        }
    }
}

static void train(struct training *t)
{
    struct random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < t->count; i++) {
        t->order[i] = (uint32_t)i;
    }
    for (unsigned pass = 0; pass < PASSES; pass++) {
        for (size_t i = t->count; i > 1; i--) {
            size_t other = random_below(&random, i);
            uint32_t row = t->order[i - 1];
            t->order[i - 1] = t->order[other];
            t->order[other] = row;
        }
        for (size_t i = 0; i < t->count; i++) {
            learn(t, &t->rows[t->order[i]]);
        }
    }
}

/* --- the table --- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static void note_seen(struct training *t)
{
    uint32_t *texts = room(GLANCE_ROWS, sizeof(*texts));
    float *shares = room(t->count, sizeof(*shares));
    for (size_t i = 0; i < t->count; i++) {
        for (uint32_t k = 0; k < t->rows[i].glance.words; k++) {
            texts[t->rows[i].glance.rows[k] / GLANCE_STEP]++;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct glance *glance = &t->rows[i].glance;
        uint32_t seen = 0;
        for (uint32_t k = 0; k < glance->words; k++) {
            seen += texts[glance->rows[k] / GLANCE_STEP] > SEEN_FROM;
        }
        shares[i] = glance->words == 0 ? 0 : (float)seen / (float)glance->words;
    }
    qsort(shares, t->count, sizeof(*shares), compare_floats);
    t->model->header.coverage = shares[t->count / 2];
    for (size_t i = 0; i < GLANCE_ROWS; i++) {
        t->model->table[i][LANE_SEEN] = (uint8_t)(TEXT_ZERO + (texts[i] >= SEEN_FROM));
    }
    free(texts);
    free(shares);
}

static void make_table(struct training *t)
{
    struct text_model *model = t->model;
    memcpy(model->header.magic, "SLUICEM\n", 8);
    model->header.version = TEXT_MODEL_VERSION;
    model->header.rows = GLANCE_ROWS;
    model->header.lanes = TEXT_LANES;
    model->header.word_value = WORD_VALUE;
    model->header.fact_value = FACT_VALUE;
    for (unsigned k = 0; k < LANE_SEEN; k++) {
        float largest = 0;
        for (size_t i = 0; i < GLANCE_ROWS; i++) {
            largest = fmaxf(largest, fabsf(t->weights[i][k]));
        }
        model->header.scales[k] = largest / 127;
        for (size_t i = 0; i < GLANCE_ROWS && largest > 0; i++) {
            model->table[i][k] = (uint8_t)(TEXT_ZERO + lrintf(t->weights[i][k] * 127 / largest));
        }
    }
    note_seen(t);
    model->header.sum = text_model_sum(model);
}

/* --- trying --- */

static void count_task(struct task_counts *counts, int label, enum task said)
{
    if (label == (int)said) {
        counts[label].right++;
    } else {
        counts[label].missed++;
        counts[said].claimed++;
    }
}

static void try_rows(const struct training *t, const char *name, bool loud)
{
    struct task_counts counts[TASK_COUNT] = {{0}};
    struct task_counts rules[TASK_COUNT] = {{0}};
    size_t right = 0;
    for (size_t i = 0; i < t->tried_count; i++) {
        struct text_opinion opinion;
        const struct row *row = &t->tried[i];
        text_model_ask(t->model, &row->glance, &opinion);
        if (row->task < 0) {
            continue;
        }
        count_task(rules, row->task, row->by_rules);
        count_task(counts, row->task, opinion.best);
        right += row->task == (int)opinion.best;
        if (loud && row->task != (int)opinion.best) {
            printf("  %zu: %s taken for %s (%.2f)\n", i, task_name((enum task)row->task),
                   task_name(opinion.best), (double)opinion.tasks[opinion.best]);
        }
    }
    printf("%s: macro-F1 %.3f, by rules %.3f, accuracy %.3f of %zu\n", name,
           quality_macro_f1(counts, TASK_COUNT), quality_macro_f1(rules, TASK_COUNT),
           (double)right / (double)(t->tried_count == 0 ? 1 : t->tried_count), t->tried_count);
}

int main(int argc, char **argv)
{
    const char *out = NULL;
    struct training t = {.rows = room(ROWS_MAX, sizeof(struct row))};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            out = argv[++i];
        } else if (strncmp(argv[i], "--", 2) == 0 && i + 1 < argc) {
            i++;
        } else {
            t.count = read_rows(argv[i], t.rows, t.count);
        }
    }
    t.order = room(t.count + 1, sizeof(*t.order));
    t.weights = room(GLANCE_ROWS, sizeof(*t.weights));
    t.squares = room(GLANCE_ROWS, sizeof(*t.squares));
    t.model = aligned_alloc(64, sizeof(*t.model));
    memset(t.model, 0, sizeof(*t.model));
    memset(t.model->table, TEXT_ZERO, sizeof(t.model->table));
    weigh_rows(&t);
    train(&t);
    make_table(&t);
    FILE *file = out == NULL ? NULL : fopen(out, "w");
    if (file != NULL && (fwrite(t.model, sizeof(*t.model), 1, file) != 1 || fclose(file) != 0)) {
        fail("cannot write", out);
    }
    t.tried = room(ROWS_MAX / 8, sizeof(struct row));
    for (int i = 1; i + 1 < argc; i++) {
        if (strncmp(argv[i], "--try", 5) == 0) {
            t.tried_count = read_rows(argv[i + 1], t.tried, 0);
            try_rows(&t, argv[i + 1], strcmp(argv[i], "--try-loud") == 0);
        }
    }
    return 0;
}
