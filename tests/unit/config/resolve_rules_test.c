/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#include "config/preset.h"

#define FLEET                                                                                      \
    "providers: { local: { preset: ollama }, openai: { api_key: k } }\n"                           \
    "targets:\n"                                                                                   \
    "  a: { provider: local, model: a }\n"                                                         \
    "  b: { provider: openai, model: gpt-4o-mini }\n"                                              \
    "  c: { provider: openai, model: gpt-4 }\n"

static const struct route *load_route(struct loading *loading, const char *text)
{
    static const struct route none;
    struct snapshot *snapshot = loading_cstr(loading, text);
    if (snapshot == NULL) {
        printf("# %.*s\n", SLICE_ARG(loading_text(loading)));
    }
    EXPECT(snapshot != NULL);
    return snapshot == NULL ? &none : policy_find_route(&snapshot->policy, SLICE("auto"));
}

static void weights_follow_the_candidates(void)
{
    struct loading loading;
    const struct route *route =
        load_route(&loading, FLEET
                   "routes: { auto: { targets: [c, a, b], strategy: weighted, weights: { a: 3, "
                   "c: 1 }, split_by: key } }\n");
    EXPECT_INT(route->strategy, STRATEGY_WEIGHTED);
    EXPECT_INT(route->split, SPLIT_KEY);
    EXPECT(route->draws);
    EXPECT(route->weights != NULL);
    if (route->weights != NULL) {
        EXPECT_INT(route->weights[0], 1);
        EXPECT_INT(route->weights[1], 3);
        EXPECT_INT(route->weights[2], 0);
    }
    loading_end(&loading);
}

static void without_weights_all_count_the_same(void)
{
    struct loading loading;
    const struct route *route =
        load_route(&loading, FLEET "routes: { auto: { strategy: weighted } }\n");
    for (size_t i = 0; i < 3 && route->weights != NULL; i++) {
        EXPECT_INT(route->weights[i], 1);
    }
    EXPECT(route->weights != NULL);
    loading_end(&loading);
}

static void rules_stand_in_the_order_of_the_file(void)
{
    struct loading loading;
    const struct route *route = load_route(
        &loading, FLEET
        "routes:\n  auto:\n    rules:\n"
        "      night: { when: { hours: [\"22:00-06:00\", \"12:00-13:30\"], days: [sat, SUN] }, "
        "targets: [a] }\n"
        "      code: { when: { task: [\"code_*\", math], min_complexity: 0.25, tools: true }, "
        "strategy: priority, min_tier: mid }\n"
        "      ab: { when: { header: { X-Team: data }, metadata: { tier: [gold, silver] }, "
        "key: \"ci-*\", pace: far-ahead, language: cjk }, targets: [b, c], strategy: weighted, "
        "weights: { b: 9, c: 1 } }\n");
    EXPECT_INT(route->rule_count, 3);
    EXPECT(route->draws);
    if (route->rule_count != 3) {
        loading_end(&loading);
        return;
    }
    const struct rule *night = &route->rules[0];
    EXPECT_SLICE(night->name, "night");
    EXPECT_INT(night->when.hour_count, 2);
    EXPECT_INT(night->when.hours[0].from, 22 * 60);
    EXPECT_INT(night->when.hours[1].to, 13 * 60 + 30);
    EXPECT_INT(night->when.days, 1 << 5 | 1 << 6);
    EXPECT_INT(night->target_count, 1);
    EXPECT_INT(night->min_tier, -1);
    EXPECT_INT(night->when.max_tokens, INT64_MAX);
    const struct rule *code = &route->rules[1];
    uint64_t tasks = code->when.tasks;
    EXPECT((tasks >> TASK_CODE_FIX & 1) == 1 && (tasks >> TASK_MATH & 1) == 1);
    EXPECT((tasks >> TASK_CHAT & 1) == 0);
    EXPECT(code->when.min_complexity > 0.249 && code->when.min_complexity < 0.251);
    EXPECT_INT(code->when.tools, 1);
    EXPECT_INT(code->when.stream, -1);
    EXPECT(code->targets == NULL);
    EXPECT_INT(code->strategy, STRATEGY_PRIORITY);
    EXPECT_INT(code->min_tier, TIER_MID);
    const struct rule *ab = &route->rules[2];
    EXPECT_INT(ab->when.word_count, 2);
    EXPECT_INT(ab->when.key_count, 1);
    EXPECT_INT(ab->when.pressure, 2);
    EXPECT_INT(ab->when.languages, 1 << LANGUAGE_CJK);
    EXPECT_INT(ab->weights == NULL ? 0 : ab->weights[0], 9);
    loading_end(&loading);
}

static void a_rule_has_the_routes_strategy_and_weights(void)
{
    struct loading loading;
    const struct route *route = load_route(
        &loading, FLEET "routes: { auto: { strategy: weighted, weights: { b: 5 }, rules: { r: { "
                        "min_tier: mid } } } }\n");
    EXPECT_INT(route->rule_count, 1);
    if (route->rule_count == 1) {
        EXPECT_INT(route->rules[0].strategy, STRATEGY_WEIGHTED);
        EXPECT(route->rules[0].weights == route->weights);
    }
    loading_end(&loading);
}

