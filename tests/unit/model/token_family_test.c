/* SPDX-License-Identifier: Apache-2.0 */
#include "model/token_family.h"

#include "tests/tap.h"

static void models_count_by_their_family(void)
{
    EXPECT_INT(token_family(SLICE("gpt-4o-mini")), 1 + TOKENS_O200K);
    EXPECT_INT(token_family(SLICE("openai/gpt-4.1-nano")), 1 + TOKENS_O200K);
    EXPECT_INT(token_family(SLICE("gpt-5.4-mini")), 1 + TOKENS_O200K);
    EXPECT_INT(token_family(SLICE("o3-mini")), 1 + TOKENS_O200K);
    EXPECT_INT(token_family(SLICE("gpt-4")), 1 + TOKENS_CL100K);
    EXPECT_INT(token_family(SLICE("openai/gpt-4-turbo")), 1 + TOKENS_CL100K);
    EXPECT_INT(token_family(SLICE("gpt-3.5-turbo")), 1 + TOKENS_CL100K);
}

static void what_is_not_known_is_not_guessed(void)
{
    EXPECT_INT(token_family(SLICE("claude-sonnet-4-5")), 0);
    EXPECT_INT(token_family(SLICE("anthropic/claude-3-haiku")), 0);
    EXPECT_INT(token_family(SLICE("gpt-oss-120b")), 0);
    EXPECT_INT(token_family(SLICE("my-gpt-4o")), 0);
    EXPECT_INT(token_family(SLICE_EMPTY), 0);
}

int main(void)
{
    TEST(models_count_by_their_family, "models count by their family");
    TEST(what_is_not_known_is_not_guessed, "what is not known is not guessed");
    return tap_done();
}
