/* SPDX-License-Identifier: Apache-2.0 */
#include "route/policy.h"

#include "tests/tap.h"

static struct target targets[3] = {
    {.name = SLICE_INIT("haiku"),
     .model = SLICE_INIT("anthropic/claude-3-haiku"),
     .provider_name = SLICE_INIT("openrouter")},
    {.name = SLICE_INIT("gpt"),
     .model = SLICE_INIT("gpt-4"),
     .provider_name = SLICE_INIT("openai")},
    {.name = SLICE_INIT("gpt2"),
     .model = SLICE_INIT("gpt-4"),
     .provider_name = SLICE_INIT("openai")},
};
static struct route routes[2] = {{.name = SLICE_INIT("auto")}, {.name = SLICE_INIT("coding")}};
static struct policy policy = {
    .targets = targets, .target_count = 3, .routes = routes, .route_count = 2};

static void finds_targets_by_name(void)
{
    EXPECT_INT(policy_find_target(&policy, SLICE("gpt")), 1);
    EXPECT_INT(policy_find_target(&policy, SLICE("gp")), NO_TARGET);
    EXPECT_INT(policy_find_target(&policy, SLICE("")), NO_TARGET);
}

static void finds_targets_by_provider_and_model(void)
{
    EXPECT_INT(policy_find_provider_model(&policy, SLICE("openai/gpt-4")), 1);
    EXPECT_INT(policy_find_provider_model(&policy, SLICE("openrouter/anthropic/claude-3-haiku")),
               0);
    EXPECT_INT(policy_find_provider_model(&policy, SLICE("openai/gpt-5")), NO_TARGET);
    EXPECT_INT(policy_find_provider_model(&policy, SLICE("gpt-4")), NO_TARGET);
    EXPECT_INT(policy_find_provider_model(&policy, SLICE("/gpt-4")), NO_TARGET);
    EXPECT_INT(policy_find_provider_model(&policy, SLICE("openai/")), NO_TARGET);
}

static void finds_routes(void)
{
    EXPECT(policy_find_route(&policy, SLICE("coding")) == &routes[1]);
    EXPECT(policy_find_route(&policy, SLICE("Coding")) == NULL);
}

static void an_unknown_price_follows_the_policy(void)
{
    policy.ceiling = (struct price_rates){7, 8, -1, -1, -1, -1, -1, -1, -1, -1};
    policy.unknown_price = UNKNOWN_PRICE_DENY;
    EXPECT(!policy_price(&policy, &targets[0]).known);
    policy.unknown_price = UNKNOWN_PRICE_CEILING;
    struct price price = policy_price(&policy, &targets[0]);
    EXPECT(price.known && price.base.input == 7 && price.base.output == 8);
    policy.unknown_price = UNKNOWN_PRICE_ALLOW;
    price = policy_price(&policy, &targets[0]);
    EXPECT(price.known && price.base.input == 0);
    targets[0].price =
        (struct price){.known = true, .base = {1, 2, -1, -1, -1, -1, -1, -1, -1, -1}};
    policy.unknown_price = UNKNOWN_PRICE_CEILING;
    EXPECT_INT(policy_price(&policy, &targets[0]).base.output, 2);
}

int main(void)
{
    TEST(finds_targets_by_name, "targets are found by name");
    TEST(finds_targets_by_provider_and_model, "targets are found as provider/model");
    TEST(finds_routes, "routes are found by name");
    TEST(an_unknown_price_follows_the_policy, "an unknown price follows the policy");
    return tap_done();
}