static void mistakes_are_named(void)
{
    static const struct {
        const char *route;
        const char *wanted;
    } cases[] = {
        {"weights: { a: 1 }", "weights count only where the strategy is weighted"},
        {"strategy: weighted, weights: { d: 1 }", "there is no target \"d\""},
        {"strategy: weighted, targets: [a], weights: { b: 1 }",
         "\"b\" has a weight and is not among the targets here"},
        {"strategy: weighted, weights: { a: 0 }", "all weights are 0"},
        {"strategy: weighted, weights: { a: -1 }", "must be a whole number"},
        {"strategy: cheap", "routes.auto.strategy must be cheapest-capable"},
        {"rules: { r: { when: { task: code_fixx } } }", "there is no task \"code_fixx\""},
        {"rules: { r: { when: { task: nothing_* } } }", "there is no task \"nothing_*\""},
        {"rules: { r: { when: { hours: \"22-6\" } } }", "\"22-6\" is no span of hours"},
        {"rules: { r: { when: { hours: \"24:00-06:00\" } } }", "is no span of hours"},
        {"rules: { r: { when: { hours: \"06:00-06:00\" } } }", "is no span of hours"},
        {"rules: { r: { when: { hours: \"06:61-07:00\" } } }", "is no span of hours"},
        {"rules: { r: { when: { days: monday } } }", "there is no day \"monday\""},
        {"rules: { r: { when: { language: klingon } } }", "there is no language \"klingon\""},
        {"rules: { r: { when: { min_tokens: 9, max_tokens: 8 } } }",
         "the least is more than the most"},
        {"rules: { r: { when: { min_complexity: 0.9, max_complexity: 0.1 } } }",
         "the least is more than the most"},
        {"rules: { r: { when: { min_complexity: 2 } } }", "min_complexity must be from 0 to 1"},
        {"rules: { r: { targets: [zz] } }", "there is no target \"zz\""},
        {"rules: [a]", "routes.auto.rules must be a section"},
        {"preset: fast", "routes.auto.preset must be coding, chat or batch"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct loading loading;
        struct buf text = BUF_INIT(4096);
        buf_printf(&text, FLEET "routes: { auto: { %s } }\n", cases[i].route);
        EXPECT(loading_begin(&loading, buf_slice(&text), TESTING_FILE, NULL) == NULL);
        bool found =
            slice_find_slice(loading_text(&loading), slice_from_cstr(cases[i].wanted)) != SIZE_MAX;
        EXPECT(found);
        if (!found) {
            printf("# %s: %.*s\n", cases[i].route, SLICE_ARG(loading_text(&loading)));
        }
        loading_end(&loading);
        buf_release(&text);
    }
}

static void every_preset_loads(void)
{
    struct slice words = SLICE(PRESET_WORDS);
    while (words.len > 0) {
        struct slice name = slice_cut(&words, '|');
        struct loading loading;
        struct buf text = BUF_INIT(4096);
        EXPECT(preset_text(name) != NULL);
        buf_printf(&text, FLEET "routes: { auto: { preset: %.*s } }\n", SLICE_ARG(name));
        EXPECT(loading_begin(&loading, buf_slice(&text), TESTING_FILE, NULL) != NULL);
        loading_end(&loading);
        buf_release(&text);
    }
    EXPECT(preset_text(SLICE("none")) == NULL);
}

static void what_the_route_says_counts_more_than_its_preset(void)
{
    struct loading loading;
    const struct route *route = load_route(&loading, FLEET "routes: { auto: { preset: batch } }\n");
    EXPECT_INT(route->max_attempts, 8);
    EXPECT_INT(route->on_infeasible, INFEASIBLE_NEAREST);
    loading_end(&loading);
    route = load_route(&loading, FLEET "routes: { auto: { max_attempts: 2, preset: batch } }\n");
    EXPECT_INT(route->max_attempts, 2);
    EXPECT_INT(route->on_infeasible, INFEASIBLE_NEAREST);
    loading_end(&loading);
}

static void a_section_that_is_said_in_part_keeps_the_rest_of_the_preset(void)
{
    struct loading loading;
    const struct route *route = load_route(
        &loading, FLEET "routes: { auto: { preset: coding, escalate: { threshold: 0.8 } } }\n");
    EXPECT(route->escalation != NULL && route->escalation->checks.threshold > 0.79);
    EXPECT(route->escalation != NULL &&
           (route->escalation->checks.when & CHECK_BIT(CHECK_TOOL)) != 0);
    EXPECT(!route->sticky);
    loading_end(&loading);
    route = load_route(
        &loading, FLEET "routes: { auto: { preset: chat, escalate: { max_attempts: 2 } } }\n");
    EXPECT_INT(route->max_attempts, 2); /* and no contradiction with the preset's */
    EXPECT(route->escalation != NULL && route->escalation->stream == STREAM_EARLY);
    loading_end(&loading);
    route = load_route(
        &loading, FLEET "routes: { auto: { preset: chat, escalate: { when: [error] } } }\n");
    EXPECT(route->escalation == NULL);
    loading_end(&loading);
}

int main(void)
{
    TEST(weights_follow_the_candidates, "weights follow the order of the candidates");
    TEST(without_weights_all_count_the_same, "without weights all targets count the same");
    TEST(rules_stand_in_the_order_of_the_file, "rules stand in the order of the file");
    TEST(a_rule_has_the_routes_strategy_and_weights, "a rule has the route's strategy and weights");
    TEST(mistakes_are_named, "mistakes in strategies and rules are named");
    TEST(every_preset_loads, "every preset loads");
    TEST(what_the_route_says_counts_more_than_its_preset, "a route counts more than its preset");
    TEST(a_section_that_is_said_in_part_keeps_the_rest_of_the_preset,
         "a section that is said in part keeps the rest of the preset");
    return tap_done();
}
