/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request looks like, in one pass and without allocation: the last user turn first, then the conversation; long
 * texts are sampled (head and tail, bounded), so the cost does not grow with them. Pure.
 */
#ifndef SLUICE_ROUTE_FEATURES_H
#define SLUICE_ROUTE_FEATURES_H

#include "model/chat.h"

/* Tokens by bytes and character classes, with bounds that hold for every tokenizer in use (each token is at least one byte;
   chat framing is included). The estimate is for routing, the upper bound for holds and context windows. */
struct token_estimate {
    int64_t low;
    int64_t expected;
    int64_t high;
};

enum { LANGUAGE_UNKNOWN, LANGUAGE_ENGLISH, LANGUAGE_OTHER_LATIN, LANGUAGE_CYRILLIC, LANGUAGE_CJK, LANGUAGE_OTHER };

#define FEATURES_TEXT_MAX 6144 /* plain bytes of the last user turn that rules look at */

struct features {
    struct token_estimate tokens;
    size_t text_bytes;       /* of all turns */
    size_t user_bytes;       /* of the last user turn */
    uint32_t turns;
    uint32_t user_turns;
    uint32_t words;          /* of the sample */
    uint32_t sentences;
    uint32_t questions;      /* question marks */
    uint32_t digits;
    uint32_t operators;      /* + - * / = < > between numbers or names */
    uint32_t code_fences;
    uint32_t code_marks;     /* braces, semicolons at line ends, arrows, indented lines */
    uint32_t lines;
    uint32_t list_items;
    uint32_t constraints;    /* must, at least, exactly, without, only ... */
    uint32_t tools;
    uint32_t tool_results;
    uint32_t images;
    bool json_wanted;
    bool in_tool_loop;       /* the last turn is a tool's result */
    int language;
    capability_set needs;
    /* The sampled plain text of the last user turn, lower-cased (ASCII) for the word rules. */
    size_t sample_len;
    char sample[FEATURES_TEXT_MAX];
};

void features_extract(const struct chat *chat, struct features *features);

#endif
