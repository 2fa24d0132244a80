/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/inner.h"
#include "dialect/openai.h"

/* The words of OpenAI first, then those of servers that imitate it. */
static const struct {
    struct slice word;
    enum finish_reason reason;
} reasons[] = {
    {SLICE_INIT("stop"), FINISH_STOP},
    {SLICE_INIT("length"), FINISH_LENGTH},
    {SLICE_INIT("tool_calls"), FINISH_TOOL_CALLS},
    {SLICE_INIT("content_filter"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("function_call"), FINISH_TOOL_CALLS},
    {SLICE_INIT("error"), FINISH_ERROR},
    {SLICE_INIT("max_tokens"), FINISH_LENGTH},
    {SLICE_INIT("model_length"), FINISH_LENGTH},
    {SLICE_INIT("tool_use"), FINISH_TOOL_CALLS},
    {SLICE_INIT("refusal"), FINISH_REFUSAL},
    {SLICE_INIT("insufficient_system_resource"), FINISH_ERROR},
};

/* Parts of other words, by which a failure shall not be taken for a stop: "network_error",
   "function_call_filter: MALFORMED_FUNCTION_CALL", "cancelled", "sensitive" ... */
static const struct {
    const char *part;
    enum finish_reason reason;
} parts[] = {
    {"malformed", FINISH_ERROR},
    {"error", FINISH_ERROR},
    {"fail", FINISH_ERROR},
    {"abort", FINISH_ERROR},
    {"cancel", FINISH_ERROR},
    {"timeout", FINISH_ERROR},
    {"interrupt", FINISH_ERROR},
    {"filter", FINISH_CONTENT_FILTER},
    {"safety", FINISH_CONTENT_FILTER},
    {"sensitive", FINISH_CONTENT_FILTER},
    {"length", FINISH_LENGTH},
    {"max_tokens", FINISH_LENGTH},
};

enum finish_reason openai_finish_reason(struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (slice_eq(word, reasons[i].word)) {
            return reasons[i].reason;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (inner_contains(word, parts[i].part)) {
            return parts[i].reason;
        }
    }
    return FINISH_STOP; /* "eos", "eos_token", "end_turn" ... */
}

struct slice openai_finish_word(enum finish_reason reason)
{
    switch (reason) {
    case FINISH_LENGTH:
        return SLICE("length");
    case FINISH_TOOL_CALLS:
        return SLICE("tool_calls");
    case FINISH_CONTENT_FILTER:
    case FINISH_REFUSAL:
        return SLICE("content_filter");
    case FINISH_ERROR:
        return SLICE("error");
    default:
        return SLICE("stop");
    }
}
