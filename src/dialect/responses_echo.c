/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a request that a response object repeats; SDKs refuse one without them. A value
 * stands on one line, because it goes into an event of a stream, and a very large one (hundreds of
 * tools) is replaced by its default: three events of a stream repeat it.
 */
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/responses_out.h"

#define VALUE_MAX ((size_t)64 * 1024)

static const struct {
    enum responses_member member;
    struct slice key;
    struct slice otherwise; /* raw */
} echoes[] = {
    {RESPONSES_INSTRUCTIONS, SLICE_INIT(",\"instructions\":"), SLICE_INIT("null")},
    {RESPONSES_MAX_OUTPUT_TOKENS, SLICE_INIT(",\"max_output_tokens\":"), SLICE_INIT("null")},
    {RESPONSES_METADATA, SLICE_INIT(",\"metadata\":"), SLICE_INIT("{}")},
    {RESPONSES_PARALLEL_TOOL_CALLS, SLICE_INIT(",\"parallel_tool_calls\":"), SLICE_INIT("true")},
    {RESPONSES_PROMPT_CACHE_KEY, SLICE_INIT(",\"prompt_cache_key\":"), SLICE_INIT("null")},
    {RESPONSES_REASONING, SLICE_INIT(",\"reasoning\":"),
     SLICE_INIT("{\"effort\":null,\"summary\":null}")},
    {RESPONSES_SAFETY_IDENTIFIER, SLICE_INIT(",\"safety_identifier\":"), SLICE_INIT("null")},
    {RESPONSES_SERVICE_TIER, SLICE_INIT(",\"service_tier\":"), SLICE_INIT("\"default\"")},
    {RESPONSES_STORE, SLICE_INIT(",\"store\":"), SLICE_INIT("true")},
    {RESPONSES_TEMPERATURE, SLICE_INIT(",\"temperature\":"), SLICE_INIT("1")},
    {RESPONSES_TEXT, SLICE_INIT(",\"text\":"), SLICE_INIT("{\"format\":{\"type\":\"text\"}}")},
    {RESPONSES_TOOL_CHOICE, SLICE_INIT(",\"tool_choice\":"), SLICE_INIT("\"auto\"")},
    {RESPONSES_TOOLS, SLICE_INIT(",\"tools\":"), SLICE_INIT("[]")},
    {RESPONSES_TOP_LOGPROBS, SLICE_INIT(",\"top_logprobs\":"), SLICE_INIT("0")},
    {RESPONSES_TOP_P, SLICE_INIT(",\"top_p\":"), SLICE_INIT("1")},
    {RESPONSES_TRUNCATION, SLICE_INIT(",\"truncation\":"), SLICE_INIT("\"disabled\"")},
};

void responses_write_echo(const struct chat *chat, struct buf *out)
{
    uint32_t values[RESPONSES_MEMBERS];
    bool known = chat != NULL && chat->doc != NULL && chat->dialect == DIALECT_OPENAI_RESPONSES;
    if (known) {
        members_scan(chat->doc, JSON_ROOT, &responses_members, values);
    }
    for (size_t i = 0; i < ARRAY_LEN(echoes); i++) {
        uint32_t value = known ? values[echoes[i].member] : JSON_ABSENT;
        struct slice raw = value != JSON_ABSENT && member_given(chat->doc, value)
                               ? json_raw(chat->doc, value)
                               : echoes[i].otherwise;
        buf_append(out, echoes[i].key);
        inner_append_raw(out, raw.len <= VALUE_MAX ? raw : echoes[i].otherwise);
    }
    buf_append(out, SLICE(",\"previous_response_id\":"));
    if (chat != NULL && chat->previous.ptr != NULL) {
        buf_append_char(out, '"');
        inner_append(out, chat->previous);
        buf_append_char(out, '"');
    } else {
        buf_append(out, SLICE("null"));
    }
}
