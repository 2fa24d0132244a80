/* SPDX-License-Identifier: Apache-2.0 */
#include "route/learn_internal.h"

#include "base/memory.h"

#include <math.h>

#define SHAPE_WEIGHT 0.05 /* against words, by cross-validation */
#define MARK_WEIGHT 0.2
#define COST_OF_ERRORS 0.5 /* C of linear.h, by cross-validation */
#define COST_OF_TASKS 16
#define PASSES 15u
#define DENSE_LIMIT 4.0
#define SEEN_FROM 3u /* texts */
#define NEWTON_STEPS 25u
#define STEP_MAX 1.0
#define SLOPE_MAX 2.0
#define OFFSET_MAX 10.0
#define SPREAD 0x9e3779b97f4a7c15u /* one division of the rows does not follow the other */

unsigned learn_fold(uint64_t hash, unsigned count)
{
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    return (unsigned)((hash ^ hash >> 32) % count);
}

/* --- vectors of all rows --- */

void learning_release(struct learning *learning)
{
    memory_free(learning->rows.starts);
    memory_free(learning->rows.buckets);
    memory_free(learning->rows.dense);
    memory_free(learning->shapes);
    memory_free(learning->labels);
    memory_free(learning->marks);
    memory_free(learning->scores);
    memory_free(learning->strangers);
    memory_free(learning->moves);
    memory_free(learning->weights);
}

static bool grow_buckets(struct linear_rows *rows, uint64_t *room, uint64_t needed)
{
    if (needed <= *room) {
        return true;
    }
    *room = needed * 2;
    uint16_t *larger = memory_resize(rows->buckets, *room * sizeof(*larger));
    rows->buckets = larger == NULL ? rows->buckets : larger;
    return larger != NULL;
}

static bool read_vectors(struct learning *learning)
{
    struct linear_rows *rows = &learning->rows;
    struct text_vector vector;
    uint64_t room = 0;
    for (size_t i = 0; i < learning->set->count; i++) {
        vector_of_text(learning->set->rows[i].prompt, &vector);
        uint64_t start = rows->starts[i];
        if (!grow_buckets(rows, &room, start + vector.count)) {
            return false;
        }
        if (vector.count > 0) {
            memcpy(rows->buckets + start, vector.buckets, vector.count * sizeof(vector.buckets[0]));
        }
        memcpy(learning->shapes + i * VECTOR_SHAPES, vector.shapes, sizeof(vector.shapes));
        rows->starts[i + 1] = start + vector.count;
    }
    return true;
}

bool learning_begin(struct learning *learning, const struct learn_set *set, const uint8_t *use)
{
    size_t count = set->count;
    *learning = (struct learning){.set = set, .use = use};
    learning->rows.count = count;
    learning->rows.starts = memory_array(count + 1, sizeof(uint64_t));
    learning->rows.dense = memory_array(count + 1, HEAD_DENSE * sizeof(float));
    learning->shapes = memory_array(count + 1, VECTOR_SHAPES * sizeof(float));
    learning->labels = memory_array(count + 1, sizeof(*learning->labels));
    learning->marks = memory_array(count + 1, ANSWER_MARKS * sizeof(float));
    learning->scores = memory_array(count + 1, sizeof(float));
    learning->strangers = memory_array(count + 1, sizeof(float));
    learning->moves = memory_array(count + 1, sizeof(float));
    learning->weights = memory_alloc(sizeof(*learning->weights));
    return learning->rows.starts != NULL && learning->rows.dense != NULL &&
           learning->shapes != NULL && learning->labels != NULL && learning->marks != NULL &&
           learning->scores != NULL && learning->strangers != NULL && learning->moves != NULL &&
           learning->weights != NULL && read_vectors(learning);
}

/* --- labels of one head --- */

static const struct learn_outcome *find_outcome(const struct learn_row *row, uint32_t model)
{
    for (size_t i = 0; i < row->outcome_count; i++) {
        if (row->outcomes[i].model == model) {
            return &row->outcomes[i];
        }
    }
    return NULL;
}

