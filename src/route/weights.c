/* SPDX-License-Identifier: Apache-2.0 */
#include "route/weights.h"

#include "base/memory.h"
#include "route/arithmetic.h"
#include "route/policy.h"

#include <math.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Shares of the coverage that is usual: a text below the first is strange, from the second on it is
 * familiar. */
#define STRANGE_BELOW 0.6
#define FAMILIAR_FROM 0.75
#define DENSE_LIMIT 4.0F
#define RARITY 0.3 /* by cross-validation of the mean F1 */
/* What the prior weighs where a text looks like the training, and where it does not. */
#define PRIOR_AWAY 1.2F
#define PRIOR_AT_HOME 0.2F
#define FAVOUR 8.0F
#define AWAY_BELOW 0.8
#define HOME_FROM 1.05
#define PRIOR_DOUBT 0.01F
#define ERRORS_TO_PAY 2.0 /* standard errors; one lets luck choose against the better single */

void weights_release(struct weights *weights)
{
    memory_free(weights->heads);
    memory_free(weights->tags);
    memory_free(weights->sample_scores);
    memory_free(weights->sample_strangers);
    memory_free(weights->sample_outcomes);
    memory_free(weights->sample_tags);
    memory_free(weights->transfer);
    *weights = (struct weights){.heads = NULL};
}

uint32_t weights_find(const struct weights *weights, enum head_kind kind, struct slice name)
{
    for (uint32_t i = 0; i < weights->head_count; i++) {
        const struct head *head = &weights->heads[i];
        if (head->kind == (uint32_t)kind && slice_eq(slice_from_cstr(head->name), name)) {
            return i;
        }
    }
    return WEIGHTS_NO_HEAD;
}

uint32_t weights_find_target(const struct weights *weights, enum head_kind kind,
                             const struct target *target)
{
    uint32_t head = weights_find(weights, kind, target->name);
    return head != WEIGHTS_NO_HEAD ? head : weights_find(weights, kind, target->model);
}

/* --- answers --- */

void answer_marks(struct slice prompt, struct slice answer, float marks[ANSWER_MARKS])
{
    struct arithmetic sums;
    arithmetic_check(answer, &sums);
    double final_number = sums.has_final ? sums.final_number : 0;
    bool ends_in_result = sums.has_result && sums.has_final &&
                          fabs(sums.result - final_number) <= 1e-6 * fmax(1, fabs(final_number));
    marks[ANSWER_SUMS_RIGHT] = log1pf((float)sums.right);
    marks[ANSWER_SUMS_WRONG] = log1pf((float)sums.wrong);
    marks[ANSWER_HAS_WRONG_SUM] = sums.wrong > 0 ? 1 : 0;
    marks[ANSWER_HAS_NO_SUM] = sums.right + sums.wrong == 0 ? 1 : 0;
    marks[ANSWER_ENDS_IN_ITS_RESULT] = ends_in_result ? 1 : 0;
    marks[ANSWER_SIZE_OF_NUMBER] = (float)log1p(fabs(final_number));
    marks[ANSWER_HAS_FRACTION] = final_number != floor(final_number) ? 1 : 0;
    marks[ANSWER_LENGTH] = (float)answer.len / (float)(prompt.len == 0 ? 1 : prompt.len);
}

/* --- heads --- */

/* What the text's words come to, and how many of them the head has seen. */
struct head_words {
    int32_t sum;
    uint32_t seen;
};

#ifdef __SSE2__

#define VALUES_STEP 16u

/* Sums of bytes without a sign: each value with 128 more. */
static struct head_words values_sum(const int8_t *values, uint32_t count)
{
    const __m128i none = _mm_setzero_si128();
    __m128i sums = none;
    __m128i seen = none;
    uint32_t i = 0;
    for (; i < count; i += VALUES_STEP) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(values + i));
        __m128i known = _mm_and_si128(v, _mm_set1_epi8(HEAD_SEEN));
        sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_xor_si128(v, _mm_set1_epi8(-128)), none));
        seen = _mm_add_epi64(seen, _mm_sad_epu8(known, none));
    }
    sums = _mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums));
    seen = _mm_add_epi64(seen, _mm_unpackhi_epi64(seen, seen));
    int32_t known = _mm_cvtsi128_si32(seen);
    int32_t sum = _mm_cvtsi128_si32(sums) - 128 * (int32_t)i;
    return (struct head_words){sum - known, (uint32_t)known};
}

