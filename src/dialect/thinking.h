/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between words of effort (OpenAI) and budgets in tokens (Anthropic, Gemini) for thinking. The
 * budgets are those that the vendors' compatibility layers use: low 1,024, medium 8,192, high
 * 24,576 tokens.
 */
#ifndef SLUICE_DIALECT_THINKING_H
#define SLUICE_DIALECT_THINKING_H

#include "model/chat.h"

/* The wish as a word: the client's own, else derived from mode and budget; NULL: none was given. */
struct slice thinking_effort(const struct chat *chat);
/* The wish in tokens: the client's own, else derived from the word; -1: none was given, 0: off. */
int64_t thinking_budget(const struct chat *chat);

/* After a user's turn a Claude with a budget must have thought before its first call; without that
 * thought (another provider's, or one that the client dropped) the chat is refused. Does this chat,
 * which ends in a tool's result, lack it? `has_thought` is asked with `user` for one answer. */
bool thinking_lacks(const struct chat *chat,
                    bool (*has_thought)(const void *user, const struct chat_message *message),
                    const void *user);

#endif