bool learning_outcome(const struct learn_row *row, enum head_kind kind, uint32_t subject,
                      float *ret_target)
{
    if (kind == HEAD_TASK) {
        *ret_target = row->task == (int)subject ? 1 : 0;
        return row->task >= 0;
    }
    const struct learn_outcome *outcome = find_outcome(row, subject);
    if (outcome == NULL || outcome->score < 0 ||
        (kind == HEAD_ANSWER && outcome->answer.len == 0)) {
        return false;
    }
    *ret_target = outcome->score;
    return true;
}

/* False: the row is not for this head. */
static bool label_of(const struct learning *learning, enum head_kind kind, uint32_t subject,
                     size_t row, float *ret_target)
{
    return (learning->use == NULL || learning->use[row] != 0) &&
           learning_outcome(&learning->set->rows[row], kind, subject, ret_target);
}

void learning_label(struct learning *learning, enum head_kind kind, uint32_t subject)
{
    learning->label_count = 0;
    for (size_t i = 0; i < learning->set->count; i++) {
        const struct learn_row *row = &learning->set->rows[i];
        float target;
        if (!label_of(learning, kind, subject, i, &target)) {
            continue;
        }
        learning->labels[learning->label_count++] =
            (struct linear_label){.row = (uint32_t)i, .target = target};
        if (kind == HEAD_ANSWER) {
            answer_marks(row->prompt, find_outcome(row, subject)->answer,
                         learning->marks + i * ANSWER_MARKS);
        }
    }
}

/* --- one head --- */

static const float *raw_values(const struct learning *learning, size_t row, size_t column)
{
    return column < VECTOR_SHAPES ? &learning->shapes[row * VECTOR_SHAPES + column]
                                  : &learning->marks[row * ANSWER_MARKS + column - VECTOR_SHAPES];
}

static void standardise(struct learning *learning, struct head *head, size_t column)
{
    double sum = 0;
    double squares = 0;
    double count = (double)learning->label_count;
    double weight = column < VECTOR_SHAPES ? SHAPE_WEIGHT : MARK_WEIGHT;
    for (size_t i = 0; i < learning->label_count; i++) {
        double value = (double)*raw_values(learning, learning->labels[i].row, column);
        sum += value;
        squares += value * value;
    }
    double mean = sum / count;
    double deviation = sqrt(fmax(0, squares / count - mean * mean));
    double scale = deviation > 1e-6 ? 1 / deviation : 0;
    head->means[column] = (float)mean;
    head->scales[column] = (float)scale;
    for (size_t i = 0; i < learning->label_count; i++) {
        size_t row = learning->labels[i].row;
        double value = ((double)*raw_values(learning, row, column) - mean) * scale;
        value = fmax(-DENSE_LIMIT, fmin(DENSE_LIMIT, value));
        learning->rows.dense[row * learning->rows.width + column] = (float)(value * weight);
    }
}

static void standardise_all(struct learning *learning, struct head *head)
{
    learning->rows.width = head->kind == HEAD_ANSWER ? HEAD_DENSE : VECTOR_SHAPES;
    for (size_t column = 0; column < learning->rows.width; column++) {
        standardise(learning, head, column);
    }
}

/* Whether a model will do well; others say what a text is. */
static bool judges(enum head_kind kind)
{
    return kind == HEAD_MODEL || kind == HEAD_ANSWER;
}

static bool train(struct learning *learning, enum head_kind kind, const struct linear_label *labels,
                  size_t count)
{
    const struct linear_options options = {
        .c = judges(kind) ? COST_OF_ERRORS : COST_OF_TASKS, .passes = PASSES, .seed = 1};
    return linear_train(&learning->rows, labels, count, &options, learning->weights);
}

static double rate_of(const struct linear_label *labels, size_t count)
{
    double sum = 0.5;
    for (size_t i = 0; i < count; i++) {
        sum += (double)labels[i].target;
    }
    return sum / ((double)count + 1);
}

