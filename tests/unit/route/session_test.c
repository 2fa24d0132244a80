/* SPDX-License-Identifier: Apache-2.0 */
/* Where a conversation stays, where it goes, and what never moves it. */
#include "route/session.h"

#include "model/chat.h"
#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

static struct session_view view;

/* A conversation of a few turns at `target`; the turn's own tier is budget. */
static void session_at(uint16_t target)
{
    fleet_init();
    view = (struct session_view){.target = target, .turns = 8, .stay = 8};
    fleet.input.session = &view;
}

static void expect_first(int target, enum session_state state)
{
    fleet_plan();
    EXPECT_INT(fleet_at(0), target);
    EXPECT_INT(fleet.plan.session, state);
}

static void without_a_session_nothing_is_said(void)
{
    fleet_init();
    expect_first(LLAMA, SESSION_NONE);
    EXPECT_INT(fleet_reason(LLAMA), REASON_CHEAPEST);
}

static void stays_in_its_first_turns_whatever_is_cheaper(void)
{
    session_at(OPUS);
    view.turns = view.stay = SESSION_STAY_LEAST - 1;
    expect_first(OPUS, SESSION_KEPT);
    EXPECT_INT(fleet_reason(OPUS), REASON_SESSION);
    EXPECT_INT(fleet_at(1), LLAMA);
    EXPECT_INT(fleet_reason(LLAMA), REASON_FALLBACK);
    EXPECT_INT(fleet.plan.taken, FLEET);
}

static void leaves_when_that_pays(void)
{
    session_at(OPUS);
    expect_first(LLAMA, SESSION_SAVES);
    EXPECT_INT(fleet_reason(LLAMA), REASON_MOVED);
    EXPECT_INT(fleet_reason(OPUS), REASON_FALLBACK);
}

/* GPT reads a warm token for a tenth; HAIKU costs a quarter, and keeps no cache. */
static void a_warm_cache_is_not_burnt_for_less_than_it_is_worth(void)
{
    session_at(GPT);
    fleet.targets[LLAMA].off = true;
    fleet.targets[GPT].price.base.cache_read = fleet.targets[GPT].price.base.input / 10;
    fleet.features.tokens.expected = 50000;
    fleet.input.max_tokens = 100;
    view.warm_tokens = 49000;
    expect_first(GPT, SESSION_KEPT);
    view.warm_tokens = 0; /* the same turn with the cache gone cold */
    expect_first(HAIKU, SESSION_SAVES);
}

static void the_warm_part_of_the_prompt_is_priced_as_cached(void)
{
    session_at(GPT);
    fleet.targets[GPT].price.base.cache_read = 400000; /* of 4,000,000 */
    fleet.input.max_tokens = 100;
    view.warm_tokens = 500;
    fleet_plan();
    /* 1,000 in and 100 out at $4, less 500 * $3.60 */
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 4400000 - 1800000);
    EXPECT_INT(fleet_entry(GPT)->high_cost_nd, 4400000);
    EXPECT_INT(fleet_entry(OPUS)->expected_cost_nd, 22000000);
    view.warm_tokens = INT64_MAX; /* no more than the prompt has */
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 4400000 - 3600000);
}

static void a_small_saving_moves_nobody(void)
{
    session_at(GPT);
    fleet.targets[LLAMA].off = true;
    fleet.targets[HAIKU].price.base.input = 3700000;
    fleet.targets[HAIKU].price.base.output = 3700000;
    expect_first(GPT, SESSION_KEPT);
    fleet.targets[HAIKU].price.base.input = 3500000;
    fleet.targets[HAIKU].price.base.output = 3500000;
    expect_first(HAIKU, SESSION_SAVES);
}

static void never_moves_inside_a_tool_loop(void)
{
    session_at(OPUS);
    view.in_tool_loop = true;
    expect_first(OPUS, SESSION_KEPT);
    fleet.input.cheaper = 1;
    expect_first(OPUS, SESSION_KEPT);
    session_at(LLAMA);
    view.in_tool_loop = true;
    fleet.input.classification.task = TASK_CODE_ARCHITECTURE; /* premium */
    expect_first(LLAMA, SESSION_KEPT);
    EXPECT(fleet.plan.below_tier);
    health_record(&fleet.health[LLAMA],
                  &(struct health_sample){.outcome = HEALTH_FATAL, .now_ns = fleet.input.now_ns});
    expect_first(OPUS, SESSION_DEAD);
}

static void moves_up_for_a_turn_that_wants_more(void)
{
    session_at(LLAMA);
    view.stay = 1;
    fleet.input.classification.task = TASK_CODE_ARCHITECTURE;
    expect_first(OPUS, SESSION_TIER);
    fleet.targets[OPUS].off = true;
    expect_first(GPT, SESSION_TIER); /* nearer to it */
    fleet.targets[GPT].off = true;
    expect_first(LLAMA, SESSION_KEPT); /* no other is better */
}

