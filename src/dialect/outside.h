/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input that a request only names, what the provider reads besides its bytes, and files, which may
 * be packed. Then no bound comes from bytes, and whoever needs one takes the model's whole context
 * window. Pure.
 */
#ifndef SLUICE_DIALECT_OUTSIDE_H
#define SLUICE_DIALECT_OUTSIDE_H

#include "model/chat.h"

enum outside {
    OUTSIDE_TOOLS = 1,   /* tools that the provider runs: searches, fetches, code, MCP servers */
    OUTSIDE_CONTEXT = 2, /* stored there: prompts, conversations, answers, caches, containers */
    OUTSIDE_MEDIA = 4,   /* sound by reference; files and video at all: those are packed, and the
                            tokens of these go by its length. A picture by URL costs what a picture
                            costs, and is none; but Gemini's URIs may be of anything. */
};

/* Bits of enum outside. What is not known to be without it has it. */
unsigned chat_outside(const struct chat *chat);
/* "tools that the provider runs": the first of them, for people. */
const char *outside_words(unsigned outside);

#endif
