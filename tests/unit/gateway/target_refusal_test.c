/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/target_refusal.h"

#include "tests/tap.h"

static struct target_refusal read(int status, const char *message, const struct chat *chat)
{
    return target_refusal_read(status, slice_from_cstr(message), chat);
}

static void what_a_model_lacks_is_read(void)
{
    const struct chat tools = {.tool_count = 1};
    const struct chat fim = {.suffix = SLICE("x")};
    EXPECT_INT(read(400, "registry.ollama.ai/library/llama2:latest does not support tools", &tools)
                   .lacks,
               CAPABILITY_TOOLS);
    EXPECT_INT(read(404, "No endpoints found that support tool use.", &tools).lacks,
               CAPABILITY_TOOLS);
    EXPECT_INT(read(400,
                    "\\\"auto\\\" tool choice requires --enable-auto-tool-choice and "
                    "--tool-call-parser to be set",
                    &tools)
                   .lacks,
               CAPABILITY_TOOLS);
    EXPECT_INT(read(400, "llama2 does not support insert", &fim).lacks, CAPABILITY_SUFFIX);
    EXPECT(!read(400, "llama2 does not support insert", &fim).no_model);
}

static void only_what_was_asked_for_can_be_refused(void)
{
    const struct chat plain = {.tool_count = 0};
    const struct chat tools = {.tool_count = 1};
    EXPECT_INT(read(400, "x does not support tools", &plain).lacks, 0);
    EXPECT_INT(read(400, "x does not support insert", &tools).lacks, 0);
    EXPECT_INT(read(429, "x does not support tools", &tools).lacks, 0);
    EXPECT_INT(read(400, "", &tools).lacks, 0);
    EXPECT_INT(read(400, "tools[0].function.name is too long", &tools).lacks, 0);
}

static void missing_models_are_read(void)
{
    const struct chat plain = {.tool_count = 0};
    EXPECT(read(404, "model \\\"llama9\\\" not found, try pulling it first", &plain).no_model);
    EXPECT(read(400, "The model `x` does not exist or you do not have access to it.", &plain)
               .no_model);
    EXPECT(!read(400, "file not found", &plain).no_model);
    EXPECT(!read(500, "model not found", &plain).no_model);
}

int main(void)
{
    TEST(what_a_model_lacks_is_read, "what a model cannot do is read from its provider's words");
    TEST(only_what_was_asked_for_can_be_refused, "only what was asked for can have been refused");
    TEST(missing_models_are_read, "a model that a provider does not have is read");
    return tap_done();
}
