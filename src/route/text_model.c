/* SPDX-License-Identifier: Apache-2.0 */
#include "route/text_model.h"

#include "base/hash.h"
#include "route/aside.h"
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

static enum task soften(const float scores[TEXT_LANES], float tasks[TEXT_LANES])
{
#ifdef __SSE2__
    if (LIKELY(is_wide())) {
        return lanes_soften_wide(scores, tasks);
    }
#endif
    return lanes_soften_narrow(scores, tasks);
}

/* Of other kinds of work no outcomes were learned from. */
static bool has_outcomes(enum task task)
{
    return task == TASK_QA_OPEN || task == TASK_MATH || task == TASK_CODE_FUNCTION;
}

/* By the task, and, the more the text is like those that outcomes are known of, by what they say.
 */
static void judge_text(const struct text_model *model, const float *scores, float coverage,
                       enum task task, struct judgement *judged)
{
    /* How much of what moves a small model's chances moves a stronger one's. */
    static const float shares[TIER_COUNT] = {1, 0.75F, 0.6F};
    float usual = model->header.coverage > 0 ? coverage / model->header.coverage : 0;
    float known = (usual - STRANGE_BELOW) / (FAMILIAR_FROM - STRANGE_BELOW);
    known = known < 0 ? 0 : known > 1 ? 1 : known;
    judge_task(task, judged);
    float like = has_outcomes(task) ? known * probability(scores[LANE_JUDGED]) : 0;
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
    ret_opinion->best = soften(scores, ret_opinion->tasks);
    judge_text(model, scores, coverage, ret_opinion->best, &ret_opinion->judged);
}

/* --- the decision --- */

/* Rules have read all of the code, the model its ends: where they agree, the surer one's word. */
static void make_surer(struct classification *c, double sure)
{
    float *chances = c->chances;
    float chance = chances[c->task];
    if (c->task < TASK_CODE_COMPLETION || (double)chance >= sure) {
        return;
    }
    float left = (1 - (float)sure) / (1 - chance);
    for (unsigned lane = 0; lane < TEXT_LANES; lane++) {
        chances[lane] *= left;
    }
    chances[c->task] = (float)sure;
}

/* Whose word holds? *best: the model's, who knows what the rules said. */
static void weigh(const struct features *features, enum task best, struct classification *c)
{
    const float *chances = c->chances;
    bool unsure = chances[best] < SURE_FROM;
    bool rules_stand =
        c->task >= TASK_CODE_COMPLETION && chances[c->task] >= CODE_RULES_STAND * chances[best];
    if (best != c->task && !rules_stand && !unsure) {
        c->task = best;
        c->reason = "text model";
    } else {
        make_surer(c, c->confidence);
    }
    c->confidence = (double)chances[c->task];
    c->complexity = complexity_of(features, c->task);
}

static void ask_model(const struct text_model *model, const struct features *features,
                      const struct rule_points *points, struct classification *c)
{
    struct glance glance;
    float scores[TEXT_LANES];
    float coverage;
    glance_make(features, points, &glance);
    c->repeats = features->beyond_ascii > 0 && glance_repeats(&glance);
    score_lanes(model, &glance, scores, &coverage);
    enum task best = soften(scores, c->chances);
    c->by_model = true;
    weigh(features, best, c);
    if (c->task == best) { /* else the task's own chances stand */
        judge_text(model, scores, coverage, best, &c->judged);
    }
}

void classify_text(const struct text_model *model, const struct features *features,
                   struct classification *ret_classification)
{
    struct classification *c = ret_classification;
    struct rule_points points;
    /* text to be gone on with is no request, whatever it says */
    if (model == NULL || features->user_len == 0 || features->completion || features->suffix) {
        classify(features, c);
        return;
    }
    classify_points(features, c, &points);
    if (c->confidence >= RULES_SURE) {
        c->complexity = complexity_of(features, c->task);
        return;
    }
    ask_model(model, features, &points, c);
}

/* --- files --- */

uint32_t text_model_sum(const struct text_model *model)
{
    size_t begin = offsetof(struct text_model_header, word_value);
    uint32_t sum = crc32c(0, model->table, sizeof(model->table));
    return crc32c(sum, (const char *)&model->header + begin, sizeof(model->header) - begin);
}
