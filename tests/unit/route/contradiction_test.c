/* SPDX-License-Identifier: Apache-2.0 */
#include "route/contradiction.h"

#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

static struct slice tags[] = {SLICE_INIT("eu"), SLICE_INIT("no-training")};
static char text[1024];

/* Haiku is in the EU, opus trains on nothing, gpt is both. */
static void tagged_fleet(void)
{
    fleet_init();
    fleet.policy.tags = tags;
    fleet.policy.tag_count = 2;
    fleet.targets[HAIKU].tags = 1;
    fleet.targets[OPUS].tags = 2;
    fleet.targets[GPT].tags = 3;
}

static const char *says(void)
{
    struct buf out = BUF_INIT(sizeof(text));
    fleet_plan();
    contradiction_explain(&fleet.input, &fleet.plan, &out);
    slice_to_cstr(buf_slice(&out), text, sizeof(text));
    buf_release(&out);
    return text;
}

static const char *reason_text(uint16_t target)
{
    struct buf out = BUF_INIT(sizeof(text));
    plan_entry_explain(&fleet.input, fleet_entry(target), &out);
    slice_to_cstr(buf_slice(&out), text, sizeof(text));
    buf_release(&out);
    return text;
}

#define EXPECT_TEXT(actual, wanted) EXPECT_SLICE(slice_from_cstr(actual), wanted)

static void a_plan_that_takes_something_contradicts_nothing(void)
{
    tagged_fleet();
    EXPECT_TEXT(says(), "");
}

static void the_strongest_for_nothing_is_a_contradiction(void)
{
    tagged_fleet();
    fleet.input.constraints.min_tier = TIER_PREMIUM;
    fleet.input.constraints.max_cost_nd = 0;
    EXPECT_TEXT(says(), "min_tier premium and max_cost_usd $0.00 contradict each other here: no "
                        "target satisfies both.");
    EXPECT_INT(fleet.plan.taken, 0);
    EXPECT_INT(fleet_reason(LLAMA), REASON_MIN_TIER);
    EXPECT_INT(fleet_reason(OPUS), REASON_COST);
}

static void one_constraint_alone_is_named_alone(void)
{
    tagged_fleet();
    fleet.targets[LLAMA].off = true;
    fleet.input.constraints.max_cost_nd = 0;
    fleet.input.constraints.min_tier = TIER_MID;
    /* the one that is free is off, which nobody asked for */
    EXPECT_TEXT(says(), "min_tier mid and max_cost_usd $0.00 contradict each other here: no target "
                        "satisfies both.");
}

static void tags_are_a_contract(void)
{
    tagged_fleet();
    fleet.input.constraints.require = SLICE("eu, no-training");
    fleet_plan();
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_reason(HAIKU), REASON_TAG);
    EXPECT_TEXT(reason_text(HAIKU), "is not tagged no-training");
    EXPECT_TEXT(reason_text(LLAMA), "is not tagged eu, no-training");
    fleet.route.required_tags = 1; /* of the route and of the caller, both count */
    fleet.input.constraints.require = SLICE("no-training");
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_at(0), GPT);
    fleet.input.constraints.local_only = true;
    EXPECT_TEXT(says(), "local_only and the required tags eu, no-training contradict each other "
                        "here: no target satisfies both.");
}

static void a_tag_that_nobody_has_refuses_everybody(void)
{
    tagged_fleet();
    fleet.input.constraints.require = SLICE("eu,mars");
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
    EXPECT_TEXT(reason_text(GPT), "is not tagged mars (no target is)");
    EXPECT_TEXT(reason_text(OPUS), "is not tagged eu, mars (no target is)");
    EXPECT_TEXT(says(), "No target satisfies the required tags eu,mars.");
    /* nothing relaxes it */
    fleet.route.on_infeasible = INFEASIBLE_NEAREST;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
}

static void callers_allow_and_deny_by_name(void)
{
    tagged_fleet();
    fleet.input.constraints.allow = SLICE("haiku, OpenAI");
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 2);
    EXPECT_TEXT(reason_text(OPUS), "is not among those the caller allows");
    fleet.input.constraints.deny = SLICE("openrouter");
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_at(0), GPT);
    EXPECT_TEXT(reason_text(HAIKU), "the caller denies it");
    fleet.input.constraints.allow = SLICE("nobody");
    EXPECT_TEXT(says(), "No target satisfies the list of who may answer.");
}

static void all_wishes_work_together(void)
{
    tagged_fleet();
    fleet.input.constraints.require = SLICE("eu");
    fleet.input.constraints.deny = SLICE("haiku");
    fleet.input.constraints.max_cost_nd = 1000000000;
    fleet.input.constraints.max_latency_ms = 300;
    fleet.input.constraints.min_tier = TIER_MID;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 1);
    EXPECT_INT(fleet_at(0), GPT);
    fleet.input.constraints.max_latency_ms = 299;
    fleet_plan();
    EXPECT_INT(fleet.plan.taken, 0);
}

int main(void)
{
    TEST(a_plan_that_takes_something_contradicts_nothing, "a plan with a target: no contradiction");
    TEST(the_strongest_for_nothing_is_a_contradiction, "premium for nothing: the pair is named");
    TEST(one_constraint_alone_is_named_alone, "what is off is no contradiction of the caller's");
    TEST(tags_are_a_contract, "tags of route and caller are a contract");
    TEST(a_tag_that_nobody_has_refuses_everybody, "a tag that nobody has refuses everybody");
    TEST(callers_allow_and_deny_by_name, "callers allow and deny targets and providers");
    TEST(all_wishes_work_together, "all wishes work together");
    return tap_done();
}