static void does_not_go_below_what_was_needed_lately(void)
{
    session_at(OPUS);
    view.recent_tier = TIER_MID;
    expect_first(OPUS, SESSION_KEPT); /* the cheapest is budget */
    fleet.targets[LLAMA].tier = TIER_MID;
    expect_first(LLAMA, SESSION_SAVES);
    view.floor_tier = TIER_PREMIUM; /* an escalation found that it takes this */
    expect_first(OPUS, SESSION_KEPT);
}

static void outgrows_its_window_and_says_so(void)
{
    session_at(LLAMA);
    view.in_tool_loop = true; /* even so */
    fleet.targets[LLAMA].context_tokens = 900;
    expect_first(HAIKU, SESSION_OUTGROWN);
    EXPECT_INT(fleet_reason(LLAMA), REASON_CONTEXT);
    EXPECT_INT(fleet_reason(HAIKU), REASON_MOVED);
}

static void constraints_win(void)
{
    session_at(OPUS);
    fleet.input.constraints.max_cost_nd = 10000000;
    expect_first(LLAMA, SESSION_LIMITS);
    session_at(HAIKU);
    fleet.input.constraints.min_tier = TIER_PREMIUM;
    expect_first(OPUS, SESSION_LIMITS);
    session_at(GPT);
    fleet.input.constraints.local_only = true;
    expect_first(LLAMA, SESSION_LIMITS);
    uint64_t withheld = 1u << GPT;
    session_at(GPT);
    fleet.input.withheld = &withheld;
    expect_first(LLAMA, SESSION_GONE);
    session_at(NO_TARGET);
    expect_first(LLAMA, SESSION_GONE);
}

static void refused_requests_move_no_session(void)
{
    session_at(OPUS);
    fleet.input.constraints.max_cost_nd = 0;
    fleet.targets[LLAMA].off = true;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
    EXPECT_INT(fleet.plan.session, SESSION_NONE);
}

static void the_nearest_may_be_its_own(void)
{
    session_at(GPT);
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet.input.constraints.max_latency_ms = 10;
    view.target = LLAMA;
    expect_first(LLAMA, SESSION_KEPT);
    view.target = GPT;
    expect_first(LLAMA, SESSION_LIMITS);
}

static void a_list_is_not_left_but_its_order_gives_way(void)
{
    session_at(GPT);
    fleet_list(true, 2, (const uint16_t[]){HAIKU, GPT});
    expect_first(GPT, SESSION_KEPT);
    EXPECT_INT(fleet_reason(HAIKU), REASON_LISTED);
    view.target = OPUS;
    expect_first(HAIKU, SESSION_LIMITS);
    EXPECT_INT(fleet_reason(OPUS), REASON_NOT_LISTED);
}

static void pace_near_a_cap_moves_it_down(void)
{
    session_at(OPUS);
    view.stay = 1;
    fleet.input.cheaper = 1;
    expect_first(LLAMA, SESSION_PACE);
}

static void the_callers_own_order_counts_more(void)
{
    static const struct slice order[] = {SLICE_INIT("openai"), SLICE_INIT("anthropic")};
    session_at(OPUS);
    view.stay = view.turns = 1;
    fleet.input.constraints.sort = SORT_LATENCY;
    expect_first(LLAMA, SESSION_CALLER);
    fleet.input.constraints.sort = SORT_EXPECTED_PRICE;
    expect_first(LLAMA, SESSION_CALLER);
    view.in_tool_loop = true; /* but for this */
    expect_first(OPUS, SESSION_KEPT);
    EXPECT(fleet.plan.loop_held);
    session_at(OPUS);
    fleet.input.constraints.order = order;
    fleet.input.constraints.order_count = ARRAY_LEN(order);
    expect_first(GPT, SESSION_CALLER);
    session_at(GPT);
    fleet.input.constraints.order = order;
    fleet.input.constraints.order_count = ARRAY_LEN(order);
    expect_first(GPT, SESSION_KEPT);
    EXPECT(!fleet.plan.loop_held);
}

/* Both are of one provider: the order says nothing of which of them. */
static void an_order_that_does_not_tell_them_apart_moves_nobody(void)
{
    static const struct slice order[] = {SLICE_INIT("openai")};
    session_at(OPUS);
    view.stay = view.turns = 1;
    fleet.targets[LLAMA].provider_name = fleet.targets[OPUS].provider_name;
    fleet.targets[GPT].off = true;
    fleet.input.constraints.order = order;
    fleet.input.constraints.order_count = ARRAY_LEN(order);
    expect_first(OPUS, SESSION_KEPT);
}

