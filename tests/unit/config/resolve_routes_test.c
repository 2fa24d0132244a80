/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#define FLEET                                                                                      \
    "providers: { local: { preset: ollama }, openai: { api_key: k } }\n"                           \
    "targets:\n"                                                                                   \
    "  a: { provider: local, model: a }\n"                                                         \
    "  b: { provider: openai, model: gpt-4o-mini }\n"                                              \
    "  c: { provider: openai, model: gpt-4 }\n"

enum { A, B, C };

static const struct route *load_route(struct loading *loading, const char *text, const char *name)
{
    static const struct route none;
    struct snapshot *snapshot = loading_cstr(loading, text);
    if (snapshot == NULL) {
        printf("# %.*s\n", SLICE_ARG(loading_text(loading)));
    }
    EXPECT(snapshot != NULL);
    const struct route *route =
        snapshot == NULL ? &none : policy_find_route(&snapshot->policy, slice_from_cstr(name));
    EXPECT(route != NULL);
    return route == NULL ? &none : route;
}

static void targets_are(const uint16_t *targets, size_t count, const char *wanted)
{
    char text[64] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && i < 32; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%c",
                                 targets[i] < 26 ? 'a' + targets[i] : '?');
    }
    EXPECT_SLICE(slice_from_cstr(text), wanted);
}

static void auto_is_always_there(void)
{
    static const char *const texts[] = {FLEET,
                                        FLEET "routes:\n",
                                        FLEET "routes: {}\n",
                                        FLEET "routes: { coding: {} }\n",
                                        FLEET "routes: { auto: {} }\n",
                                        FLEET "routes: { auto: }\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct loading loading;
        const struct route *route = load_route(&loading, texts[i], "auto");
        targets_are(route->candidates, route->candidate_count, "abc");
        EXPECT_INT(route->baseline, NO_TARGET);
        EXPECT_INT(route->max_latency_ms, NO_LIMIT);
        EXPECT_INT(route->max_cost_nd, NO_LIMIT);
        EXPECT_INT(route->min_tier, -1);
        EXPECT(route->conservative > 0.699 && route->conservative < 0.701);
        EXPECT_INT(route->on_infeasible, INFEASIBLE_ERROR);
        EXPECT_INT(route->max_attempts, 3);
        EXPECT(!route->local_only);
        for (int t = 0; t < TASK_COUNT; t++) {
            EXPECT_INT(route->task_tier[t], task_default_tier((enum task)t));
            EXPECT(route->task_policy[t] == NULL);
        }
        EXPECT_INT(loading.diagnostics.count, 0);
        loading_end(&loading);
    }
}

static void takes_what_is_given(void)
{
    struct loading loading;
    const struct route *route =
        load_route(&loading,
                   FLEET "routes:\n"
                         "  mine: { targets: [c, a], baseline: c, max_latency_ms: 500,\n"
                         "    max_cost_usd: 0.05, min_tier: mid, conservative: 0.25,\n"
                         "    local_only: true, on_infeasible: nearest, max_attempts: 5,\n"
                         "    tag: letters, conservative_min: 0.1,\n"
                         "    tiers: { chat: premium, math: budget },\n"
                         "    tasks: { chat: c } }\n",
                   "mine");
    targets_are(route->candidates, route->candidate_count, "ca");
    EXPECT_INT(route->baseline, C);
    EXPECT_INT(route->max_latency_ms, 500);
    EXPECT_INT(route->max_cost_nd, 50000000);
    EXPECT_INT(route->min_tier, TIER_MID);
    EXPECT(route->conservative > 0.249 && route->conservative < 0.251);
    EXPECT(route->local_only);
    EXPECT_SLICE(route->tag, "letters");
    EXPECT(route->conservative_min > 0.099 && route->conservative_min < 0.101);
    EXPECT(route->conservative_max > 0.249 && route->conservative_max < 0.251);
    EXPECT_INT(route->on_infeasible, INFEASIBLE_NEAREST);
    EXPECT_INT(route->max_attempts, 5);
    EXPECT_INT(route->task_tier[TASK_CHAT], TIER_PREMIUM);
    EXPECT_INT(route->task_tier[TASK_MATH], TIER_BUDGET);
    EXPECT_INT(route->task_tier[TASK_REASONING], TIER_PREMIUM);
    loading_end(&loading);
}

static void zero_is_a_limit(void)
{
    struct loading loading;
    const struct route *route = load_route(
        &loading, FLEET "routes: { mine: { max_cost_usd: 0, max_latency_ms: 0 } }\n", "mine");
    EXPECT_INT(route->max_cost_nd, 0);
    EXPECT_INT(route->max_latency_ms, 0);
    loading_end(&loading);
}

