/* SPDX-License-Identifier: Apache-2.0 */
#include "route/text_model.h"

#include "base/hash.h"
#include "route/judge.h"
#include "route/lanes.h"
#include "route/vocabulary.h"

#include <math.h>

/* Shares of the usual coverage: below the first a text is strange, from the second on familiar. */
#define STRANGE_BELOW 0.45F
#define FAMILIAR_FROM 0.85F
#define SURE_FROM 0.4F /* below it the rules' word stands, "other" too */
#define RULES_SURE 0.9 /* then nobody else is asked: it would cost more than all of the rules */
#define CODE_RULES_STAND 0.4F
#define LIKE_LEAST 0.05F /* less says nothing */

static bool is_wide(void)
{
    return vocabulary_get()->wide;
}

static void score_lanes(const struct text_model *model, const struct glance *glance,
                        float scores[TEXT_LANES], float *ret_coverage)
{
#ifdef __SSE2__
    if (LIKELY(is_wide())) {
        lanes_score_wide(model, glance, scores, ret_coverage);
        return;
    }
#endif
    lanes_score_narrow(model, glance, scores, ret_coverage);
}

void text_model_scores(const struct text_model *model, const struct glance *glance,
                       float scores[TEXT_LANES])
{
    float coverage;
    score_lanes(model, glance, scores, &coverage);
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
#ifdef __SSE2__
    if (LIKELY(is_wide())) {
        opinion->best = lanes_soften_wide(scores, opinion->tasks);
        return;
    }
#endif
    opinion->best = lanes_soften_narrow(scores, opinion->tasks);
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
#ifdef __SSE2__
    if (LIKELY(is_wide())) {
        lanes_likely_wide(opinion->tasks, likely);
        return;
    }
#endif
    lanes_likely_narrow(opinion->tasks, likely);
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
