/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/prompts.h"

#include "base/clock.h"
#include "tests/tap.h"

static struct sim_prompts prompts;
static struct sim_ask ask;

#define LIFE_NS (300 * NS_PER_S)

/* A prompt of messages of 1,000 tokens each, the last one's text told by `last`. */
static void prompt(size_t messages, uint64_t last)
{
    ask.beginning_count = messages;
    for (size_t i = 0; i < messages; i++) {
        uint64_t text = i + 1 == messages ? last : i + 1;
        ask.beginnings[i] =
            (struct sim_beginning){.hash = (text * 1000 + i) << 32, .tokens = (i + 1) * 1000};
    }
}

static uint64_t use(int64_t now_ns)
{
    return sim_prompts_use(&prompts, &ask, now_ns, LIFE_NS);
}

static void forget(void)
{
    memset(&prompts, 0, sizeof(prompts));
}

static void the_longest_beginning_counts_in_whole_pieces(void)
{
    forget();
    prompt(3, 3);
    EXPECT_INT(use(1), 0);
    EXPECT_INT(use(2), 3000 - 3000 % SIM_PROMPTS_PIECE);
    prompt(5, 77); /* the same three, and more */
    EXPECT_INT(use(3), 3000 - 3000 % SIM_PROMPTS_PIECE);
    prompt(3, 55); /* another third */
    EXPECT_INT(use(4), 2000 - 2000 % SIM_PROMPTS_PIECE);
}

static void short_ones_are_not_cached(void)
{
    forget();
    prompt(1, 1);
    EXPECT_INT(use(1), 0);
    EXPECT_INT(use(2), 0);
}

static void a_use_begins_the_time_anew(void)
{
    forget();
    prompt(2, 2);
    EXPECT_INT(use(0), 0);
    EXPECT(use(LIFE_NS - 1) > 0);
    EXPECT(use(LIFE_NS + 1) > 0);
    EXPECT_INT(use(3 * LIFE_NS), 0);
}

int main(void)
{
    TEST(the_longest_beginning_counts_in_whole_pieces, "the longest beginning counts");
    TEST(short_ones_are_not_cached, "short prompts are not cached");
    TEST(a_use_begins_the_time_anew, "a use begins the time anew");
    return tap_done();
}