/* GPT was left a minute ago: its cache is still there, and what it costs to come back is less. */
static void every_warm_cache_is_priced(void)
{
    session_at(OPUS);
    view.stay = 1;
    fleet.input.max_tokens = 100;
    fleet.targets[GPT].price.base.cache_read = 400000;   /* of 4,000,000 */
    fleet.targets[OPUS].price.base.cache_read = 2000000; /* of 20,000,000 */
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 4400000);
    view.warm_tokens = 500;
    view.elsewhere[0] = (struct session_warmth){GPT, 1000};
    view.elsewhere_count = 1;
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 4400000 - 3600000);
    EXPECT_INT(fleet_entry(OPUS)->expected_cost_nd, 22000000 - 9000000);
    EXPECT_INT(fleet_entry(HAIKU)->expected_cost_nd, 1100000);
}

/* HAIKU's own cache is all that makes it the cheaper one over the turns to come. */
static void a_move_to_a_warm_cache_pays_sooner(void)
{
    session_at(GPT);
    view.turns = 2;
    view.warm_tokens = 49000;
    fleet.targets[LLAMA].off = true;
    fleet.targets[GPT].price.base.cache_read = 3600000; /* of 4,000,000: $0.1804 a turn */
    fleet.targets[HAIKU].price = fleet_price(3);
    fleet.targets[HAIKU].price.base.cache_read = 2900000; /* $0.1503, then $0.1454 a turn */
    fleet.features.tokens = (struct token_estimate){50000, 50000, 50000};
    fleet.input.max_tokens = 100;
    fleet_plan();
    EXPECT_INT(fleet_entry(GPT)->expected_cost_nd, 180800000);
    EXPECT_INT(fleet_entry(HAIKU)->expected_cost_nd, 150300000);
    fleet.targets[GPT].price.base.cache_read = 2960000; /* $0.14936 a turn */
    fleet.targets[HAIKU].price.base.cache_read = 100000;
    expect_first(GPT, SESSION_KEPT); /* it would save less than it leaves behind */
    view.elsewhere[0] = (struct session_warmth){HAIKU, 49000};
    view.elsewhere_count = 1;
    expect_first(HAIKU, SESSION_SAVES);
}

/* A rule may name other targets by now: who made the call is asked all the same, but no stranger
 * to the route, and nobody outside of a loop. */
static void a_rule_moves_nobody_out_of_a_tool_loop(void)
{
    static const uint16_t named[] = {HAIKU};
    static const struct rule rule = {
        .name = SLICE_INIT("big"), .targets = named, .target_count = 1, .min_tier = -1};
    session_at(OPUS);
    fleet.input.rule = &rule;
    expect_first(HAIKU, SESSION_GONE);
    view.in_tool_loop = true;
    expect_first(OPUS, SESSION_KEPT);
    EXPECT_INT(fleet.plan.count, 2);
    fleet.route.candidate_count = GPT;
    expect_first(HAIKU, SESSION_GONE);
}

static void no_fallbacks_leaves_its_own_alone(void)
{
    session_at(GPT);
    view.stay = 0;
    fleet.input.constraints.allow_fallbacks = false;
    expect_first(GPT, SESSION_KEPT);
    EXPECT_INT(fleet.plan.taken, 1);
}

static void its_target_is_not_forgotten_among_very_many(void)
{
    enum { MANY = PLAN_TARGETS_MAX + 20 };
    static struct target targets[MANY];
    static uint16_t candidates[MANY];
    session_at(0);
    for (size_t i = 0; i < MANY; i++) {
        targets[i] = fleet.targets[LLAMA];
        candidates[i] = (uint16_t)i;
    }
    targets[0] = fleet.targets[OPUS];
    fleet.policy.targets = targets;
    fleet.policy.target_count = MANY;
    fleet.route.candidates = candidates;
    fleet.route.candidate_count = MANY;
    view.stay = 1;
    expect_first(0, SESSION_KEPT);
    EXPECT_INT(fleet.plan.count, PLAN_TARGETS_MAX);
    EXPECT_INT(fleet.plan.overflow, MANY - PLAN_TARGETS_MAX);
}

static void says_it_in_a_sentence(void)
{
    struct buf out = BUF_INIT(1000);
    session_at(GPT);
    view.stay = 1;
    fleet_plan();
    plan_entry_explain(&fleet.input, fleet_entry(GPT), &out);
    EXPECT(slice_starts(buf_slice(&out), SLICE("has the conversation, which stays")));
    buf_release(&out);
    EXPECT_INT(plan_reason_code(REASON_SESSION), 8);
    EXPECT_INT(plan_reason_code(REASON_MOVED), 9);
}

/* --- the tool loop, the tiers --- */

