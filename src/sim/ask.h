/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks of a simulated provider, read from the JSON of OpenAI or Ollama. Tolerant:
 * a provider's own checks are not what is simulated here; but a body that is no JSON object, or
 * has no model, is refused.
 */
#ifndef SLUICE_SIM_ASK_H
#define SLUICE_SIM_ASK_H

#include "base/arena.h"
#include "codec/json.h"

enum sim_operation {
    SIM_CHAT,       /* OpenAI /v1/chat/completions */
    SIM_COMPLETION, /* OpenAI /v1/completions */
    SIM_EMBEDDINGS, /* OpenAI /v1/embeddings */
    SIM_OLLAMA_CHAT,
    SIM_OLLAMA_GENERATE,
    SIM_OLLAMA_EMBED,
};

#define SIM_CHOICES_MAX 8

struct sim_ask {
    enum sim_operation operation;
    const struct json_doc *doc;
    struct slice model;
    bool stream;
    bool include_usage;
    bool json; /* a JSON answer is wanted */
    bool tool_required;
    bool tool_forbidden;
    bool one_tool;       /* parallel_tool_calls is false */
    bool after_tool;     /* the last message is a tool's result */
    uint32_t schema;     /* node of the wanted JSON's schema, or JSON_ABSENT */
    uint32_t tools;      /* node of the tools' array, or JSON_ABSENT */
    uint32_t input;      /* embeddings: node of the input */
    uint32_t stop;       /* node of a string or an array of strings, or JSON_ABSENT */
    struct slice tool;   /* the one that must be called, or empty */
    struct slice last;   /* text of the last message with some, or the prompt */
    struct slice suffix; /* of a completion; NULL: none */
    uint64_t prompt_tokens;
    uint64_t hash;      /* of what was said: equal for stream and whole, OpenAI and Ollama */
    int64_t max_tokens; /* -1: not said */
    int64_t dimensions;
    unsigned choices;
    bool base64;
};

/* Texts live in the document's bytes or the arena. False: *error. */
MUST_USE bool sim_ask_read(struct sim_ask *ask, enum sim_operation operation,
                           const struct json_doc *doc, struct arena *arena, struct error *error);

#endif