/* --- what it has seen --- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static bool note_seen(struct learning *learning, struct head *head)
{
    const struct linear_rows *rows = &learning->rows;
    uint32_t *texts = memory_array(VECTOR_BUCKETS, sizeof(*texts));
    float *shares = memory_array(learning->label_count + 1, sizeof(*shares));
    for (size_t i = 0; texts != NULL && i < learning->label_count; i++) {
        uint32_t row = learning->labels[i].row;
        for (uint64_t at = rows->starts[row]; at < rows->starts[row + 1]; at++) {
            texts[rows->buckets[at]]++;
        }
    }
    for (size_t i = 0; texts != NULL && shares != NULL && i < learning->label_count; i++) {
        uint32_t row = learning->labels[i].row;
        uint64_t count = rows->starts[row + 1] - rows->starts[row];
        uint64_t seen = 0;
        for (uint64_t at = rows->starts[row]; at < rows->starts[row + 1]; at++) {
            seen += texts[rows->buckets[at]] > SEEN_FROM; /* by others than itself */
        }
        shares[i] = count == 0 ? 0 : (float)seen / (float)count;
    }
    bool done = texts != NULL && shares != NULL;
    if (done) {
        qsort(shares, learning->label_count, sizeof(*shares), compare_floats);
        head->coverage = shares[learning->label_count / 2];
        for (size_t i = 0; i < VECTOR_BUCKETS; i++) {
            head->buckets[i] |= texts[i] >= SEEN_FROM ? HEAD_SEEN : 0;
        }
    }
    memory_free(texts);
    memory_free(shares);
    return done;
}

/* Even numbers: what was seen comes on top. */
static void store_weights(const struct learning *learning, struct head *head)
{
    const struct linear_weights *weights = learning->weights;
    float largest = 0;
    for (size_t i = 0; i < VECTOR_BUCKETS; i++) {
        largest = fmaxf(largest, fabsf(weights->buckets[i]));
    }
    head->bias = weights->bias;
    head->bucket_scale = largest / 126;
    for (size_t i = 0; i < VECTOR_BUCKETS && largest > 0; i++) {
        head->buckets[i] = (int8_t)(2 * lrintf(weights->buckets[i] / (2 * head->bucket_scale)));
    }
    for (size_t i = 0; i < learning->rows.width; i++) {
        double weight = i < VECTOR_SHAPES ? SHAPE_WEIGHT : MARK_WEIGHT;
        head->dense[i] = weights->dense[i] * (float)weight;
    }
}

/* --- rows held back --- */

struct calibration {
    double slope;
    double offset;
};

static float calibrated(const struct calibration *calibration, float score)
{
    return (float)(calibration->slope * (double)score + calibration->offset);
}

/* How the rows are divided into folds, and what is to be known of those held back. */
struct division {
    bool whole_tags;
    unsigned number; /* of the tags there are several */
    float *scores;   /* by row */
    /* Where moves are wanted: */
    float *moves; /* by row; added to */
    const struct calibration *calibration;
};

static unsigned fold_of(const struct learn_row *row, const struct division *division)
{
    uint64_t hash = division->whole_tags && row->tag != 0 ? row->tag : row->id;
    return learn_fold(hash + division->number * SPREAD, LEARN_FOLDS);
}

static void score_row(struct learning *learning, const struct division *division, uint32_t row,
                      double average)
{
    float score = (float)linear_score(&learning->rows, row, learning->weights);
    division->scores[row] = score;
    if (division->moves != NULL) {
        double odds = (double)calibrated(division->calibration, score);
        double move = 1 / (1 + exp(-odds)) - average;
        division->moves[row] += (float)(move / learning->divisions);
    }
}

/* Scores of labelled rows by models that did not see them, nor others of their tags if whole tags
 * are held back. */
static bool score_held_back(struct learning *learning, enum head_kind kind,
                            const struct division *division)
{
    const struct learn_row *rows = learning->set->rows;
    size_t count = learning->label_count;
    struct linear_label *others = memory_array(count + 1, sizeof(*others));
    bool done = others != NULL;
    for (unsigned fold = 0; done && fold < LEARN_FOLDS; fold++) {
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            if (fold_of(&rows[learning->labels[i].row], division) != fold) {
                others[kept++] = learning->labels[i];
            }
        }
        done = train(learning, kind, others, kept);
        double average = rate_of(others, kept);
        for (size_t i = 0; done && i < count; i++) {
            uint32_t row = learning->labels[i].row;
            if (fold_of(&rows[row], division) == fold) {
                score_row(learning, division, row, average);
            }
        }
    }
    memory_free(others);
    return done;
}