static void tasks_are_exclusive_or_preferences(void)
{
    struct loading loading;
    const struct route *route =
        load_route(&loading,
                   FLEET "routes:\n  auto:\n    tasks:\n"
                         "      chat: [b, a]\n"
                         "      math: c\n"
                         "      reasoning: { prefer: [c, b], min_tier: premium }\n"
                         "      rewrite: { only: a }\n"
                         "      code_fix: { min_tier: mid }\n"
                         "      other: [openai/gpt-4o, openai/gpt-4]\n",
                   "auto");
    const struct task_policy *policy = route->task_policy[TASK_CHAT];
    EXPECT(policy->exclusive && policy->min_tier == -1);
    targets_are(policy->targets, policy->count, "ba");
    policy = route->task_policy[TASK_MATH];
    EXPECT(policy->exclusive);
    targets_are(policy->targets, policy->count, "c");
    policy = route->task_policy[TASK_REASONING];
    EXPECT(!policy->exclusive);
    EXPECT_INT(policy->min_tier, TIER_PREMIUM);
    targets_are(policy->targets, policy->count, "cb");
    policy = route->task_policy[TASK_REWRITE];
    EXPECT(policy->exclusive);
    targets_are(policy->targets, policy->count, "a");
    policy = route->task_policy[TASK_CODE_FIX];
    EXPECT(!policy->exclusive && policy->count == 0);
    EXPECT_INT(policy->min_tier, TIER_MID);
    policy = route->task_policy[TASK_OTHER];
    EXPECT_INT(policy->count, 2);
    EXPECT(policy->targets[0] > C);    /* addressable only */
    EXPECT_INT(policy->targets[1], C); /* the model has a name in the file */
    loading_end(&loading);
}

static void refused(const char *text, const char *code, unsigned column, const char *hint)
{
    struct loading loading;
    EXPECT(loading_cstr(&loading, text) == NULL);
    const struct diagnostic *item = loading_find(&loading, code);
    EXPECT(item != NULL);
    EXPECT_INT(loading.diagnostics.errors, 1);
    if (item != NULL) {
        EXPECT_INT(item->column, column);
        EXPECT(strstr(item->hint, hint) != NULL);
        if (strstr(item->hint, hint) == NULL) {
            printf("# %s: %s\n", item->message, item->hint);
        }
    } else {
        printf("# %.*s\n", SLICE_ARG(loading_text(&loading)));
    }
    loading_end(&loading);
}

static void refuses_names_that_mean_nothing(void)
{
    refused(FLEET "routes: { auto: { baseline: d } }\n", "unknown_name", 29, "a");
    refused(FLEET "routes: { auto: { targets: [a, openai/gpt-4o-mni] } }\n", "unknown_name", 32,
            "openai/gpt-4o-mini");
    refused(FLEET "routes: { auto: { tasks: { chatt: [a] } } }\n", "unknown_name", 28, "chat");
    refused(FLEET "routes: { auto: { tiers: { maths: mid } } }\n", "unknown_name", 28, "math");
    refused(FLEET "routes: { a: {} }\n", "name_clash", 11, "rename");
    refused(FLEET "routes: { openai/gpt-4o: {} }\n", "name_clash", 11, "own");
    refused(FLEET "  auto: { provider: local, model: x }\n", "name_clash", 3, "rename");
    refused(FLEET "routes: { \"x\\ty\": {} }\n", "bad_name", 11, "letters");
    refused(FLEET "routes: { auto: { targets: [a, a] } }\n", "duplicate_name", 32, "remove");
    refused(FLEET "routes: { auto: { tasks: { chat: { prefer: a, only: b } } } }\n",
            "contradiction", 47, "keep");
    refused(FLEET "routes: { auto: { escalate: { when: emty } } }\n", "unknown_name", 37, "empty");
    refused(FLEET "routes: { auto: { escalate: { when: pattern } } }\n", "incomplete", 31,
            "escalate.pattern");
    refused(FLEET "routes: { auto: { escalate: { when: choice } } }\n", "incomplete", 31,
            "escalate.choices");
    refused(FLEET "routes: { auto: { escalate: { when: learned } } }\n", "incomplete", 31,
            "escalate.weights");
    refused(FLEET "routes: { auto: { escalate: { when: judge } } }\n", "incomplete", 31,
            "escalate.judge");
    refused(FLEET "routes: { auto: { escalate: { when: judge, judge: { rubric: x } } } }\n",
            "incomplete", 44, "judge.target");
    refused(FLEET "routes: { auto: { escalate: { when: judge, judge: { target: z } } } }\n",
            "unknown_name", 61, "a");
    refused(FLEET "routes: { auto: { escalate: { when: pattern, pattern: \"a(b\" } } }\n",
            "bad_value", 55, "PCRE2");
    refused(FLEET "routes: { auto: { escalate: { when: learned, weights: /nowhere } } }\n",
            "unreadable_file", 55, "read");
    refused(FLEET "routes: { auto: { session: { ttl: 10ms } } }\n", "bad_value", 35, "");
    refused(FLEET "routes: { auto: { max_attempts: 1, escalate: { max_attempts: 2 } } }\n",
            "contradiction", 48, "keep");
}

