/* SPDX-License-Identifier: Apache-2.0 */
#include "route/exact.h"

#include "model/tokenizers.h"
#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

static struct chat_part part;
static struct chat_message message;
static struct chat chat;
static char text[40000];

/* `count` times "word ": a token each, five bytes. */
static void words(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * 5, "word ", 5);
    }
    part = (struct chat_part){.kind = PART_TEXT, .text = slice_of(text, count * 5)};
    message = (struct chat_message){.role = ROLE_USER, .parts = &part, .part_count = 1};
    chat = (struct chat){.messages = &message, .message_count = 1};
    features_extract(&chat, &fleet.features);
}

static void begin(void)
{
    fleet_init();
    fleet.policy.tokenizers = tokenizers_new();
    fleet.targets[GPT].encoding = 1 + TOKENS_O200K;
    for (size_t i = 0; i < FLEET; i++) {
        fleet.targets[i].context_tokens = 1000000;
    }
    words(4000);
    fleet.input.max_tokens = 100;
    fleet_plan();
}

static void end(void)
{
    tokenizers_free(fleet.policy.tokenizers);
}

static void without_a_limit_nothing_is_counted(void)
{
    begin();
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 0);
    EXPECT(!exact_plan(&chat, &fleet.input, &fleet.plan, false));
    /* a limit that any count keeps */
    fleet.targets[GPT].context_tokens = 30000;
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 0);
    end();
}

static void a_window_that_the_estimate_cannot_decide_is_counted_for(void)
{
    begin();
    fleet.targets[GPT].context_tokens = 4150; /* 4,000 words, some framing, 100 out */
    fleet_plan();
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 1 + TOKENS_O200K);
    EXPECT(tokenizers_get(fleet.policy.tokenizers, TOKENS_O200K, true) != NULL);
    EXPECT(exact_plan(&chat, &fleet.input, &fleet.plan, false));
    EXPECT(fleet_entry(GPT)->taken);
    EXPECT(fleet_entry(GPT)->expected_input >= 4001 && fleet_entry(GPT)->expected_input <= 4012);
    EXPECT(fleet_entry(GPT)->high_input <= 4060);
    /* who counts otherwise is estimated as before */
    EXPECT_INT(fleet_entry(OPUS)->expected_input, fleet.features.tokens.expected);
    fleet.targets[GPT].context_tokens = 4050;
    fleet.input.counted = 0;
    fleet_plan();
    EXPECT(exact_plan(&chat, &fleet.input, &fleet.plan, false));
    EXPECT_INT(fleet_reason(GPT), REASON_CONTEXT);
    end();
}

static void a_cost_limit_too(void)
{
    begin();
    fleet.input.constraints.max_cost_nd = 4LL * 1000 * 5000; /* of $4 per million: 5,000 tokens */
    fleet_plan();
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 1 + TOKENS_O200K);
    (void)tokenizers_get(fleet.policy.tokenizers, TOKENS_O200K, true);
    EXPECT(exact_plan(&chat, &fleet.input, &fleet.plan, false));
    EXPECT(fleet_entry(GPT)->taken);
    EXPECT(fleet_entry(GPT)->worst_cost_nd <= 4LL * 1000 * 4200);
    end();
}

/* Of $4 per million: 4,020 or so of input, or 20,000, and 100 of output. */
static void a_limit_of_one_call_too(void)
{
    const int64_t output_nd = 4LL * 1000 * 100;
    begin();
    fleet.input.call_limit_nd = 4LL * 1000 * 5000 + output_nd;
    fleet_plan();
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 1 + TOKENS_O200K);
    (void)tokenizers_get(fleet.policy.tokenizers, TOKENS_O200K, true);
    EXPECT(exact_plan(&chat, &fleet.input, &fleet.plan, false));
    EXPECT(fleet.input.counted_tokens.high < 5000);
    /* what no count decides is not counted: all of it fits, nothing does */
    fleet.input.call_limit_nd = 4LL * 1000 * 30000 + output_nd;
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 0);
    fleet.input.call_limit_nd = output_nd;
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 0);
    fleet.input.call_limit_nd = 0;
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 0);
    end();
}

static void long_texts_are_not_counted_on_the_loop(void)
{
    begin();
    words(7000); /* 35 KB */
    fleet.targets[GPT].context_tokens = 8000;
    fleet_plan();
    (void)tokenizers_get(fleet.policy.tokenizers, TOKENS_O200K, true);
    EXPECT_INT(exact_wanted(&fleet.input, &fleet.plan), 1 + TOKENS_O200K);
    EXPECT(!exact_plan(&chat, &fleet.input, &fleet.plan, false));
    EXPECT_INT(fleet.input.counted, 0);
    EXPECT(exact_plan(&chat, &fleet.input, &fleet.plan, true)); /* by whoever has the time */
    EXPECT(fleet.input.counted_tokens.low >= 7000 && fleet.input.counted_tokens.high < 7100);
    end();
}

static void nobody_waits_for_a_tokenizer(void)
{
    begin();
    fleet.targets[GPT].context_tokens = 4150;
    fleet_plan();
    const struct tokenizer *first = tokenizers_get(fleet.policy.tokenizers, TOKENS_CL100K, false);
    EXPECT(first == NULL);
    EXPECT(tokenizers_get(fleet.policy.tokenizers, TOKENS_CL100K, true) != NULL);
    EXPECT(tokenizers_get(fleet.policy.tokenizers, TOKENS_CL100K, false) != NULL);
    end();
}

int main(void)
{
    TEST(without_a_limit_nothing_is_counted, "without a limit nothing is counted");
    TEST(a_window_that_the_estimate_cannot_decide_is_counted_for,
         "a window that is close is counted");
    TEST(a_cost_limit_too, "so is a cost limit");
    TEST(a_limit_of_one_call_too, "so is what a key may spend on one call, in the worst case");
    TEST(long_texts_are_not_counted_on_the_loop, "long texts are not counted");
    TEST(nobody_waits_for_a_tokenizer, "nobody waits for a tokenizer");
    return tap_done();
}
