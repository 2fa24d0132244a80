/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks of a simulated provider, whatever its dialect. Each dialect reads its own
 * JSON with the helpers below; most are tolerant, since a provider's own checks are not what is
 * simulated there (Anthropic, Gemini and Responses check what clients get wrong).
 *
 * A user's text may hold a script of tool calls: `[[call:NAME ARGUMENTS]]`, as often as wanted. The
 * model then calls these tools one after another, each when the result of the one before is there,
 * and answers in words after the last. A tool that the request does not offer is not called.
 */
#ifndef SLUICE_SIM_ASK_H
#define SLUICE_SIM_ASK_H

#include "base/arena.h"
#include "codec/json.h"
#include "sim/request.h"

enum sim_operation {
    SIM_CHAT,
    SIM_COMPLETION,
    SIM_EMBEDDINGS,
    SIM_COUNT, /* of the prompt's tokens */
};

#define SIM_CHOICES_MAX 8
#define SIM_TOOLS_MAX 256
#define SIM_STOPS_MAX 16
#define SIM_INPUTS_MAX 4096
#define SIM_DIMENSIONS_MAX 4096

#define SIM_BEGINNINGS_MAX 256
/* The prompt up to the end of a message. */
struct sim_beginning {
    uint64_t hash;
    uint64_t tokens;
};

struct sim_tool {
    struct slice name;
    uint32_t parameters; /* node of the schema, or JSON_ABSENT */
    bool custom;         /* takes text, not JSON */
};

struct sim_ask {
    enum sim_operation operation;
    const struct json_doc *doc;
    const struct json_doc *schema_doc; /* that `schema` is a node of */
    const struct sim_request *request; /* NULL: none, as in the fast mode */
    struct slice model;
    bool stream;
    bool include_usage;
    bool json; /* a JSON answer is wanted */
    bool tool_required;
    bool tool_forbidden;
    bool one_tool;   /* no parallel calls */
    bool after_tool; /* the last message is a tool's result */
    bool thinks;     /* thoughts are wanted */
    bool kept;       /* the conversation may be gone on with */
    bool base64;
    uint32_t schema; /* node of the wanted JSON's schema, or JSON_ABSENT */
    struct sim_tool tools[SIM_TOOLS_MAX];
    size_t tool_count;
    struct slice stops[SIM_STOPS_MAX];
    size_t stop_count;
    uint32_t *inputs; /* embeddings: nodes; in the arena */
    size_t input_count;
    struct slice tool;   /* the one that must be called, or empty */
    struct slice last;   /* text of the last message with some, or the prompt */
    struct slice result; /* text of the last tool result */
    struct slice script; /* the user's last text with a script, or empty */
    size_t results;      /* of tools, since then */
    struct slice suffix; /* of a completion; NULL: none */
    uint64_t prompt_tokens;
    struct sim_beginning beginnings[SIM_BEGINNINGS_MAX]; /* those of longer ones are left out */
    size_t beginning_count;
    uint64_t hash;      /* of what was said: equal for stream and whole and all dialects */
    int64_t max_tokens; /* -1: not said */
    int64_t dimensions;
    unsigned choices;
};

struct sim_memory;

struct sim_reading {
    struct sim_ask *ask;
    const struct json_doc *doc;
    struct arena *arena;
    const struct sim_memory *memory; /* NULL: none */
    struct json_doc *schema;         /* for one that comes as a text */
    struct error *error;
    uint64_t bytes; /* of the prompt's text */
    bool mute;      /* what is read now is no user's text: no scripts in it */
    bool in_result; /* it is a tool's */
};

/* Starts the ask, whose model is `model` or, if that is empty, the body's. False: *error. */
MUST_USE bool sim_read_begin(struct sim_reading *r, enum sim_operation operation,
                             struct slice model);
/* After everything was read. */
MUST_USE bool sim_read_end(struct sim_reading *r);

bool sim_read_flag(const struct sim_reading *r, uint32_t value, bool otherwise);
/* A whole number that is not negative; else *into stays. */
void sim_read_number(const struct sim_reading *r, uint32_t value, int64_t *into);
/* Is it a string with this text? */
bool sim_read_is(const struct sim_reading *r, uint32_t value, const char *text);
/* The string as plain text; empty when it is none. */
struct slice sim_read_string(const struct sim_reading *r, uint32_t value);
/* A text of the prompt; nothing else than a string is one. */
void sim_read_text(struct sim_reading *r, uint32_t value);
/* Is it base64 as RFC 4648 has it, padded? */
bool sim_is_base64(struct slice data);
/* The wanted JSON's schema as a text that holds it. False: it is none. */
MUST_USE bool sim_read_schema_text(struct sim_reading *r, uint32_t value);
/* A string, or an array of strings and of objects with "text"; other parts count as images. */
void sim_read_content(struct sim_reading *r, uint32_t content);
void sim_read_image(struct sim_reading *r);
/* A message begins. `result`: it is a tool's. */
void sim_read_turn(struct sim_reading *r, bool user, bool result);
/* A tool's result inside a user's message: it begins, or is over. */
void sim_read_result(struct sim_reading *r, bool begins);
void sim_read_tool(struct sim_reading *r, uint32_t name, uint32_t parameters, bool custom);
/* Tools as OpenAI Chat and Ollama write them. */
void sim_read_functions(struct sim_reading *r, uint32_t tools);
/* A string or an array of strings. */
void sim_read_stops(struct sim_reading *r, uint32_t value);
/* A node to embed. */
void sim_read_input(struct sim_reading *r, uint32_t value);

/* The arguments of the script's next call, if there is one that the request offers. */
const struct sim_tool *sim_script_call(const struct sim_ask *ask, struct slice *ret_arguments);

#endif