/* --- calibration --- */

/*
 * The line from held-back log odds to the ones under which the labels are most likely: it takes
 * back what a head believes and cannot know. Newton's method in two dimensions, with a weak prior
 * for slope 1 that keeps the matrix from being singular; bounds on each step, because where all
 * rows are far from one half a full step goes anywhere.
 */
static struct calibration calibrate(const struct learning *learning)
{
    struct calibration c = {.slope = 1};
    for (unsigned step = 0; step < NEWTON_STEPS; step++) {
        double gradient[2] = {c.slope - 1, c.offset};
        double matrix[3] = {1, 0, 1};
        for (size_t i = 0; i < learning->label_count; i++) {
            double score = (double)learning->scores[learning->labels[i].row];
            double p = 1 / (1 + exp(-c.slope * score - c.offset));
            double error = p - (double)learning->labels[i].target;
            double weight = p * (1 - p);
            gradient[0] += error * score;
            gradient[1] += error;
            matrix[0] += weight * score * score;
            matrix[1] += weight * score;
            matrix[2] += weight;
        }
        double determinant = matrix[0] * matrix[2] - matrix[1] * matrix[1];
        double slope = (matrix[2] * gradient[0] - matrix[1] * gradient[1]) / determinant;
        double offset = (matrix[0] * gradient[1] - matrix[1] * gradient[0]) / determinant;
        double shorter = 1 / fmax(1, fmax(fabs(slope) / STEP_MAX, fabs(offset) / STEP_MAX));
        c.slope -= shorter * slope;
        c.offset -= shorter * offset;
    }
    c.slope = fmax(0, fmin(SLOPE_MAX, c.slope));
    c.offset = fmax(-OFFSET_MAX, fmin(OFFSET_MAX, c.offset));
    return c;
}

static void apply_calibration(struct learning *learning, const struct calibration *calibration,
                              struct head *head)
{
    head->bias = calibrated(calibration, head->bias);
    head->bucket_scale *= (float)calibration->slope;
    for (size_t i = 0; i < HEAD_DENSE; i++) {
        head->dense[i] *= (float)calibration->slope;
    }
    for (size_t i = 0; i < learning->label_count; i++) {
        uint32_t row = learning->labels[i].row;
        learning->scores[row] = calibrated(calibration, learning->scores[row]);
        learning->strangers[row] = calibrated(calibration, learning->strangers[row]);
    }
}

/* Rows held back, one by one and by whole tags. */
static bool judge_rows(struct learning *learning, enum head_kind kind,
                       struct calibration *ret_calibration)
{
    struct division division = {.scores = learning->scores};
    bool done = score_held_back(learning, kind, &division);
    *ret_calibration = calibrate(learning);
    division.whole_tags = true;
    division.scores = learning->strangers;
    if (learning->divisions > 0) {
        memset(learning->moves, 0, learning->set->count * sizeof(float));
        division.moves = learning->moves;
        division.calibration = ret_calibration;
    }
    for (; done && division.number < learning->divisions; division.number++) {
        done = score_held_back(learning, kind, &division);
    }
    return done && (learning->divisions > 0 || score_held_back(learning, kind, &division));
}

bool learning_head(struct learning *learning, struct head *head)
{
    struct calibration calibration;
    double rate = rate_of(learning->labels, learning->label_count);
    head->rows = (uint32_t)learning->label_count;
    head->average = (float)log(rate / (1 - rate));
    standardise_all(learning, head);
    enum head_kind kind = (enum head_kind)head->kind;
    if ((judges(kind) && !judge_rows(learning, kind, &calibration)) ||
        !train(learning, kind, learning->labels, learning->label_count)) {
        return false;
    }
    store_weights(learning, head);
    if (judges(kind)) {
        apply_calibration(learning, &calibration, head);
    }
    return note_seen(learning, head);
}
