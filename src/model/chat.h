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

enum operation {
    OPERATION_CHAT,
    OPERATION_COMPLETION,
    OPERATION_EMBEDDING,   /* each input is a user's turn with one text */
    OPERATION_TOKEN_COUNT, /* how many tokens would this chat be? Nothing is generated */
    OPERATION_COUNT
};
#define OPERATION_BIT(operation) (1u << (operation))

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

/* "The prompt up to here is worth keeping in the provider's cache", and for how long. */
enum cache_mark { CACHE_MARK_NONE, CACHE_MARK_5M, CACHE_MARK_1H };

struct chat_part {
    enum part_kind kind;
    enum cache_mark cache;
    struct slice text;       /* inner: text, reasoning, refusal */
    struct slice url;        /* inner: image or file by reference */
    struct slice media_type; /* inner: of data */
    struct slice data;       /* inner: base64; of reasoning: what only its maker can read (redacted
                                thinking, encrypted content) */
    struct slice signature;  /* inner: the maker's seal on reasoning or on a call */
    struct slice file_id;    /* inner: image or file that the provider keeps */
    struct slice detail;     /* inner: image detail, audio format, file name */
    struct slice id;         /* inner: tool call id */
    struct slice name;       /* inner: function name */
    struct slice arguments;  /* inner of a JSON string when arguments_text, else raw JSON */
    bool arguments_text;
    bool custom;    /* a call of a TOOL_CUSTOM or its result: the arguments are free text (inner) */
    bool is_error;  /* of a tool result */
    unsigned maker; /* of reasoning with signature or data: enum dialect_id of those who can read
                       it; 0: those of the chat's own dialect */
    struct slice
        raw; /* the part as it stands in the request, for the same dialect and for unknown kinds */
};

/* A member that the reader does not know: kept aside and written again where the target's dialect
 * is the same. */
struct chat_extra {
    struct slice key;   /* inner */
    struct slice value; /* raw */
};

#define CHAT_ODD_MAX 64u
/* A member of a nested object (a part, a tool, a wish) that the canonical form has no place for: it
 * is lost where the dialect changes. */
struct chat_odd {
    struct slice name; /* "messages.2.citations", "reasoning.mode" */
    const struct chat_odd *next;
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

enum tool_kind {
    TOOL_FUNCTION,
    TOOL_CUSTOM, /* takes free text instead of JSON (OpenAI's custom tools); `parameters` holds its
                    raw format, if any */
    TOOL_OTHER,  /* a vendor's own (web search, computer ...): only `raw` means something */
};

struct chat_tool {
    enum tool_kind kind;
    enum cache_mark cache;
    struct slice name;        /* inner */
    struct slice description; /* inner */
    struct slice parameters;  /* raw JSON schema, or not given */
    struct slice space; /* inner: of a tool in a namespace (Responses); `name` is then the flat
                           one that every dialect can say (tool_name.h), and own_name the one
                           within the namespace */
    struct slice own_name;
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
/* Shall the model think before it answers? Readers derive an effort where only a budget is given
   and writers a budget where only an effort is (thinking.h of the dialects). */
enum thinking { THINKING_UNSET, THINKING_OFF, THINKING_ON, THINKING_ADAPTIVE };
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
    struct slice reasoning_effort; /* inner: none, minimal, low, medium, high, xhigh, max */
    enum thinking thinking;
    int64_t thinking_budget;   /* tokens; -1: not given */
    bool show_thinking;        /* the client wants to see a summary of it */
    struct slice verbosity;    /* inner */
    struct slice service_tier; /* inner */
    struct slice cache_key;    /* inner: prompt_cache_key */
    struct slice metadata;     /* raw object */
    struct slice user;         /* inner */
    int store;                 /* -1 not given, 0, 1: keep the answer for later turns */
    struct slice previous;     /* inner: id of the stored answer that this turn follows */
    struct slice dimensions;   /* raw number: of embeddings */
    bool base64;               /* embeddings as base64 of little-endian float32 */
    struct slice suffix;       /* inner: completion only */
    bool raw_prompt;   /* completion only: the prompt is all that the model sees (Ollama's raw) */
    bool own_template; /* completion only: the client brings what is put around the prompt (Ollama's
                          template and context) */
    struct chat_extra *extras;
    size_t extra_count;
    const struct chat_odd *odd; /* the last one first; no more than CHAT_ODD_MAX */
    unsigned odd_count;
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