static bool in_loop(struct chat_message *messages, size_t count)
{
    struct chat chat = {.messages = messages, .message_count = count};
    return session_in_tool_loop(&chat);
}

static void knows_a_tool_loop(void)
{
    struct chat_part call = {.kind = PART_TOOL_CALL};
    struct chat_part result = {.kind = PART_TOOL_RESULT};
    struct chat_part text = {.kind = PART_TEXT};
    struct chat_message user = {.role = ROLE_USER, .parts = &text, .part_count = 1};
    struct chat_message calls = {.role = ROLE_ASSISTANT, .parts = &call, .part_count = 1};
    struct chat_message says = {.role = ROLE_ASSISTANT, .parts = &text, .part_count = 1};
    struct chat_message tool = {.role = ROLE_TOOL, .parts = &result, .part_count = 1};
    EXPECT(!in_loop(NULL, 0));
    EXPECT(!in_loop((struct chat_message[]){user}, 1));
    EXPECT(!in_loop((struct chat_message[]){user, says, user}, 3));
    EXPECT(in_loop((struct chat_message[]){user, calls, tool}, 3));
    EXPECT(in_loop((struct chat_message[]){user, calls, tool, user}, 4)); /* text beside a result */
    EXPECT(in_loop((struct chat_message[]){user, calls}, 2));
    EXPECT(in_loop((struct chat_message[]){user, calls, user}, 3)); /* the result is still due */
    EXPECT(!in_loop((struct chat_message[]){user, calls, tool, says, user}, 5));
}

static void remembers_the_tiers_of_a_few_turns(void)
{
    uint8_t tiers = 0;
    EXPECT_INT(session_tiers_highest(tiers), TIER_BUDGET);
    tiers = session_tiers_add(tiers, TIER_PREMIUM);
    tiers = session_tiers_add(tiers, TIER_MID);
    tiers = session_tiers_add(tiers, TIER_BUDGET);
    tiers = session_tiers_add(tiers, TIER_BUDGET);
    EXPECT_INT(session_tiers_highest(tiers), TIER_PREMIUM);
    tiers = session_tiers_add(tiers, TIER_BUDGET);
    EXPECT_INT(session_tiers_highest(tiers), TIER_MID);
    tiers = session_tiers_add(tiers, TIER_BUDGET);
    EXPECT_INT(session_tiers_highest(tiers), TIER_BUDGET);
    EXPECT_INT(session_tiers_highest(0xff), TIER_PREMIUM); /* of a row that nobody wrote */
}

int main(void)
{
    TEST(without_a_session_nothing_is_said, "without a session nothing changes");
    TEST(stays_in_its_first_turns_whatever_is_cheaper, "stays in its first turns");
    TEST(leaves_when_that_pays, "leaves when that pays");
    TEST(a_warm_cache_is_not_burnt_for_less_than_it_is_worth,
         "a warm cache is not burnt for less than it is worth");
    TEST(the_warm_part_of_the_prompt_is_priced_as_cached,
         "the warm part of the prompt is priced as cached");
    TEST(a_small_saving_moves_nobody, "a small saving moves nobody");
    TEST(never_moves_inside_a_tool_loop, "never moves inside a tool loop but from the dead");
    TEST(moves_up_for_a_turn_that_wants_more, "moves up for a turn that wants more");
    TEST(does_not_go_below_what_was_needed_lately, "does not go below what was needed lately");
    TEST(outgrows_its_window_and_says_so, "outgrows its window and says so");
    TEST(constraints_win, "constraints win over stickiness");
    TEST(refused_requests_move_no_session, "a refused request moves no session");
    TEST(the_nearest_may_be_its_own, "the nearest may be its own");
    TEST(a_list_is_not_left_but_its_order_gives_way, "a list binds it, its order gives way");
    TEST(pace_near_a_cap_moves_it_down, "pace near a cap moves it down");
    TEST(the_callers_own_order_counts_more, "the caller's own order counts more, but in a loop");
    TEST(an_order_that_does_not_tell_them_apart_moves_nobody,
         "an order that does not tell them apart moves nobody");
    TEST(every_warm_cache_is_priced, "every warm cache is priced, not only the held one's");
    TEST(a_move_to_a_warm_cache_pays_sooner, "a move to a warm cache pays sooner");
    TEST(a_rule_moves_nobody_out_of_a_tool_loop, "a rule moves nobody out of a tool loop");
    TEST(no_fallbacks_leaves_its_own_alone, "without fallbacks its own target is the plan");
    TEST(its_target_is_not_forgotten_among_very_many, "its target is not forgotten among many");
    TEST(says_it_in_a_sentence, "says it in a sentence, and in records");
    TEST(knows_a_tool_loop, "knows a tool loop");
    TEST(remembers_the_tiers_of_a_few_turns, "remembers the tiers of a few turns");
    return tap_done();
}
