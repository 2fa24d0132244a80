/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tap.h"

#include "tests/unit/route/fleet.h"

#define MINUTE(day, hour, minute) ((day)*RULE_MINUTES_OF_DAY + (hour)*60 + (minute))
enum { MON, TUE, WED, THU, FRI, SAT, SUN };

static struct slice header_value;

static struct slice look_up(const void *owner, const struct rule_word *word)
{
    (void)owner;
    bool known = slice_eq(word->name, SLICE("x-team")) && !word->metadata;
    return known ? header_value : SLICE_EMPTY;
}

static struct rule rule_of_anything(void)
{
    return (struct rule){
        .name = SLICE("r"),
        .when = {.max_complexity = 1, .max_tokens = INT64_MAX, .tools = -1, .stream = -1},
        .min_tier = -1,
    };
}

static bool asker_holds(const struct rule *rule, const char *key, unsigned minute)
{
    struct rule_asker asker = {
        .key_name = slice_from_cstr(key), .minute = minute, .look_up = look_up};
    return rules_of_asker(rule, 1, &asker) == 1;
}

static bool request_holds(const struct rule *rule, bool stream, unsigned pressure)
{
    return rule_of_request(rule, 1, 1, &fleet.features, &fleet.input.classification, stream,
                           pressure) == rule;
}

static void without_conditions_it_always_applies(void)
{
    struct rule rule = rule_of_anything();
    fleet_init();
    EXPECT(asker_holds(&rule, "", 0));
    EXPECT(request_holds(&rule, false, 0));
    EXPECT(request_holds(&rule, true, 2));
}

static void keys_match_by_name(void)
{
    struct slice names[] = {SLICE("ci"), SLICE("team-*")};
    struct rule rule = rule_of_anything();
    rule.when.keys = names;
    rule.when.key_count = ARRAY_LEN(names);
    EXPECT(asker_holds(&rule, "ci", 0));
    EXPECT(asker_holds(&rule, "team-a", 0));
    EXPECT(!asker_holds(&rule, "cia", 0));
    EXPECT(!asker_holds(&rule, "", 0));
}

static void headers_match_by_value(void)
{
    struct slice values[] = {SLICE("data"), SLICE("ml-*")};
    struct slice any[] = {SLICE("*")};
    struct rule_word word = {SLICE("x-team"), values, ARRAY_LEN(values), false};
    struct rule rule = rule_of_anything();
    rule.when.words = &word;
    rule.when.word_count = 1;
    header_value = SLICE("ml-vision");
    EXPECT(asker_holds(&rule, "", 0));
    header_value = SLICE("web");
    EXPECT(!asker_holds(&rule, "", 0));
    word.values = any;
    word.value_count = 1;
    EXPECT(asker_holds(&rule, "", 0));
    header_value = SLICE_EMPTY; /* it is not there */
    EXPECT(!asker_holds(&rule, "", 0));
    word.metadata = true;
    header_value = SLICE("data");
    EXPECT(!asker_holds(&rule, "", 0));
}

static void texts_match_patterns(void)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool holds;
    } cases[] = {
        {"a", "a", true},
        {"a", "ab", false},
        {"a*", "ab", true},
        {"a*", "a", true},
        {"*b", "ab", true},
        {"*b", "ba", false},
        {"*b*", "abc", true},
        {"*b*", "ac", false},
        {"*", "", true},
        {"*", "x", true},
        {"", "", true},
        {"", "x", false},
        {"code_*", "code_fix", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice pattern = slice_from_cstr(cases[i].pattern);
        EXPECT_INT(rule_text_matches(slice_from_cstr(cases[i].text), &pattern, 1), cases[i].holds);
    }
}

static void nights_go_over_midnight(void)
{
    struct rule_hours night = {22 * 60, 6 * 60};
    struct rule rule = rule_of_anything();
    rule.when.hours = &night;
    rule.when.hour_count = 1;
    EXPECT(asker_holds(&rule, "", MINUTE(MON, 22, 0)));
    EXPECT(asker_holds(&rule, "", MINUTE(MON, 23, 59)));
    EXPECT(asker_holds(&rule, "", MINUTE(TUE, 5, 59)));
    EXPECT(!asker_holds(&rule, "", MINUTE(TUE, 6, 0)));
    EXPECT(!asker_holds(&rule, "", MINUTE(TUE, 21, 59)));
    rule.when.days = 1u << FRI; /* Friday's night ends on Saturday */
    EXPECT(asker_holds(&rule, "", MINUTE(FRI, 23, 0)));
    EXPECT(asker_holds(&rule, "", MINUTE(SAT, 5, 0)));
    EXPECT(!asker_holds(&rule, "", MINUTE(FRI, 5, 0)));
    EXPECT(!asker_holds(&rule, "", MINUTE(SAT, 23, 0)));
    rule.when.days = 1u << SUN; /* over the end of the week */
    EXPECT(asker_holds(&rule, "", MINUTE(MON, 1, 0)));
}