#else

#define VALUES_STEP 1u

static struct head_words values_sum(const int8_t *values, uint32_t count)
{
    int32_t sum = 0;
    int32_t seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
        seen += values[i] & HEAD_SEEN;
    }
    return (struct head_words){sum - seen, (uint32_t)seen};
}

#endif

/* The values are gathered first, and added up many at once. */
static struct head_words head_read(const struct head *head, const struct text_vector *vector)
{
    int8_t values[VECTOR_COUNT_MAX + VALUES_STEP];
    uint32_t count = vector->count < VECTOR_COUNT_MAX ? vector->count : VECTOR_COUNT_MAX;
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8) {
#pragma GCC unroll 8
        for (uint32_t k = 0; k < 8; k++) {
            values[i + k] = head->buckets[vector->buckets[i + k]];
        }
    }
    for (; i < count; i++) {
        values[i] = head->buckets[vector->buckets[i]];
    }
    memset(values + count, 0, VALUES_STEP); /* which change no sum */
    return values_sum(values, count);
}

/* The share of the text's words that the head has seen, against what is usual. */
static double usual_coverage(const struct head *head, const struct text_vector *vector,
                             const struct head_words *words)
{
    double coverage = vector->count == 0 ? 0 : (double)words->seen / vector->count;
    return head->coverage > 0 ? coverage / (double)head->coverage : 0;
}

static double between(double value, double low, double high)
{
    return fmax(0, fmin(1, (value - low) / (high - low)));
}

static double familiarity_of(const struct head *head, const struct text_vector *vector,
                             const struct head_words *words)
{
    return between(usual_coverage(head, vector, words), STRANGE_BELOW, FAMILIAR_FROM);
}

double head_familiarity(const struct head *head, const struct text_vector *vector)
{
    const struct head_words words = head_read(head, vector);
    return familiarity_of(head, vector, &words);
}

static double dense_score(const struct head *head, const float *values, size_t first, size_t count)
{
    float terms[HEAD_DENSE];
    float sum = 0;
    size_t i = 0;
#ifdef __SSE2__
    const __m128 most = _mm_set1_ps(DENSE_LIMIT);
    const __m128 least = _mm_set1_ps(-DENSE_LIMIT);
    for (; i + 4 <= count; i += 4) {
        __m128 value = _mm_sub_ps(_mm_loadu_ps(values + i), _mm_loadu_ps(head->means + first + i));
        value = _mm_mul_ps(value, _mm_loadu_ps(head->scales + first + i));
        value = _mm_max_ps(least, _mm_min_ps(most, value)); /* what is no number stays none */
        _mm_storeu_ps(terms + i, _mm_mul_ps(_mm_loadu_ps(head->dense + first + i), value));
    }
#endif
    for (; i < count; i++) {
        float value = (values[i] - head->means[first + i]) * head->scales[first + i];
        value = value > DENSE_LIMIT ? DENSE_LIMIT : value < -DENSE_LIMIT ? -DENSE_LIMIT : value;
        terms[i] = head->dense[first + i] * value;
    }
    for (i = 0; i < count; i++) {
        sum += terms[i]; /* one by one: the sum of floats depends on the order */
    }
    return (double)sum;
}

static double text_score(const struct head *head, const struct weights_question *question,
                         const struct head_words *words)
{
    const struct text_vector *vector = question->vector;
    double score = (double)head->bias + dense_score(head, vector->shapes, 0, VECTOR_SHAPES);
    if (vector->count > 0) {
        score += (double)words->sum * (double)head->bucket_scale / sqrt((double)vector->count);
    }
    if (question->marks != NULL && head->kind == HEAD_ANSWER) {
        score += dense_score(head, question->marks, VECTOR_SHAPES, ANSWER_MARKS);
    }
    return score;
}

double head_text_score(const struct head *head, const struct weights_question *question)
{
    const struct head_words words = head_read(head, question->vector);
    return text_score(head, question, &words);
}

