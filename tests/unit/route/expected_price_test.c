/* SPDX-License-Identifier: Apache-2.0 */
/* The order that comes of what was learned, and of what may come after a poor answer. */
#include "route/expected_price.h"

#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

static struct experience experience[FLEET];
static const struct escalation checked = {.judge = NO_TARGET};

static void begin(void)
{
    fleet_init();
    fleet.targets[LLAMA].off = true;
    for (size_t i = 0; i < FLEET; i++) {
        experience_init(&experience[i]);
        fleet.targets[i].experience = &experience[i];
    }
}

static void teach(uint16_t target, int64_t input, int64_t output, int64_t reasoning)
{
    const struct experience_answer answer = {
        .input = input, .output = output, .reasoning = reasoning};
    struct experience_logs logs;
    fleet_plan();
    experience_logs(&fleet.plan.asked, &answer, &logs);
    for (int i = 0; i < 100; i++) {
        experience_note(&experience[target], &fleet.plan.asked, &logs);
    }
    fleet_plan();
}

static void a_verbose_target_is_dearer_than_its_list_price(void)
{
    begin();
    fleet.targets[HAIKU].price = fleet_price(3);
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU); /* $3 against $4 */
    teach(HAIKU, 1000, 2000, 0);
    EXPECT(fleet_entry(HAIKU)->expected_output > 1800);
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_INT(fleet.plan.expected_output_tokens, fleet_entry(GPT)->expected_output);
}

static void thinking_is_paid_for(void)
{
    begin();
    fleet.targets[HAIKU].price = fleet_price(3);
    fleet.features.needs = CAPABILITY_REASONING;
    teach(HAIKU, 1000, 200 + 1500, 1500);
    EXPECT_INT(fleet_at(0), GPT);
    fleet.features.needs = 0; /* it thinks only when asked to */
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
}

static void who_counts_more_tokens_is_dearer(void)
{
    begin();
    fleet.targets[HAIKU].price = fleet_price(3);
    fleet.features.tokens.high = 8000;
    teach(HAIKU, 2000, 200, 0);
    EXPECT(fleet_entry(HAIKU)->expected_input > 1900);
    EXPECT_INT(fleet_at(0), GPT);
}

static void a_limit_is_held_against_what_was_learned(void)
{
    begin();
    fleet.input.constraints.max_cost_nd = 4LL * 1000 * 1800; /* GPT: 1,800 tokens in all */
    fleet_plan();
    EXPECT(fleet_entry(GPT)->taken);
    teach(GPT, 1000, 1500, 0);
    EXPECT_INT(fleet_reason(GPT), REASON_COST);
    EXPECT(fleet_entry(GPT)->high_output >= 1500);
}

static void a_ceiling_of_the_request_holds_for_what_was_learned(void)
{
    begin();
    teach(GPT, 1000, 3000, 0);
    fleet.input.max_tokens = 100;
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->expected_output, 100);
    EXPECT_INT(fleet_entry(GPT)->high_output, 100);
}

/* Without escalation an answer that is not good enough costs nothing more. */
static void a_poor_chance_costs_where_the_route_escalates(void)
{
    begin();
    fleet_plan();
    const struct plan_entry *cheap = fleet_entry(HAIKU);
    EXPECT_INT(cheap->expected_total_nd, cheap->expected_cost_nd);
    fleet.route.escalation = &checked;
    fleet_plan();
    cheap = fleet_entry(HAIKU);
    int64_t failures = 1000 - cheap->success_permille;
    EXPECT(failures > 0);
    /* the next tier's cheapest is GPT, $4 per million */
    EXPECT_INT(cheap->expected_total_nd - cheap->expected_cost_nd,
               4 * 1000 * (fleet.plan.asked.input + fleet.plan.asked.output) * failures / 1000);
    /* above the strongest there is nothing to move to */
    EXPECT_INT(fleet_entry(OPUS)->expected_total_nd, fleet_entry(OPUS)->expected_cost_nd);
    fleet.targets[GPT].off = true;
    fleet_plan();
    EXPECT(fleet_entry(HAIKU)->expected_total_nd - fleet_entry(HAIKU)->expected_cost_nd >
           4 * 4 * 1000 * fleet.plan.asked.input * failures / 1000);
}

static void the_next_target_costs_what_it_was_seen_to_cost(void)
{
    begin();
    fleet.route.escalation = &checked;
    teach(GPT, 1000, 3000, 0);
    fleet_plan();
    const struct plan_entry *cheap = fleet_entry(HAIKU);
    const struct plan_entry *next = fleet_entry(GPT);
    EXPECT(next->expected_output > 2 * fleet.plan.asked.output);
    EXPECT_INT(cheap->expected_total_nd - cheap->expected_cost_nd,
               next->expected_cost_nd * (1000 - cheap->success_permille) / 1000);
}

static void the_order_is_by_all_that_it_may_cost(void)
{
    begin();
    /* so near to GPT's price that the chance to pay that as well decides */
    fleet.targets[OPUS].off = true;
    fleet.targets[HAIKU].price = fleet_price(4);
    fleet.targets[HAIKU].price.base.output -= 1000;
    fleet_plan();
    EXPECT_INT(fleet_at(0), HAIKU);
    fleet.route.escalation = &checked;
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
}

int main(void)
{
    TEST(a_verbose_target_is_dearer_than_its_list_price,
         "a verbose target is dearer than its list");
    TEST(thinking_is_paid_for, "thinking is paid for, where it is asked for");
    TEST(who_counts_more_tokens_is_dearer, "who counts more tokens is dearer");
    TEST(a_limit_is_held_against_what_was_learned, "a limit is held against what was learned");
    TEST(a_ceiling_of_the_request_holds_for_what_was_learned, "a ceiling holds for it, too");
    TEST(the_next_target_costs_what_it_was_seen_to_cost,
         "the next target costs what it was seen to cost");
    TEST(a_poor_chance_costs_where_the_route_escalates,
         "a poor chance costs where routes escalate");
    TEST(the_order_is_by_all_that_it_may_cost, "the order is by all that it may cost");
    return tap_done();
}
