/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tap.h"

#include "base/hash.h"
#include "tests/unit/route/fleet.h"

#define LOTS 20000

static uint64_t lot_of(size_t i)
{
    return hash_stable(slice_of((const char *)&i, sizeof(i)));
}

static void weigh(uint32_t llama, uint32_t haiku, uint32_t gpt, uint32_t opus)
{
    static uint32_t weights[FLEET];
    fleet_init();
    weights[LLAMA] = llama;
    weights[HAIKU] = haiku;
    weights[GPT] = gpt;
    weights[OPUS] = opus;
    fleet.route.strategy = STRATEGY_WEIGHTED;
    fleet.route.weights = weights;
}

static int first_of_lot(size_t i)
{
    fleet.input.lot = lot_of(i);
    fleet_plan();
    return fleet_at(0);
}

static void shares_are_the_weights(void)
{
    int firsts[FLEET] = {0};
    weigh(0, 70, 20, 10);
    for (size_t i = 0; i < LOTS; i++) {
        int first = first_of_lot(i);
        EXPECT(first >= 0);
        firsts[first < 0 ? 0 : first]++;
    }
    EXPECT_INT(firsts[LLAMA], 0);
    EXPECT(firsts[HAIKU] > LOTS * 69 / 100 && firsts[HAIKU] < LOTS * 71 / 100);
    EXPECT(firsts[GPT] > LOTS * 19 / 100 && firsts[GPT] < LOTS * 21 / 100);
    EXPECT(firsts[OPUS] > LOTS * 9 / 100 && firsts[OPUS] < LOTS * 11 / 100);
}

static void a_lot_stays_where_it_is(void)
{
    weigh(1, 1, 1, 1);
    for (size_t i = 0; i < 200; i++) {
        int first = first_of_lot(i);
        EXPECT_INT(first_of_lot(i), first);
    }
}

static void only_the_lots_of_a_lost_target_move(void)
{
    int before[400];
    int second[400];
    int moved = 0;
    weigh(1, 2, 3, 4);
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        before[i] = first_of_lot(i);
        second[i] = fleet_at(1);
    }
    fleet.targets[GPT].off = true;
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        int now = first_of_lot(i);
        moved += now != before[i];
        EXPECT_INT(now, before[i] == GPT ? second[i] : before[i]);
    }
    EXPECT(moved > 80 && moved < 160);
}

static void the_chances_are_recorded(void)
{
    weigh(0, 60, 30, 10);
    first_of_lot(1);
    EXPECT_INT(fleet_entry(LLAMA)->propensity_permille, 0);
    EXPECT_INT(fleet_entry(HAIKU)->propensity_permille, 600);
    EXPECT_INT(fleet_entry(GPT)->propensity_permille, 300);
    EXPECT_INT(fleet_entry(OPUS)->propensity_permille, 100);
    EXPECT_INT(fleet.plan.entries[0].reason, REASON_DRAWN);
    EXPECT_INT(fleet.plan.entries[1].reason, REASON_FALLBACK);
    fleet.targets[HAIKU].off = true;
    first_of_lot(1);
    EXPECT_INT(fleet_entry(HAIKU)->propensity_permille, 0);
    EXPECT_INT(fleet_entry(GPT)->propensity_permille, 750);
    EXPECT_INT(fleet_entry(OPUS)->propensity_permille, 250);
}

static void the_chances_sum_to_one(void)
{
    static const uint32_t weights[][4] = {{1, 1, 1, 0}, {1, 1, 1, 4}, {6, 1, 5, 3}, {999, 7, 7, 7}};
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        for (uint64_t lot = 0; lot < 50; lot++) {
            weigh(weights[i][0], weights[i][1], weights[i][2], weights[i][3]);
            first_of_lot(lot);
            unsigned sum = 0;
            for (size_t j = 0; j < fleet.plan.count; j++) {
                sum += fleet.plan.entries[j].propensity_permille;
            }
            EXPECT_INT(sum, 1000);
        }
    }
}

static void only_those_that_rank_together_are_drawn_from(void)
{
    static const struct slice order[] = {SLICE_INIT("openai"), SLICE_INIT("openrouter")};
    weigh(0, 60, 30, 10);
    fleet.targets[OPUS].provider_name = SLICE("openai"); /* with gpt */
    fleet.input.constraints.order = order;
    fleet.input.constraints.order_count = 2;
    first_of_lot(1);
    EXPECT_INT(fleet_entry(HAIKU)->propensity_permille, 0);
    EXPECT_INT(fleet_entry(GPT)->propensity_permille, 750);
    EXPECT_INT(fleet_entry(OPUS)->propensity_permille, 250);
}

static void a_conversation_that_stays_was_not_drawn(void)
{
    struct session_view view = {.target = OPUS, .turns = 2, .stay = 2};
    weigh(0, 60, 30, 10);
    fleet.input.session = &view;
    first_of_lot(1);
    EXPECT_INT(fleet.plan.entries[0].target, OPUS);
    EXPECT_INT(fleet_entry(OPUS)->propensity_permille, 1000);
    EXPECT_INT(fleet_entry(HAIKU)->propensity_permille, 0);
    fleet.targets[OPUS].off = true; /* it has to move: by lot */
    first_of_lot(1);
    EXPECT_INT(fleet.plan.entries[0].reason, REASON_MOVED);
    EXPECT_INT(fleet_entry(HAIKU)->propensity_permille, 667);
    EXPECT_INT(fleet_entry(GPT)->propensity_permille, 333);
    fleet.input.session = NULL;
}

