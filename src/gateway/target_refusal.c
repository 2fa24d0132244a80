/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/target_refusal.h"

#include "codec/json.h"
#include "model/capability.h"

#define MESSAGE_MAX 512

/* In the words of Ollama, llama.cpp, vLLM, OpenRouter and Groq; lower case. */
static const struct {
    capability_set lacks;
    struct slice words;
} phrases[] = {
    {CAPABILITY_TOOLS, SLICE_INIT("does not support tool")},
    {CAPABILITY_TOOLS, SLICE_INIT("support tool use")},
    {CAPABILITY_TOOLS, SLICE_INIT("tool calling is not supported")},
    {CAPABILITY_TOOLS, SLICE_INIT("requires --enable-auto-tool-choice")},
    {CAPABILITY_TOOLS, SLICE_INIT("tools param requires --jinja")},
    {CAPABILITY_SUFFIX, SLICE_INIT("does not support insert")},
    {CAPABILITY_SUFFIX, SLICE_INIT("suffix is not currently supported")},
    {CAPABILITY_VISION, SLICE_INIT("does not support image")},
    {CAPABILITY_VISION, SLICE_INIT("does not support vision")},
    {CAPABILITY_VISION, SLICE_INIT("support image input")},
    {CAPABILITY_VISION, SLICE_INIT("image input is not supported")},
    {CAPABILITY_VISION, SLICE_INIT("is not a multimodal model")},
    {CAPABILITY_REASONING, SLICE_INIT("does not support thinking")},
};

static bool has_image(const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t p = 0; p < message->part_count; p++) {
            if (message->parts[p].kind == PART_IMAGE) {
                return true;
            }
        }
    }
    return false;
}

/* What was not asked for cannot have been refused: words of the client that a provider repeats take
 * nothing away that the client did not ask for itself. */
static capability_set asked(const struct chat *chat)
{
    bool thinks = chat->reasoning_effort.len > 0 || chat->thinking != THINKING_UNSET;
    return (chat->tool_count > 0 ? (capability_set)CAPABILITY_TOOLS : 0) |
           (chat->suffix.len > 0 ? (capability_set)CAPABILITY_SUFFIX : 0) |
           (has_image(chat) ? (capability_set)CAPABILITY_VISION : 0) |
           (thinks ? (capability_set)CAPABILITY_REASONING : 0);
}

static bool is_read(int status)
{
    return status == 400 || status == 404 || status == 422 || status == 500 || status == 501;
}

struct target_refusal target_refusal_read(int status, struct slice message, const struct chat *chat)
{
    struct target_refusal refusal = {.lacks = 0};
    char lower[MESSAGE_MAX];
    if (!is_read(status) || message.len == 0) {
        return refusal;
    }
    size_t len = json_unescape_to(message, lower, sizeof(lower));
    for (size_t i = 0; i < len; i++) {
        lower[i] = (char)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] + 32 : lower[i]);
    }
    struct slice text = slice_of(lower, len);
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        bool said = slice_find_slice(text, phrases[i].words) != SIZE_MAX;
        refusal.lacks |= said ? phrases[i].lacks : 0;
    }
    refusal.lacks &= refusal.lacks == 0 ? 0 : asked(chat);
    refusal.no_model = (status == 400 || status == 404) &&
                       slice_find_slice(text, SLICE("model")) != SIZE_MAX &&
                       (slice_find_slice(text, SLICE("not found")) != SIZE_MAX ||
                        slice_find_slice(text, SLICE("does not exist")) != SIZE_MAX);
    return refusal;
}
