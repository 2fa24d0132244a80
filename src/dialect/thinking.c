/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/thinking.h"

#include "base/check.h"

static const struct {
    struct slice word;
    int64_t tokens; /* at most this many are this effort */
} efforts[] = {
    {SLICE_INIT("none"), 0},      {SLICE_INIT("minimal"), 512}, {SLICE_INIT("low"), 1024},
    {SLICE_INIT("medium"), 8192}, {SLICE_INIT("high"), 24576},  {SLICE_INIT("xhigh"), 32768},
    {SLICE_INIT("max"), 65536},
};

struct slice thinking_effort(const struct chat *chat)
{
    if (chat->reasoning_effort.ptr != NULL) {
        return chat->reasoning_effort;
    }
    if (chat->thinking == THINKING_OFF) {
        return SLICE("none");
    }
    if (chat->thinking == THINKING_ON && chat->thinking_budget > 0) {
        for (size_t i = 1; i < ARRAY_LEN(efforts); i++) {
            if (chat->thinking_budget <= efforts[i].tokens) {
                return efforts[i].word;
            }
        }
        return SLICE("max");
    }
    return chat->thinking == THINKING_UNSET ? SLICE_EMPTY : SLICE("medium");
}

int64_t thinking_budget(const struct chat *chat)
{
    if (chat->thinking == THINKING_OFF) {
        return 0;
    }
    if (chat->thinking_budget >= 0) {
        return chat->thinking_budget;
    }
    for (size_t i = 0; i < ARRAY_LEN(efforts) && chat->reasoning_effort.ptr != NULL; i++) {
        if (slice_eq(chat->reasoning_effort, efforts[i].word)) {
            return efforts[i].tokens;
        }
    }
    return chat->thinking == THINKING_ON ? 8192 : -1;
}

bool thinking_lacks(const struct chat *chat,
                    bool (*has_thought)(const void *user, const struct chat_message *message),
                    const void *user)
{
    bool begun = false;
    bool lacks = false;
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        if (message->role == ROLE_USER) {
            begun = false;
        } else if (message->role == ROLE_ASSISTANT && !begun) {
            begun = true;
            lacks = !has_thought(user, message);
        }
    }
    return begun && lacks && chat->messages[chat->message_count - 1].role == ROLE_TOOL;
}