static void chances_stay_where_fallbacks_are_not_allowed(void)
{
    weigh(0, 60, 30, 10);
    fleet.input.constraints.allow_fallbacks = false;
    first_of_lot(7);
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_entry(HAIKU)->propensity_permille, 600);
    EXPECT_INT(fleet_entry(GPT)->propensity_permille, 300);
}

static void without_a_lot_the_first_is_certain(void)
{
    fleet_init();
    fleet_plan();
    EXPECT_INT(fleet.plan.entries[0].propensity_permille, 1000);
    EXPECT_INT(fleet.plan.entries[1].propensity_permille, 0);
    weigh(0, 0, 0, 0);
    first_of_lot(3);
    EXPECT_INT(fleet.plan.entries[0].propensity_permille, 1000);
}

static void the_derived_tier_does_not_bend_a_lot(void)
{
    int firsts[FLEET] = {0};
    weigh(1, 0, 0, 1);
    fleet.input.classification.task = TASK_CODE_SECURITY; /* premium */
    for (size_t i = 0; i < 400; i++) {
        firsts[first_of_lot(i)]++;
    }
    EXPECT(firsts[LLAMA] > 150 && firsts[OPUS] > 150);
    EXPECT(!fleet.plan.below_tier);
    fleet.route.min_tier = TIER_MID; /* a declared one is hard */
    EXPECT_INT(first_of_lot(1), OPUS);
    EXPECT_INT(fleet_reason(LLAMA), REASON_MIN_TIER);
}

static void what_the_caller_sorts_by_counts_more(void)
{
    weigh(0, 0, 0, 1);
    fleet.input.constraints.sort = SORT_EXPECTED_PRICE;
    EXPECT_INT(first_of_lot(1), LLAMA);
    EXPECT_INT(fleet.plan.entries[0].reason, REASON_CHEAPEST);
    EXPECT_INT(fleet.plan.entries[0].propensity_permille, 1000);
}

static void priority_is_the_order_of_the_list(void)
{
    uint16_t order[] = {GPT, LLAMA, OPUS, HAIKU};
    fleet_init();
    fleet.route.strategy = STRATEGY_PRIORITY;
    fleet.route.candidates = order;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_INT(fleet_at(1), LLAMA);
    EXPECT_INT(fleet_at(2), OPUS);
    EXPECT_INT(fleet_at(3), HAIKU);
    EXPECT_INT(fleet_reason(GPT), REASON_FIRST);
    EXPECT_INT(fleet_reason(LLAMA), REASON_FALLBACK);
}

static void fastest_is_by_latency(void)
{
    fleet_init();
    fleet.route.strategy = STRATEGY_FASTEST;
    fleet.targets[OPUS].latency_ms = 20;
    fleet_plan();
    EXPECT_INT(fleet_at(0), OPUS);
    EXPECT_INT(fleet_reason(OPUS), REASON_FASTEST);
    EXPECT_INT(fleet_at(1), LLAMA);
}

static void balance_weighs_success_against_price(void)
{
    const int64_t cent = 10000000;
    EXPECT(strategy_balance(900, cent, 0) < strategy_balance(800, 0, 0));
    EXPECT(strategy_balance(900, cent, 5) < strategy_balance(800, 0, 5));
    EXPECT(strategy_balance(900, cent, 20) > strategy_balance(800, 0, 20));
    EXPECT_INT(strategy_balance(900, cent, 10), strategy_balance(800, 0, 10));
    EXPECT(strategy_balance(0, INT64_MAX, 1e6) > 0);
    EXPECT(strategy_balance(1000, 0, 1e6) < 0);
}

static void draws_are_defined_for_every_lot(void)
{
    for (size_t i = 0; i < 1000; i++) {
        int64_t number = strategy_draw(lot_of(i), SLICE("a"), 1 + (uint32_t)i * 1000);
        EXPECT(number > 0 && number < strategy_draw(lot_of(i), SLICE("a"), 0));
    }
}

static void names_are_the_words(void)
{
    struct slice rest = SLICE(STRATEGY_WORDS);
    for (unsigned i = 0; i < STRATEGY_COUNT; i++) {
        EXPECT(slice_eq(slice_cut(&rest, '|'), slice_from_cstr(strategy_name((enum strategy)i))));
    }
    EXPECT_INT(rest.len, 0);
}

int main(void)
{
    TEST(names_are_the_words, "each strategy's name is the configuration's word for it");
    TEST(shares_are_the_weights, "each target comes first as often as its weight says");
    TEST(a_lot_stays_where_it_is, "the same lot draws the same target");
    TEST(only_the_lots_of_a_lost_target_move, "a target that goes away moves its own lots only");
    TEST(the_chances_sum_to_one, "they sum to one exactly, however odd the weights");
    TEST(the_chances_are_recorded, "every candidate has the chance it had");
    TEST(only_those_that_rank_together_are_drawn_from,
         "a lot is drawn from those that rank together");
    TEST(a_conversation_that_stays_was_not_drawn, "a conversation that stays was not drawn");
    TEST(chances_stay_where_fallbacks_are_not_allowed, "chances are those before the choice");
    TEST(without_a_lot_the_first_is_certain, "without a lot the first has all the chance");
    TEST(the_derived_tier_does_not_bend_a_lot, "only a declared tier bends a lot");
    TEST(what_the_caller_sorts_by_counts_more, "what the caller sorts by counts more");
    TEST(priority_is_the_order_of_the_list, "priority tries in the order of the list");
    TEST(fastest_is_by_latency, "fastest goes by latency");
    TEST(balance_weighs_success_against_price, "balanced weighs success against price");
    TEST(draws_are_defined_for_every_lot, "a weight of nothing comes after every other");
    return tap_done();
}