const struct tag_offset *weights_tag(const struct weights *weights, uint64_t tag, uint32_t head)
{
    uint32_t low = 0;
    uint32_t high = weights->tag_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct tag_offset *at = &weights->tags[middle];
        if (at->tag < tag || (at->tag == tag && at->head < head)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < weights->tag_count && weights->tags[low].tag == tag &&
                 weights->tags[low].head == head;
    return found ? &weights->tags[low] : NULL;
}

static double probability(double score)
{
    return 1 / (1 + exp(-score));
}

double weights_success(const struct weights *weights, uint32_t index,
                       const struct weights_question *question)
{
    const struct head *head = &weights->heads[index];
    const struct tag_offset *tag =
        question->tag == 0 ? NULL : weights_tag(weights, question->tag, index);
    bool stranger = question->tag != 0 && tag == NULL;
    tag = question->tag_withheld ? NULL : tag;
    const struct head_words words = head_read(head, question->vector);
    double familiarity = familiarity_of(head, question->vector, &words);
    double strange = tag == NULL ? (double)head->average : (double)tag->average;
    double known = text_score(head, question, &words) + (tag == NULL ? 0 : (double)tag->offset);
    double success = probability(familiarity * known + (1 - familiarity) * strange);
    if (stranger) {
        double average = probability((double)head->average);
        success = average + (double)weights->transfer[index] * (success - average);
    }
    return success;
}

/* What the heads say, as probabilities; the tasks that have one, as bits. */
static uint32_t ask_heads(const struct weights *weights, const struct text_vector *vector,
                          float probabilities[TASK_COUNT], float *ret_home)
{
    const struct weights_question question = {.vector = vector};
    uint32_t asked = 0;
    float sum = 0;
    memset(probabilities, 0, TASK_COUNT * sizeof(float));
    for (uint32_t i = 0; i < weights->head_count; i++) {
        enum task task;
        const struct head *head = &weights->heads[i];
        if (head->kind == HEAD_TASK && task_from_name(slice_from_cstr(head->name), &task)) {
            const struct head_words words = head_read(head, vector);
            double commonness = pow(probability((double)head->average), RARITY);
            probabilities[task] =
                (float)(probability(text_score(head, &question, &words)) / commonness);
            sum += probabilities[task];
            asked |= UINT32_C(1) << task;
            *ret_home = (float)between(usual_coverage(head, vector, &words), AWAY_BELOW, HOME_FROM);
        }
    }
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        probabilities[i] = sum > 0 ? probabilities[i] / sum : 0;
    }
    return asked;
}

/* The heads know nothing of other tasks, so whether it is one of those the prior alone tells. */
static void heed_prior(const float *prior, uint32_t asked, float home,
                       float probabilities[TASK_COUNT])
{
    float weight = PRIOR_AWAY + (PRIOR_AT_HOME - PRIOR_AWAY) * home;
    float favour = 1 + (FAVOUR - 1) * home;
    float share = 0; /* of the tasks with heads */
    float sum = 0;
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        bool has_head = (asked >> i & 1u) != 0;
        share += has_head ? prior[i] : 0;
        probabilities[i] =
            has_head ? probabilities[i] * powf(prior[i] + PRIOR_DOUBT, weight) : prior[i];
        sum += has_head ? probabilities[i] : 0;
    }
    float favoured = share * favour / (share * favour + (1 - share));
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        if ((asked >> i & 1u) == 0) {
            probabilities[i] *= share < 1 ? (1 - favoured) / (1 - share) : 0;
        } else {
            probabilities[i] = sum > 0 ? probabilities[i] * favoured / sum : prior[i];
        }
    }
}

enum task weights_task(const struct weights *weights, const struct text_vector *vector,
                       const float *prior, float probabilities[TASK_COUNT])
{
    float home = 0;
    uint32_t asked = ask_heads(weights, vector, probabilities, &home);
    enum task best = TASK_OTHER;
    if (prior != NULL) {
        heed_prior(prior, asked, home, probabilities);
    }
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        best = probabilities[i] > probabilities[best] ? (enum task)i : best;
    }
    return best;
}

/* --- pairs --- */

struct pair_reading {
    const struct weights *weights;
    uint32_t weak; /* heads */
    uint32_t strong;
    uint32_t rows[WEIGHTS_SAMPLE_MAX]; /* of the sample, that know both */
    uint32_t count;
    bool strong_is_better;
};

