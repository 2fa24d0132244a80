/* SPDX-License-Identifier: Apache-2.0 */
#include "model/token_family.h"

/* The first row that fits counts: longer beginnings stand before shorter ones. */
static const struct {
    struct slice begins;
    enum token_encoding encoding;
} families[] = {
    {SLICE_INIT("chatgpt-4o"), TOKENS_O200K}, {SLICE_INIT("gpt-3.5"), TOKENS_CL100K},
    {SLICE_INIT("gpt-4.1"), TOKENS_O200K},    {SLICE_INIT("gpt-4.5"), TOKENS_O200K},
    {SLICE_INIT("gpt-4o"), TOKENS_O200K},     {SLICE_INIT("gpt-4-turbo"), TOKENS_CL100K},
    {SLICE_INIT("gpt-4-"), TOKENS_CL100K},    {SLICE_INIT("gpt-5"), TOKENS_O200K},
    {SLICE_INIT("o1"), TOKENS_O200K},         {SLICE_INIT("o3"), TOKENS_O200K},
    {SLICE_INIT("o4-"), TOKENS_O200K},
};

unsigned token_family(struct slice model)
{
    const struct slice vendor = SLICE("openai/");
    if (slice_starts(model, vendor)) {
        model = slice_from(model, vendor.len);
    }
    if (slice_eq(model, SLICE("gpt-4"))) {
        return 1 + TOKENS_CL100K;
    }
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (slice_starts(model, families[i].begins)) {
            return 1 + (unsigned)families[i].encoding;
        }
    }
    return 0;
}
