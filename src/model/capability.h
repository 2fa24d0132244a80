/* SPDX-License-Identifier: Apache-2.0 */
/* What a target can do, and what a request needs: sets of bits with names that the configuration
 * uses. */
#ifndef SLUICE_MODEL_CAPABILITY_H
#define SLUICE_MODEL_CAPABILITY_H

#include "base/slice.h"

/*        symbol       name in configuration   meaning */
#define CAPABILITY_LIST(X)                                                                         \
    X(TOOLS, "tools", "function calling")                                                          \
    X(PARALLEL_TOOLS, "parallel_tools", "several calls in one answer")                             \
    X(VISION, "vision", "images in the prompt")                                                    \
    X(AUDIO, "audio", "audio in the prompt")                                                       \
    X(DOCUMENTS, "documents", "files in the prompt")                                               \
    X(JSON_OBJECT, "json", "JSON mode")                                                            \
    X(JSON_SCHEMA, "json_schema", "answers that follow a JSON schema")                             \
    X(REASONING, "reasoning", "reasoning effort or thinking budgets")                              \
    X(LOGPROBS, "logprobs", "log probabilities")                                                   \
    X(STREAMING, "streaming", "streamed answers")                                                  \
    X(COMPLETION, "completion", "plain text completion")                                           \
    X(SUFFIX, "suffix", "fill in the middle: completion with a suffix")                            \
    X(EMBEDDINGS, "embeddings", "vectors of texts, and nothing else")

enum capability_bit {
#define X(symbol, name, help) CAPABILITY_BIT_##symbol,
    CAPABILITY_LIST(X)
#undef X
        CAPABILITY_COUNT
};

enum {
#define X(symbol, name, help) CAPABILITY_##symbol = 1u << CAPABILITY_BIT_##symbol,
    CAPABILITY_LIST(X)
#undef X
};

typedef uint32_t capability_set;

const char *capability_name(enum capability_bit bit);
/* 0 when unknown. */
capability_set capability_from_name(struct slice name);

#endif
