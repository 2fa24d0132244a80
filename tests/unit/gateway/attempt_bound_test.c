/* SPDX-License-Identifier: Apache-2.0 */
/* What is set aside for an attempt: never less than it can cost. */
#include "gateway/attempt_bound.h"

#include "base/memory.h"
#include "tests/tap.h"

static struct call *call;
static struct target target;

static void begin(void)
{
    target = (struct target){
        .price = {.known = true, .base = {1000000, 2000000, -1, -1, -1, -1, -1, -1, -1, -1}},
        .context_tokens = 8000,
        .output_tokens = 500,
    };
    call = memory_array(1, sizeof(*call));
    CHECK(call != NULL);
    call->attempt.target = &target;
    call->attempt.lane = LANE_VERBATIM;
    call->tokens.high = 100;
    call->chat.choices = 1;
}

static void end(void)
{
    memory_free(call);
}

static struct attempt_bound bound_of(int64_t clamp)
{
    struct attempt_bound bound;
    attempt_bound(call, clamp, &bound);
    return bound;
}

static void takes_the_tightest_ceiling_that_is_sent(void)
{
    begin();
    EXPECT_INT(bound_of(0).output, 500); /* the model's */
    EXPECT_INT(bound_of(0).amount_nd, 100 * 1000 + 500 * 2000);
    EXPECT_INT(bound_of(50).output, 50);
    EXPECT_INT(bound_of(600).output, 500);
    call->chat.max_tokens = 2000; /* more than the model is known to answer: it may be wrong */
    EXPECT_INT(bound_of(0).output, 2000);
    EXPECT_INT(bound_of(70).output, 70);
    call->chat.max_tokens = 0;
    target.output_tokens = 0;
    EXPECT_INT(bound_of(0).output, 8000);
    target.context_tokens = 0;
    EXPECT_INT(bound_of(0).output, ATTEMPT_OUTPUT_UNKNOWN);
    end();
}

static void counts_every_choice(void)
{
    begin();
    call->chat.max_tokens = 10;
    call->chat.choices = 5;
    EXPECT_INT(bound_of(0).output, 50);
    call->chat.choices = INT64_MAX;
    call->chat.max_tokens = INT64_MAX;
    EXPECT(bound_of(0).output > 0 && bound_of(0).amount_nd > 0);
    end();
}

/* All of the client's body is in its bound already (input_bound_test.c). */
static void counts_what_its_own_body_has_more(void)
{
    begin();
    call->attempt.lane = LANE_EDIT;
    call->chat.body = SLICE("{}");
    call->attempt.body.len = 42;
    EXPECT_INT(bound_of(0).input, 100 + 40);
    call->attempt.body.len = 1;
    EXPECT_INT(bound_of(0).input, 100);
    end();
}

static void takes_the_window_for_input_that_is_only_named(void)
{
    struct chat_extra extras[] = {{SLICE_INIT("web_search_options"), SLICE_INIT("{}")}};
    begin();
    call->chat.extras = extras;
    call->chat.extra_count = 1;
    EXPECT_INT(bound_of(0).input, 8000);
    EXPECT(bound_of(0).amount_nd >= 8000 * 1000);
    call->tokens.high = 9000;
    EXPECT_INT(bound_of(0).input, 9000);
    target.context_tokens = 0;
    EXPECT_INT(bound_of(0).input, ATTEMPT_INPUT_UNKNOWN);
    end();
}

static void a_prediction_may_be_output(void)
{
    struct chat_extra extras[] = {{SLICE_INIT("prediction"), SLICE_INIT("{\"content\":\"abcd\"}")}};
    begin();
    call->chat.extras = extras;
    call->chat.extra_count = 1;
    EXPECT_INT(bound_of(0).output, 500 + 18);
    end();
}

static void reckons_with_the_dearest_rate(void)
{
    begin();
    target.price.base.cache_write_1h = 5000000;
    target.price.base.audio_output = 90000000;
    target.price.base.image_output = 30000000;
    target.price.base.reasoning = 3000000;
    EXPECT_INT(bound_of(0).amount_nd, 100 * 5000 + 500 * 3000);
    target.price.base.reasoning = -1;
    EXPECT_INT(bound_of(0).amount_nd,
               100 * 5000 + 500 * 2000); /* those of others are the ceiling */
    target.draws = true;
    EXPECT_INT(bound_of(0).amount_nd, 100 * 5000 + 500 * 30000); /* it may draw unasked */
    target.draws = false;
    target.speaks = true;
    target.capabilities |= CAPABILITY_AUDIO;
    EXPECT_INT(bound_of(0).amount_nd, 100 * 5000 + 500 * 2000); /* nothing asks for speech */
    call->chat.needs |= CAPABILITY_AUDIO;
    EXPECT_INT(bound_of(0).amount_nd, 100 * 5000 + 500 * 90000);
    end();
}

/* A model of which nobody knows that it speaks: the ceiling is held where it is asked to. */
static void holds_the_ceiling_for_what_is_asked(void)
{
    struct chat_extra extras[] = {{SLICE_INIT("modalities"), SLICE_INIT("[\"text\"]")}};
    begin();
    target.price.base.audio_output = 120000000;
    target.price.base.image_output = 100000000;
    call->chat.extras = extras;
    call->chat.extra_count = 1;
    int64_t input = bound_of(0).input * 1000;
    EXPECT_INT(bound_of(0).amount_nd, input + 500 * 2000);
    extras[0].value = SLICE("[\"text\",\"audio\"]");
    input = bound_of(0).input * 1000;
    EXPECT_INT(bound_of(0).amount_nd, input + 500 * 120000);
    extras[0].value = SLICE("[\"image\"]");
    input = bound_of(0).input * 1000;
    EXPECT_INT(bound_of(0).amount_nd, input + 500 * 100000);
    end();
}

static void what_makes_no_text_costs_no_output(void)
{
    begin();
    call->chat.operation = OPERATION_EMBEDDING;
    EXPECT_INT(bound_of(0).output, 0);
    EXPECT_INT(bound_of(0).amount_nd, 100 * 1000);
    call->chat.operation = OPERATION_TOKEN_COUNT;
    EXPECT_INT(bound_of(0).amount_nd, 0);
    end();
}

int main(void)
{
    TEST(takes_the_tightest_ceiling_that_is_sent, "takes the tightest ceiling that is sent");
    TEST(counts_every_choice, "counts every choice, and does not overflow");
    TEST(counts_what_its_own_body_has_more, "counts what its own body has more");
    TEST(takes_the_window_for_input_that_is_only_named,
         "takes the context window for input that a request only names");
    TEST(a_prediction_may_be_output, "a prediction may be charged as output");
    TEST(reckons_with_the_dearest_rate, "reckons with the dearest rate that may apply");
    TEST(holds_the_ceiling_for_what_is_asked,
         "holds the ceiling for sound and images that are asked for");
    TEST(what_makes_no_text_costs_no_output, "what makes no text costs no output");
    return tap_done();
}
