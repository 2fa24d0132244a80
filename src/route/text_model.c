/* SPDX-License-Identifier: Apache-2.0 */
#include "route/text_model.h"

#include "base/hash.h"
#include "route/judge.h"

#include <math.h>

/* Shares of the usual coverage: below the first a text is strange, from the second on familiar. */
#define STRANGE_BELOW 0.45F
#define FAMILIAR_FROM 0.85F
#define SURE_FROM 0.4F /* below it the rules' word stands, "other" too */
#define RULES_SURE 0.9 /* then nobody else is asked: it would cost more than all of the rules */
#define CODE_RULES_STAND 0.4F
#define LIKE_LEAST 0.05F /* less says nothing */

typedef uint16_t shorts __attribute__((vector_size(16)));

/* No sum of that many bytes leaves 16 bits. */
_Static_assert(GLANCE_WORDS_MAX * 255 <= UINT16_MAX &&
                   (GLANCE_COUNT_MAX - GLANCE_WORDS_MAX) * 255 <= UINT16_MAX,
               "the two kinds of rows are summed apart");

/* Two lanes in each 16 bits: even ones and odd ones are summed apart, which takes no widening. */
static void sum_rows(const struct text_model *model, const uint16_t *rows, size_t count,
                     int32_t sums[TEXT_LANES])
{
    shorts even[2] = {{0}, {0}};
    shorts odd[2] = {{0}, {0}};
    for (size_t i = 0; i < count; i++) {
        shorts lanes[2];
        memcpy(lanes, model->table[rows[i]], sizeof(lanes));
        even[0] += lanes[0] & 0xff;
        even[1] += lanes[1] & 0xff;
        odd[0] += lanes[0] >> 8;
        odd[1] += lanes[1] >> 8;
    }
    for (unsigned i = 0; i < TEXT_LANES; i += 2) {
        sums[i] = even[i / 16][i % 16 / 2] - (int32_t)count * TEXT_ZERO;
        sums[i + 1] = odd[i / 16][i % 16 / 2] - (int32_t)count * TEXT_ZERO;
    }
}

static void score_lanes(const struct text_model *model, const struct glance *glance,
                        float scores[TEXT_LANES], float *ret_coverage)
{
    int32_t words[TEXT_LANES];
    int32_t facts[TEXT_LANES];
    sum_rows(model, glance->rows, glance->words, words);
    sum_rows(model, glance->rows + glance->words, glance->count - glance->words, facts);
    float word_value = model->header.word_value / sqrtf((float)glance->words + 4);
    for (unsigned i = 0; i < TEXT_LANES; i++) {
        scores[i] = model->header.scales[i] *
                    ((float)words[i] * word_value + (float)facts[i] * model->header.fact_value);
    }
    *ret_coverage = glance->words == 0 ? 0 : (float)words[LANE_SEEN] / (float)glance->words;
}

void text_model_scores(const struct text_model *model, const struct glance *glance,
                       float scores[TEXT_LANES])
{
    float coverage;
    score_lanes(model, glance, scores, &coverage);
}

/* e^x for -20 <= x <= 0 within 0.1 %: 2^n by its exponent bits, the rest by a polynomial. */
static inline float quick_exp(float x)
{
    float y = x * 1.44269504F;
    int32_t n = (int32_t)y - 1;
    float f = y - (float)n; /* 0 .. 1, or 1 .. 2 at whole numbers */
    float p = 1 + f * (0.69583354F + f * (0.22606716F + f * 0.07809985F));
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof(power));
    return p * power;
}

static float probability(float score)
{
    return 1 / (1 + expf(-score));
}

static float log_odds(unsigned permille)
{
    float p = (float)permille / 1000.0F;
    return logf(p / (1 - p));
}

static void soften(const float *scores, struct text_opinion *opinion)
{
    float most = scores[0];
    float sum = 0;
    opinion->best = (enum task)0;
    for (unsigned i = 1; i < TASK_COUNT; i++) {
        if (scores[i] > most) {
            most = scores[i];
            opinion->best = (enum task)i;
        }
    }
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        float below = scores[i] - most;
        opinion->tasks[i] = quick_exp(below < -20 ? -20 : below);
        sum += opinion->tasks[i];
    }
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        opinion->tasks[i] *= 1 / sum;
    }
}

