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

#endif
