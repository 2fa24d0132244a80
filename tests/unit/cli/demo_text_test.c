/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's arithmetic against the published figures, at the prices of its own rows. */
#include "cli/demo_text.h"

#include "tests/tap.h"

#define MTOK 1000000

/* What so many input and output tokens cost at a target. */
static int64_t cost(const struct demo_fleet *fleet, size_t target, int64_t input, int64_t output)
{
    const struct demo_result result = {.total = {.input_tokens = input, .output_tokens = output}};
    return demo_cost_at(fleet, &result, target);
}

/* 50 % local, 35 % Haiku, 15 % GPT-4 through OpenRouter, at equal tokens. */
static int64_t published_mix(const struct demo_fleet *fleet)
{
    return cost(fleet, 0, 25 * MTOK, 25 * MTOK) + cost(fleet, 1, 35 * MTOK / 2, 35 * MTOK / 2) +
           cost(fleet, 2, 15 * MTOK / 2, 15 * MTOK / 2);
}

static void the_published_mix_saves_what_was_published(void)
{
    const struct demo_fleet fleet = {.workload = &demo_mixed};
    EXPECT_INT(published_mix(&fleet), 253000000000);
    EXPECT_INT(cost(&fleet, 3, 50 * MTOK, 50 * MTOK), 3000000000000);
    EXPECT_INT(demo_saved_bp(cost(&fleet, 3, 50 * MTOK, 50 * MTOK), published_mix(&fleet)), 9156);
    EXPECT_INT(demo_saved_bp(cost(&fleet, 2, 50 * MTOK, 50 * MTOK), published_mix(&fleet)), 8313);
}

static void a_coding_month_falls_as_published(void)
{
    const struct demo_fleet fleet = {.workload = &demo_coding_day};
    int64_t all = cost(&fleet, 1, 100 * 2000, 100 * 1000) * demo_coding_day.per_month;
    int64_t routed =
        (cost(&fleet, 0, 70 * 2000, 70 * 1000) + cost(&fleet, 1, 30 * 2000, 30 * 1000)) *
        demo_coding_day.per_month;
    EXPECT_INT(all, 105000000000);
    EXPECT_INT(routed, 32340000000);
    EXPECT_INT(demo_saved_bp(all, routed), 6920);
}

static void another_price_changes_the_result(void)
{
    struct demo_fleet fleet = {.workload = &demo_mixed};
    struct error error;
    EXPECT(demo_price_add(&fleet, "gpt4=20/40", &error));
    EXPECT_INT(cost(&fleet, 2, MTOK, MTOK), 60000000000);
    EXPECT(demo_price_add(&fleet, "haiku=5", &error));
    EXPECT_INT(cost(&fleet, 1, MTOK, MTOK), 10000000000);
    EXPECT(!demo_price_add(&fleet, "gpt4=-1/40", &error));
    EXPECT(!demo_price_add(&fleet, "gpt4=1/-40", &error));
    EXPECT(!demo_price_add(&fleet, "gpt4=cheap", &error));
    EXPECT(!demo_price_add(&fleet, "=1/2", &error));
}

static void no_baseline_is_no_saving(void)
{
    EXPECT_INT(demo_saved_bp(0, 5), 0);
    EXPECT_INT(demo_saved_bp(100, 150), -5000);
}

int main(void)
{
    TEST(the_published_mix_saves_what_was_published, "the published mix saves 91.6 % and 83 %");
    TEST(a_coding_month_falls_as_published, "a month of coding days falls from $105 to $32.34");
    TEST(another_price_changes_the_result,
         "another price changes the result, a wrong one is refused");
    TEST(no_baseline_is_no_saving,
         "without a baseline nothing is saved, and savings may be negative");
    return tap_done();
}