/* Of other kinds of work no outcomes were learned from. */
static bool has_outcomes(enum task task)
{
    return task == TASK_QA_OPEN || task == TASK_MATH || task == TASK_CODE_FUNCTION;
}

/* By the task, and, the more the text is like those that outcomes are known of, by what they say.
 */
static void judge_text(const struct text_model *model, const float *scores, float coverage,
                       struct text_opinion *opinion)
{
    /* How much of what moves a small model's chances moves a stronger one's. */
    static const float shares[TIER_COUNT] = {1, 0.75F, 0.6F};
    struct judgement *judged = &opinion->judged;
    float usual = model->header.coverage > 0 ? coverage / model->header.coverage : 0;
    float known = (usual - STRANGE_BELOW) / (FAMILIAR_FROM - STRANGE_BELOW);
    known = known < 0 ? 0 : known > 1 ? 1 : known;
    judge_task(opinion->best, judged);
    float like = has_outcomes(opinion->best) ? known * probability(scores[LANE_JUDGED]) : 0;
    if (like < LIKE_LEAST) {
        return;
    }
    judged->familiarity_permille = (uint16_t)(like * 1000 + 0.5F);
    float harder = scores[LANE_SUCCESS] - log_odds(judged->success_permille[TIER_BUDGET]);
    for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
        float score = log_odds(judged->success_permille[tier]) + shares[tier] * harder;
        judged->success_permille[tier] = (uint16_t)(probability(score) * 998 + 1);
    }
}

void text_model_ask(const struct text_model *model, const struct glance *glance,
                    struct text_opinion *ret_opinion)
{
    float scores[TEXT_LANES];
    float coverage;
    score_lanes(model, glance, scores, &coverage);
    soften(scores, ret_opinion);
    judge_text(model, scores, coverage, ret_opinion);
}

/* --- the decision --- */

static void list_likely(const struct text_opinion *opinion, struct task_chance *likely)
{
    memset(likely, 0, TASK_CHANCES * sizeof(*likely));
    for (unsigned task = 0; task < TASK_COUNT; task++) {
        struct task_chance chance = {(uint8_t)task, (uint16_t)(opinion->tasks[task] * 1000 + 0.5F)};
        if (chance.permille <= likely[TASK_CHANCES - 1].permille) {
            continue;
        }
        for (unsigned i = 0; i < TASK_CHANCES; i++) {
            if (chance.permille > likely[i].permille) {
                struct task_chance worse = likely[i];
                likely[i] = chance;
                chance = worse;
            }
        }
    }
}

void classify_text(const struct text_model *model, const struct features *features,
                   struct classification *ret_classification)
{
    struct classification *c = ret_classification;
    struct rule_points points;
    struct glance glance;
    struct text_opinion opinion;
    /* text to be gone on with is no request, whatever it says */
    if (model == NULL || features->user_len == 0 || features->completion || features->suffix) {
        classify(features, c);
        return;
    }
    classify_points(features, c, &points);
    if (c->confidence >= RULES_SURE) {
        judge_task(c->task, &c->judged);
        return;
    }
    glance_make(features, &points, &glance);
    text_model_ask(model, &glance, &opinion);
    /* rules have read all of the code, the model its ends */
    bool unsure = opinion.tasks[opinion.best] < SURE_FROM;
    bool rules_stand = c->task >= TASK_CODE_COMPLETION &&
                       opinion.tasks[c->task] >= CODE_RULES_STAND * opinion.tasks[opinion.best];
    if (opinion.best != c->task && !rules_stand && !unsure) {
        c->task = opinion.best;
        c->reason = "text model";
        c->complexity = complexity_of(features, c->task);
    }
    c->confidence = (double)opinion.tasks[c->task];
    if (c->task == opinion.best) {
        c->judged = opinion.judged;
    }
    list_likely(&opinion, c->likely);
}

/* --- files --- */

uint32_t text_model_sum(const struct text_model *model)
{
    size_t begin = offsetof(struct text_model_header, word_value);
    uint32_t sum = crc32c(0, model->table, sizeof(model->table));
    return crc32c(sum, (const char *)&model->header + begin, sizeof(model->header) - begin);
}