static double gap_of(const struct pair_reading *reading, uint32_t row)
{
    const struct weights *weights = reading->weights;
    const float *outcomes = weights->sample_outcomes + (size_t)row * weights->head_count;
    return (double)outcomes[reading->strong] - (double)outcomes[reading->weak];
}

static void find_rows(struct pair_reading *reading)
{
    const struct weights *weights = reading->weights;
    double gap = 0;
    for (uint32_t i = 0; i < weights->sample_count && i < WEIGHTS_SAMPLE_MAX; i++) {
        const float *outcomes = weights->sample_outcomes + (size_t)i * weights->head_count;
        if (outcomes[reading->weak] >= 0 && outcomes[reading->strong] >= 0) {
            gap += gap_of(reading, i);
            reading->rows[reading->count++] = i;
        }
    }
    reading->strong_is_better = reading->count > 0 ? gap > 0
                                                   : weights->heads[reading->strong].average >
                                                         weights->heads[reading->weak].average;
}

/* The probability of a sample's row, as its tag lets expect; or as a stranger's. */
static double sample_success(const struct weights *weights, uint32_t row, uint32_t head,
                             bool tagged, bool stranger)
{
    const float *scores = stranger ? weights->sample_strangers : weights->sample_scores;
    double score = (double)scores[(size_t)row * weights->head_count + head];
    uint64_t tag = tagged ? weights->sample_tags[row] : 0;
    const struct tag_offset *offset = tag == 0 ? NULL : weights_tag(weights, tag, head);
    return probability(score + (offset == NULL ? 0 : (double)offset->offset));
}

static double sample_score(const struct pair_reading *reading, uint32_t row, bool tagged,
                           bool stranger)
{
    return sample_success(reading->weights, row, reading->strong, tagged, stranger) -
           sample_success(reading->weights, row, reading->weak, tagged, stranger);
}

/* What choosing wins on one row over the better single model. */
static double row_gain(const struct pair_reading *reading, uint32_t row, double score)
{
    double gap = gap_of(reading, row);
    bool takes_strong = score > 0;
    return takes_strong == reading->strong_is_better ? 0 : takes_strong ? gap : -gap;
}

static bool pays(const struct pair_reading *reading, bool tagged)
{
    double sum = 0;
    double squares = 0;
    for (uint32_t i = 0; i < reading->count; i++) {
        uint32_t row = reading->rows[i];
        double gain = row_gain(reading, row, sample_score(reading, row, tagged, false));
        sum += gain;
        squares += gain * gain;
    }
    double variance = reading->count == 0 ? 0 : squares - sum * sum / reading->count;
    return sum > ERRORS_TO_PAY * sqrt(fmax(0, variance));
}

/* Rows of one tag win and lose together: a tag is one observation. */
static bool pays_for_strangers(const struct pair_reading *reading)
{
    const uint64_t *tags = reading->weights->sample_tags;
    double sum = 0;
    double squares = 0;
    double here = 0; /* of one tag's rows, which stand together */
    for (uint32_t i = 0; i < reading->count; i++) {
        uint32_t row = reading->rows[i];
        double gain = row_gain(reading, row, sample_score(reading, row, false, true));
        bool same = i > 0 && tags[row] != 0 && tags[row] == tags[reading->rows[i - 1]];
        here = same ? here : 0;
        squares += (here + gain) * (here + gain) - here * here;
        here += gain;
        sum += gain;
    }
    return sum > ERRORS_TO_PAY * sqrt(fmax(0, squares));
}

void weights_pair_read(const struct weights *weights, uint32_t weak, uint32_t strong, bool tagged,
                       struct share_dial *dial, struct weights_pair *ret_pair)
{
    struct pair_reading reading;
    reading.weights = weights;
    reading.weak = weak;
    reading.strong = strong;
    reading.count = 0;
    find_rows(&reading);
    for (uint32_t i = 0; dial != NULL && i < reading.count; i++) {
        share_learn(dial, sample_score(&reading, reading.rows[i], tagged, false),
                    SHARE_SAMPLE / reading.count);
    }
    *ret_pair = (struct weights_pair){.rows = reading.count,
                                      .strong_is_better = reading.strong_is_better,
                                      .pays = pays(&reading, tagged) &&
                                              (tagged || pays_for_strangers(&reading))};
}
