/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical request: what every dialect reads into and writes from. It is a view: texts are
 * slices of the request's bytes, kept as the escaped inside of a JSON string ("inner", see
 * codec/json.h), because every dialect is JSON and a text that only moves needs no re-encoding.
 * Arrays live in the call's arena. Numbers that only pass through stay text. A slice with a NULL
 * pointer means "not given"; an empty one with a pointer means "given, empty".
 */
#ifndef SLUICE_MODEL_CHAT_H
#define SLUICE_MODEL_CHAT_H

#include "base/arena.h"
#include "codec/json.h"
#include "model/capability.h"

enum operation { OPERATION_CHAT, OPERATION_COMPLETION, OPERATION_COUNT };

enum chat_role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

enum part_kind {
    PART_TEXT,
    PART_IMAGE,
    PART_AUDIO,
    PART_FILE,
    PART_REASONING, /* what the model thought in an earlier turn, to be replayed */
    PART_REFUSAL,
    PART_TOOL_CALL,   /* in assistant turns */
    PART_TOOL_RESULT, /* in tool turns; its content is the parts that follow until the message ends
                       */
    PART_UNKNOWN,     /* only `raw` is set */
};

struct chat_part {
    enum part_kind kind;
    struct slice text;       /* inner: text, reasoning, refusal */
    struct slice url;        /* inner: image or file by reference */
    struct slice media_type; /* inner: of data */
    struct slice data;       /* inner: base64 */
    struct slice detail;     /* inner: image detail, audio format, file name */
    struct slice id;         /* inner: tool call id */
    struct slice name;       /* inner: function name */
    struct slice arguments;  /* inner of a JSON string when arguments_text, else raw JSON */
    bool arguments_text;
    bool is_error; /* of a tool result */
    struct slice
        raw; /* the part as it stands in the request, for the same dialect and for unknown kinds */
};

/* A member that the reader does not know: kept aside and written again where the target's dialect
 * is the same. */
struct chat_extra {
    struct slice key;   /* inner */
    struct slice value; /* raw */
};

struct chat_message {
    enum chat_role role;
    struct slice name; /* inner */
    struct chat_part *parts;
    size_t part_count;
    struct chat_extra *extras;
    size_t extra_count;
    struct slice raw;
};

struct chat_tool {
    struct slice name;        /* inner */
    struct slice description; /* inner */
    struct slice parameters;  /* raw JSON schema, or not given */
    struct slice raw;
    int strict; /* -1 not given, 0, 1 */
};

enum tool_choice {
    TOOL_CHOICE_UNSET,
    TOOL_CHOICE_NONE,
    TOOL_CHOICE_AUTO,
    TOOL_CHOICE_REQUIRED,
    TOOL_CHOICE_NAMED
};
enum answer_format { FORMAT_TEXT, FORMAT_JSON_OBJECT, FORMAT_JSON_SCHEMA };

struct chat {
    enum operation operation;
    unsigned dialect;   /* enum dialect_id of the reader: extras and `raw` mean something to that
                           dialect only */
    struct slice model; /* inner */
    bool stream;
    bool include_usage; /* the client asked for usage in the stream */
    struct chat_message *messages;
    size_t message_count;
    struct chat_tool *tools;
    size_t tool_count;
    enum tool_choice tool_choice;
    struct slice tool_choice_name; /* inner */
    int parallel_tool_calls;       /* -1 not given, 0, 1 */
    enum answer_format format;
    struct slice schema;      /* raw JSON schema of FORMAT_JSON_SCHEMA */
    struct slice schema_name; /* inner */
    int schema_strict;        /* -1, 0, 1 */
    int64_t max_tokens;       /* 0: not given */
    int64_t choices;          /* n; 1 when not given */
    struct slice temperature; /* raw numbers */
    struct slice top_p;
    struct slice top_k;
    struct slice seed;
    struct slice frequency_penalty;
    struct slice presence_penalty;
    struct slice *stop; /* inner */
    size_t stop_count;
    bool logprobs;
    struct slice top_logprobs;
    struct slice reasoning_effort; /* inner */
    struct slice user;             /* inner */
    struct slice suffix;           /* inner: completion only */
    struct chat_extra *extras;
    size_t extra_count;
    capability_set needs; /* derived by the reader */
    /* Policy members of the body, as nodes of `doc` (JSON_ABSENT when not given). */
    uint32_t sluice;      /* the `sluice` object; removed before sending on */
    uint32_t models;      /* OpenRouter: list of models to try */
    uint32_t preferences; /* OpenRouter: `provider` object */
    bool policy_given;    /* sluice, models, provider or session_id is there, if only as null */
    struct slice session; /* inner: session_id, else prompt_cache_key */
    struct slice body;    /* the request's bytes */
    const struct json_doc *doc;
};

/* Sum of the bytes of all texts (inner). */
size_t chat_text_bytes(const struct chat *chat);

#endif
