/* SPDX-License-Identifier: Apache-2.0 */
/* `escalate` of a route: which checks its answers must pass, and what these need. */
#include "config/reader.h"
#include "config/resolve_weights.h"

#include <math.h>
#include <stdio.h>

/* The word that stands for failures, which always move on, and after it the checks. */
static struct slice word_at(const void *owner, size_t i)
{
    (void)owner;
    return i == 0 ? SLICE("error") : slice_from_cstr(answer_check_name((enum answer_check)(i - 1)));
}

static uint32_t read_words(struct reader *reader, const struct yaml *when)
{
    uint32_t checks = 0;
    for (const struct yaml *w = item_first(when); w != NULL; w = item_next(when, w)) {
        enum answer_check check;
        if (answer_check_from_name(w->text, &check)) {
            checks |= CHECK_BIT(check);
        } else if (!slice_eq(w->text, word_at(NULL, 0))) {
            report_unknown_name(reader, w->place, w->written, "reason to escalate", word_at, NULL,
                                CHECK_COUNT + 1);
        }
    }
    return checks;
}

/* A check that is asked for and has nothing to go by, or is given what it goes by and not asked
 * for.
 */
static void require(struct reader *reader, const struct yaml *escalate, uint32_t checks,
                    enum answer_check check, bool given, const char *pattern)
{
    const struct yaml *when = setting_node(escalate, "routes.*.escalate.when");
    bool wanted = (checks & CHECK_BIT(check)) != 0;
    const char *name = strrchr(pattern, '.') + 1;
    char hint[96];
    if (wanted && !given && !setting_attempted(escalate, pattern)) {
        snprintf(hint, sizeof(hint), "give escalate.%s", name);
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", when->key_place, hint,
                        "the check %s has nothing to go by", answer_check_name(check));
    } else if (!wanted && given) {
        snprintf(hint, sizeof(hint), "add %s to escalate.when", answer_check_name(check));
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "unused",
                        setting_node(escalate, pattern)->key_place, hint,
                        "%s is given, but nothing is checked by it", name);
    }
}

static void resolve_pattern(struct reader *reader, const struct yaml *escalate,
                            struct check_settings *checks)
{
    const struct yaml *node = setting_node(escalate, "routes.*.escalate.pattern");
    char text[128] = "";
    size_t offset;
    if (node != NULL && !check_pattern_compile(node->text, reader->arena, &checks->pattern, &offset,
                                               text, sizeof(text))) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", node->place,
                        "it is read as PCRE2 reads it", "character %zu of the expression: %s",
                        offset, text);
    }
}

static const uint64_t *judged_targets(struct reader *reader, const struct weights *weights)
{
    const struct policy *policy = &reader->snapshot->policy;
    uint64_t *bits = weights == NULL
                         ? NULL
                         : arena_array(reader->arena, policy->target_count / 64 + 1, sizeof(*bits));
    for (size_t i = 0; bits != NULL && i < policy->target_count; i++) {
        bool known =
            weights_find_target(weights, HEAD_ANSWER, &policy->targets[i]) != WEIGHTS_NO_HEAD;
        bits[i / 64] |= (uint64_t)known << (i % 64);
    }
    return bits;
}

static void resolve_judge(struct reader *reader, const struct yaml *escalate,
                          struct escalation *escalation)
{
    const struct yaml *judge = setting_node(escalate, "routes.*.escalate.judge");
    const struct yaml *target = setting_node(judge, "routes.*.escalate.judge.target");
    escalation->judge = target == NULL ? NO_TARGET : setting_target(reader, target);
    escalation->rubric = setting_text(judge, "routes.*.escalate.judge.rubric");
    escalation->judge_threshold =
        (double)setting_number(judge, "routes.*.escalate.judge.threshold") / 1000.0;
    escalation->judge_ms = setting_number(judge, "routes.*.escalate.judge.timeout");
    if (judge != NULL && !setting_attempted(judge, "routes.*.escalate.judge.target")) {
        report_error(reader, judge->key_place, "incomplete", "give judge.target",
                     "a judge is a target, which must be named");
    }
}

static void resolve_checks(struct reader *reader, const struct yaml *escalate,
                           struct escalation *escalation)
{
    struct check_settings *checks = &escalation->checks;
    struct slice *choices;
    double confidence =
        (double)setting_number(escalate, "routes.*.escalate.min_confidence") / 1000.0;
    checks->threshold = (double)setting_number(escalate, "routes.*.escalate.threshold") / 1000.0;
    checks->min_mean_logprob = confidence > 0 ? log(confidence) : -1e9;
    resolve_pattern(reader, escalate, checks);
    checks->choice_count = setting_list(reader, escalate, "routes.*.escalate.choices", &choices);
    checks->choices = choices;
    escalation->stream = (enum stream_mode)setting_number(escalate, "routes.*.escalate.stream");
    escalation->weights = setting_weights(reader, escalate, "routes.*.escalate.weights");
    escalation->judged = (checks->when & CHECK_BIT(CHECK_LEARNED)) == 0
                             ? NULL
                             : judged_targets(reader, escalation->weights);
    resolve_judge(reader, escalate, escalation);
    require(reader, escalate, checks->when, CHECK_PATTERN, checks->pattern != NULL,
            "routes.*.escalate.pattern");
    require(reader, escalate, checks->when, CHECK_CHOICE, checks->choice_count > 0,
            "routes.*.escalate.choices");
    require(reader, escalate, checks->when, CHECK_LEARNED, escalation->weights != NULL,
            "routes.*.escalate.weights");
    require(reader, escalate, checks->when, CHECK_JUDGE, escalation->judge != NO_TARGET,
            "routes.*.escalate.judge");
}

/* The grammars are what a build may lack. */
static void warn_unparsed(struct reader *reader, const struct yaml *escalate, uint32_t checks)
{
    if ((checks & CHECK_BIT(CHECK_CODE)) != 0 && check_code_language(1) == NULL) {
        diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_grammars",
                        setting_node(escalate, "routes.*.escalate.when")->key_place,
                        "run tools/setup.sh and build again",
                        "this program was built without grammars: of code only JSON is parsed");
    }
}

static void resolve_attempts(struct reader *reader, const struct yaml *section,
                             const struct yaml *escalate, struct route *route)
{
    const struct yaml *attempts = setting_node(escalate, "routes.*.escalate.max_attempts");
    if (attempts == NULL) {
        return;
    }
    unsigned count = (unsigned)setting_number(escalate, "routes.*.escalate.max_attempts");
    if (setting_given(section, "routes.*.max_attempts") && count != route->max_attempts) {
        report_error(reader, attempts->key_place, "contradiction", "keep one of them",
                     "max_attempts of the route says something else");
    }
    route->max_attempts = count;
}

void resolve_escalation(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *escalate = setting_node(section, "routes.*.escalate");
    struct escalation *escalation = ARENA_NEW(reader->arena, struct escalation);
    resolve_attempts(reader, section, escalate, route);
    if (escalate == NULL || escalation == NULL) {
        return;
    }
    escalation->checks.when = read_words(reader, setting_node(escalate, "routes.*.escalate.when"));
    resolve_checks(reader, escalate, escalation);
    warn_unparsed(reader, escalate, escalation->checks.when);
    route->escalation = escalation->checks.when == 0 ? NULL : escalation;
}