static void days_alone_are_whole_days(void)
{
    struct rule rule = rule_of_anything();
    rule.when.days = 1u << SAT | 1u << SUN;
    EXPECT(asker_holds(&rule, "", MINUTE(SAT, 0, 0)));
    EXPECT(asker_holds(&rule, "", MINUTE(SUN, 23, 59)));
    EXPECT(!asker_holds(&rule, "", MINUTE(MON, 0, 0)));
    struct rule_hours day = {9 * 60, 17 * 60};
    rule.when.hours = &day;
    rule.when.hour_count = 1;
    EXPECT(asker_holds(&rule, "", MINUTE(SAT, 9, 0)));
    EXPECT(!asker_holds(&rule, "", MINUTE(SAT, 17, 0)));
}

static void what_is_asked_is_looked_at(void)
{
    struct rule rule = rule_of_anything();
    fleet_init();
    rule.when.tasks = UINT64_C(1) << TASK_QA_OPEN;
    EXPECT(request_holds(&rule, true, 0));
    rule.when.tasks = UINT64_C(1) << TASK_CODE_FIX;
    EXPECT(!request_holds(&rule, true, 0));
    rule = rule_of_anything();
    rule.when.min_complexity = 0.5;
    EXPECT(!request_holds(&rule, true, 0));
    fleet.input.classification.complexity = 0.5;
    EXPECT(request_holds(&rule, true, 0));
    rule = rule_of_anything();
    rule.when.max_tokens = 999; /* the request has 1,000 */
    EXPECT(!request_holds(&rule, true, 0));
    rule.when.max_tokens = 1000;
    EXPECT(request_holds(&rule, true, 0));
    rule.when.languages = 1u << LANGUAGE_CYRILLIC;
    EXPECT(!request_holds(&rule, true, 0));
    fleet.features.language = LANGUAGE_CYRILLIC;
    EXPECT(request_holds(&rule, true, 0));
}

static void tools_streams_and_pace_are_looked_at(void)
{
    struct rule rule = rule_of_anything();
    fleet_init();
    rule.when.tools = 1;
    EXPECT(!request_holds(&rule, true, 0));
    fleet.features.tools = 2;
    EXPECT(request_holds(&rule, true, 0));
    rule.when.tools = 0;
    EXPECT(!request_holds(&rule, true, 0));
    rule = rule_of_anything();
    rule.when.stream = 0;
    EXPECT(!request_holds(&rule, true, 0));
    EXPECT(request_holds(&rule, false, 0));
    rule = rule_of_anything();
    rule.when.pressure = 1;
    EXPECT(!request_holds(&rule, true, 0));
    EXPECT(request_holds(&rule, true, 1));
}

static void the_first_that_holds_applies(void)
{
    struct rule rules[3] = {rule_of_anything(), rule_of_anything(), rule_of_anything()};
    fleet_init();
    rules[1].when.tasks = UINT64_C(1) << TASK_CODE_FIX;
    const struct classification *c = &fleet.input.classification;
    EXPECT(rule_of_request(rules, 3, 7, &fleet.features, c, true, 0) == &rules[0]);
    EXPECT(rule_of_request(rules, 3, 6, &fleet.features, c, true, 0) == &rules[2]);
    EXPECT(rule_of_request(rules, 3, 2, &fleet.features, c, true, 0) == NULL);
    EXPECT(rule_of_request(rules, 3, 0, &fleet.features, c, true, 0) == NULL);
}

static void a_rule_names_its_targets(void)
{
    static const uint16_t targets[] = {OPUS, GPT};
    struct rule rule = rule_of_anything();
    fleet_init();
    fleet_list(true, 1, (uint16_t[]){LLAMA});
    rule.targets = targets;
    rule.target_count = 2;
    fleet.input.rule = &rule;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT); /* the cheaper one: the task's list is set aside */
    EXPECT_INT(fleet_at(1), OPUS);
    EXPECT_INT(fleet.plan.count, 2);
    EXPECT(fleet.plan.rule == &rule);
    rule.min_tier = TIER_PREMIUM;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    EXPECT_INT(fleet_reason(GPT), REASON_MIN_TIER);
}

static void a_rule_without_targets_keeps_the_routes(void)
{
    struct rule rule = rule_of_anything();
    fleet_init();
    rule.strategy = STRATEGY_FASTEST;
    fleet.targets[GPT].latency_ms = 10;
    fleet.input.rule = &rule;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_INT(fleet.plan.count, FLEET);
    fleet_list(true, 1, (uint16_t[]){LLAMA});
    fleet_plan();
    EXPECT_INT(fleet_at(0), LLAMA);
    EXPECT_INT(fleet.plan.taken, 1);
}

int main(void)
{
    TEST(without_conditions_it_always_applies, "a rule without conditions always applies");
    TEST(keys_match_by_name, "keys match by name");
    TEST(headers_match_by_value, "headers match by value, and must be there");
    TEST(texts_match_patterns, "a star stands for the rest");
    TEST(nights_go_over_midnight, "nights go over midnight and belong to their first day");
    TEST(days_alone_are_whole_days, "days without hours are whole days");
    TEST(what_is_asked_is_looked_at, "task, complexity, tokens and language are looked at");
    TEST(tools_streams_and_pace_are_looked_at, "tools, streams and pace are looked at");
    TEST(the_first_that_holds_applies, "the first rule that holds applies");
    TEST(a_rule_names_its_targets, "a rule's targets replace candidates and lists");
    TEST(a_rule_without_targets_keeps_the_routes,
         "a rule without targets keeps those of the route");
    return tap_done();
}