static void escalation_counts_attempts(void)
{
    struct loading loading;
    const struct route *route = load_route(
        &loading, FLEET "routes: { auto: { escalate: { when: [error], max_attempts: 7 } } }\n",
        "auto");
    EXPECT_INT(route->max_attempts, 7);
    loading_end(&loading);
    route = load_route(
        &loading, FLEET "routes: { auto: { max_attempts: 2, escalate: { max_attempts: 2 } } }\n",
        "auto");
    EXPECT_INT(route->max_attempts, 2);
    loading_end(&loading);
}

static void checks_of_answers(void)
{
    struct loading loading;
    const struct route *route = load_route(
        &loading,
        FLEET "routes: { auto: { escalate: { when: [error, empty, pattern, judge], threshold: 0.7,"
              " pattern: \"^a\", min_confidence: 0.5, stream: early,"
              " judge: { target: a, rubric: short, threshold: 0.8, timeout: 2s } } } }\n",
        "auto");
    const struct escalation *escalation = route->escalation;
    EXPECT(escalation != NULL);
    EXPECT(escalation->checks.when ==
           (CHECK_BIT(CHECK_EMPTY) | CHECK_BIT(CHECK_PATTERN) | CHECK_BIT(CHECK_JUDGE)));
    EXPECT(escalation->checks.threshold > 0.69 && escalation->checks.threshold < 0.71);
    EXPECT(escalation->checks.min_mean_logprob < -0.69 &&
           escalation->checks.min_mean_logprob > -0.70);
    EXPECT_INT(check_pattern_search(escalation->checks.pattern, SLICE("abc")), CHECK_PASSED);
    EXPECT_INT(check_pattern_search(escalation->checks.pattern, SLICE("cba")), CHECK_FAILED);
    EXPECT_INT(escalation->stream, STREAM_EARLY);
    EXPECT_INT(escalation->judge, 0);
    EXPECT(slice_eq(escalation->rubric, SLICE("short")));
    EXPECT_INT(escalation->judge_ms, 2000);
    loading_end(&loading);
    route = load_route(&loading, FLEET "routes: { auto: { escalate: { when: error } } }\n", "auto");
    EXPECT(route->escalation == NULL); /* failures always move on */
    loading_end(&loading);
    route = load_route(&loading, FLEET "routes: { auto: { escalate: { when: empty } } }\n", "auto");
    EXPECT_INT(route->escalation->stream, STREAM_BUFFERED);
    EXPECT_INT(route->escalation->judge, NO_TARGET);
    loading_end(&loading);
    (void)load_route(&loading, FLEET "routes: { auto: { escalate: { when: code } } }\n", "auto");
    EXPECT_INT(loading_find(&loading, "no_grammars") != NULL, check_code_language(1) == NULL);
    loading_end(&loading);
}

static void hopeless(const char *route, bool wanted)
{
    char text[1000];
    struct loading loading;
    snprintf(text, sizeof(text), FLEET "routes: { x: %s }\n", route);
    EXPECT(loading_cstr(&loading, text) != NULL);
    EXPECT_INT(loading_find(&loading, "no_candidate") != NULL, wanted);
    loading_end(&loading);
}

static void warns_about_hopeless_routes(void)
{
    hopeless("{}", false);
    hopeless("{ targets: [b, c], max_cost_usd: 0 }", true);
    hopeless("{ max_cost_usd: 0 }", false);
    hopeless("{ targets: [b, c], local_only: true }", true);
    hopeless("{ targets: [a, b], min_tier: premium }", true);
    hopeless("{ targets: [a, b], min_tier: premium, tasks: { chat: [c] } }", false);
    hopeless("{ targets: [a, c], min_tier: premium }", false);
}

static void sessions_are_kept_where_the_route_says_so(void)
{
    struct loading loading;
    const struct route *route = load_route(&loading, FLEET "routes: { x: {} }\n", "x");
    EXPECT(!route->sticky && route->sticky_opening);
    EXPECT_INT(route->session_ttl_ms, 1800000);
    loading_end(&loading);
    route = load_route(
        &loading, FLEET "routes: { x: { session: { sticky: true, ttl: 2h, opening: false } } }\n",
        "x");
    EXPECT(route->sticky && !route->sticky_opening);
    EXPECT_INT(route->session_ttl_ms, 7200000);
    loading_end(&loading);
}

int main(void)
{
    TEST(auto_is_always_there, "the route auto is always there, with every target");
    TEST(takes_what_is_given, "takes what is given");
    TEST(zero_is_a_limit, "a limit of zero is a limit");
    TEST(tasks_are_exclusive_or_preferences, "a task's plain list is exclusive, prefer is not");
    TEST(refuses_names_that_mean_nothing, "refuses names that mean nothing, with what is near");
    TEST(checks_of_answers, "escalate says which checks answers must pass, and what these go by");
    TEST(escalation_counts_attempts, "escalate.max_attempts is max_attempts");
    TEST(sessions_are_kept_where_the_route_says_so, "sessions are kept where the route says so");
    TEST(warns_about_hopeless_routes, "warns about a route that none of its targets satisfies");
    return tap_done();
}
