/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/service.h"

#include "dialect/dialect.h"

/* At the usual price or below it; "auto" is the usual one unless the vendor's project says else. */
static bool is_usual_tier(struct slice inner)
{
    static const struct slice words[] = {
        SLICE_INIT("auto"),        SLICE_INIT("default"),    SLICE_INIT("standard"),
        SLICE_INIT("flex"),        SLICE_INIT("batch"),      SLICE_INIT("standard_only"),
        SLICE_INIT("unspecified"), SLICE_INIT("on_demand"), /* Groq's */
        SLICE_INIT("scale"),                                /* paid for in advance */
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_inner_is(inner, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_raw_word(struct slice raw, struct slice word)
{
    return raw.len > 2 && json_inner_is(slice_of(raw.ptr + 1, raw.len - 2), word);
}

static bool is_usual(const struct chat_extra *extra, struct slice word)
{
    return slice_eq(extra->value, SLICE("null")) || is_raw_word(extra->value, word);
}

/* Only Anthropic's words; a member of this name may be anything elsewhere. */
static struct slice dear_member(const struct chat *chat)
{
    for (size_t i = 0; i < chat->extra_count; i++) {
        const struct chat_extra *extra = &chat->extras[i];
        if (json_inner_is(extra->key, SLICE("speed")) && !is_usual(extra, SLICE("standard"))) {
            return SLICE("speed");
        }
        if (json_inner_is(extra->key, SLICE("inference_geo")) &&
            !is_usual(extra, SLICE("global"))) {
            return SLICE("inference_geo");
        }
    }
    return SLICE_EMPTY;
}

struct slice chat_dear_service(const struct chat *chat, bool whole)
{
    if (chat->service_tier.len > 0 && !is_usual_tier(chat->service_tier)) {
        return SLICE("service_tier");
    }
    return whole && chat->dialect == DIALECT_ANTHROPIC ? dear_member(chat) : SLICE_EMPTY;
}
