/* SPDX-License-Identifier: Apache-2.0 */
/* What a Claude takes is told by the version in its name. */
#include "dialect/anthropic.h"

#include "tests/tap.h"

static void names_tell_versions(void)
{
    static const struct {
        struct slice model;
        bool adaptive;
        bool sampled;
    } models[] = {
        {SLICE_INIT("claude-opus-4-7"), true, false},
        {SLICE_INIT("claude-opus-4.6"), true, true},
        {SLICE_INIT("claude-sonnet-4-6@default"), true, true},
        {SLICE_INIT("anthropic/claude-4.7-opus"), true, false},
        {SLICE_INIT("us.anthropic.claude-opus-4-8-v1:0"), true, false},
        {SLICE_INIT("claude-sonnet-5"), true, false},
        {SLICE_INIT("claude-fable-5-2"), true, false},
        {SLICE_INIT("claude-opus-12-1"), true, false},
        {SLICE_INIT("claude-mythos-preview"), true, false},
        {SLICE_INIT("claude-20990101"), true, false},
        {SLICE_INIT("claude-opus-4-5-20251101"), false, true},
        {SLICE_INIT("anthropic.claude-haiku-4-5-20251001-v1:0"), false, true},
        {SLICE_INIT("claude-sonnet-4-20250514"), false, true},
        {SLICE_INIT("claude-sonnet-4@20250514"), false, true},
        {SLICE_INIT("claude-opus-4-"), false, true},
        {SLICE_INIT("anthropic/claude-opus-4"), false, true},
        {SLICE_INIT("claude-3-7-sonnet-latest"), false, true},
        {SLICE_INIT("claude-3.5-haiku"), false, true},
        {SLICE_INIT("claude-instant-1.2"), false, true},
        {SLICE_INIT("claude-2"), false, true},
        {SLICE_INIT("glm-5.2"), false, true},
        {SLICE_INIT(""), false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        bool right = anthropic_is_adaptive(models[i].model) == models[i].adaptive &&
                     anthropic_takes_sampling(models[i].model) == models[i].sampled;
        if (!right) {
            printf("# %.*s\n", SLICE_ARG(models[i].model));
        }
        EXPECT(right);
    }
}

int main(void)
{
    TEST(names_tell_versions, "names tell versions, and versions what a model takes");
    return tap_done();
}
