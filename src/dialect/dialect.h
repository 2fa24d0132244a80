/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dialect is a wire language: pure functions between bytes and the canonical chat and events. No
 * I/O, no clock, no globals, no log. One file and one row of the table each. A dialect in front
 * needs the front slots, one behind the back slots; a NULL slot means "not on this side". N + M
 * converters through one model, never N x M.
 */
#ifndef SLUICE_DIALECT_DIALECT_H
#define SLUICE_DIALECT_DIALECT_H

#include "base/error.h"
#include "codec/json.h"
#include "model/chat.h"
#include "model/dialect_list.h"
#include "model/event.h"
#include "model/loss.h"

#define DIALECT_ID(symbol, row) DIALECT_##symbol,
enum dialect_id { DIALECT_LIST(DIALECT_ID) DIALECT_COUNT };
#undef DIALECT_ID
#define DIALECT_BIT(id) (1u << (id))

/* What a model gave with a tool call in an earlier answer and wants back with it, although the
   client's dialect could not carry it or the client dropped it. Texts are inner; NULL: none. */
struct opaque_state {
    unsigned dialect; /* of the provider that made it: nobody else can read signature and data */
    struct slice reasoning;
    struct slice signature;      /* of the reasoning */
    struct slice data;           /* redacted or encrypted reasoning */
    struct slice data_id;        /* the maker's name for it */
    struct slice call_signature; /* of the call itself (Gemini) */
    struct slice details;        /* raw elements of `reasoning_details` (OpenRouter), with commas */
};

/* What the gateway changes in a request on its way to one target. */
struct request_change {
    struct slice model;       /* plain text: the target's name for the model */
    struct slice model_json;  /* the same as a JSON string with its quotes, where the caller has it
                                 at hand; NULL ptr: made when needed */
    int64_t clamp_max_tokens; /* 0: leave; else upper bound of the answer's tokens, injected when
                                 the client gave none */
    int64_t window; /* tokens that the model has to hold at once, where the provider must be told;
                       0: it need not be */
    bool add_usage;           /* streamed: ask the provider for usage although the client did not */
    bool drop_routing; /* the provider does not know OpenRouter's `provider` and `session_id`: they
                          are left out.
                          (`sluice` and `models` never leave: another model than the chosen one is
                          another price.) */
    bool max_completion_tokens; /* the provider wants the newer member name when we inject one */
    bool replay_reasoning;      /* the provider wants reasoning_content back in turns with calls */
    bool reasons;               /* the target's model thinks, asked to or not */
    bool reasoning_details;     /* it knows OpenRouter's `reasoning_details` and wants them back */
    bool cache_marks;           /* the provider knows Anthropic's `cache_control` in parts and tools
                                   of OpenAI's dialect */
    int64_t default_max_tokens; /* for dialects that must have a limit when the client gave none; 0:
                                   the dialect's own default */
    /* The opaque state that came with the call of this id (inner); false: none is known. The slices
       live as long as the attempt's arena. NULL: there is no store. */
    bool (*recall)(void *user, struct slice call_id, struct opaque_state *ret_state);
    void *recall_user;
};

/* What a request can ask for at its top level, in whatever words the client's dialect has. */
enum wish {
    WISH_MESSAGES, /* the conversation, the prompt, the inputs */
    WISH_STREAM,
    WISH_TOOLS,
    WISH_TOOL_CHOICE, /* as a set: that a tool must be called */
    WISH_CHOICES,     /* several answers */
    WISH_STOP,
    WISH_FORMAT, /* as a set: JSON without a schema */
    WISH_LOGPROBS,
    WISH_REASONING,
    WISH_SUFFIX,
    WISH_RAW,      /* the prompt is all that the model sees: nothing is put around it */
    WISH_TEMPLATE, /* what is put around the prompt */
    WISH_AUDIO,    /* spoken answers */
    WISH_COUNT
};
#define WISH_BIT(wish) (1u << (wish))

struct encoder; /* frames -> client bytes; opaque, one per call */

/* An error towards the client. */
struct answer_error {
    int status;           /* HTTP */
    struct slice type;    /* "invalid_request_error" ...: NULL ptr: derived from the status */
    struct slice code;    /* stable */
    struct slice message; /* plain text */
    struct slice param;   /* member name or JSON pointer, or NULL ptr */
    struct slice call_id;
    struct slice detail; /* raw JSON object for a member `sluice` (the list of refused targets), or
                            NULL ptr */
    int64_t
        retry_after_ms; /* how long to wait; 0: nobody said. In the head too, see docs/answers */
    bool stream_array;  /* of a stream: as in struct answer_head, and whether some of the array was
                           written */
    bool stream_begun;
    struct encoder *encoder; /* of a stream that we write ourselves: what it told is repeated and
                                counted on; or NULL */
    struct slice answer_id; /* inner; of a stream that passed as the provider wrote it: its name, */
    int64_t next_number;    /* and the number of its next event; empty, 0: not known */
    struct slice model;     /* plain; where there is none: the target's name for it, and the time */
    int64_t created_s;
};

/* What a provider said when it refused (status >= 400 or an error inside 200). Slices of the body
 * or literals; inner. */
struct provider_error {
    struct slice type;
    struct slice code;
    struct slice message;
    struct slice param;  /* the member that is wrong, in the words of the dialect */
    bool context_length; /* the prompt is too long for this target */
    bool content_filter;
    bool quota;             /* money or plan exhausted: retrying is useless */
    int64_t retry_after_ms; /* where the body says how long to wait; 0: it does not */
};

/* Facts for the answer's writer. */
struct answer_head {
    struct slice call_id; /* plain: fallback for the answer's id */
    struct slice model;   /* plain: what the client is told, when the upstream does not say */
    int64_t created_s;    /* unix seconds */
    bool include_usage;   /* the client asked for usage in the stream */
    enum operation operation;
    const struct chat *chat; /* the request; valid during encoder_new() and write_answer() only.
                                NULL in tests: nothing of it is told */
    int64_t input_tokens;    /* estimate, for dialects that tell it before the provider does */
    bool stream_array;       /* Gemini: the client did not ask for `alt=sse`, so the stream is one
                                JSON array (application/json) of what else would be the events */
    bool same_dialect;       /* the provider speaks it too: where only the framing differs, what a
                                frame holds goes on as it is */
};

struct decoder; /* upstream bytes -> frames; opaque, one per attempt */

enum decode_result {
    DECODE_FRAME,     /* *ret_frame is filled in; call again with the rest */
    DECODE_MORE,      /* all bytes taken */
    DECODE_MALFORMED, /* this frame breaks the dialect: raw and garbled are set, no events; decoding
                         may go on with the next */
    DECODE_TOO_LARGE, /* a frame beyond the ceiling: decoding is over */
};

struct dialect {
    const char *name;    /* "openai-chat" ... */
    unsigned operations; /* OPERATION_BIT()s that a provider behind can be asked for in it */
    unsigned instead_of; /* DIALECT_BIT()s: a provider that speaks such a one too is asked for these
                            operations in this one, whatever the client speaks */

    /* --- front --- */
    /* Reads a request body (strictly: wrong types and duplicate policy members are errors with a
       JSON pointer) into *chat. `doc` is parsed here, `body`, `doc` and `arena` outlive the chat.
       Where the path tells the operation, the model (inner) or that the answer is a stream, the
       caller has set chat->operation, model and stream before; all else of *chat is zero. */
    bool (*read_request)(struct slice body, struct json_doc *doc, struct arena *arena,
                         struct chat *chat, struct error *error);
    /* The body of an error answer. */
    void (*write_error)(const struct answer_error *error, struct buf *out);
    /* The error as the last words of a stream that has begun. */
    void (*write_stream_error)(const struct answer_error *error, struct buf *out);
    /* A whole answer from the events of one frame. False as in encode(). */
    bool (*write_answer)(const struct answer_head *head, const struct frame *frame,
                         struct buf *out);
    struct encoder *(*encoder_new)(const struct answer_head *head);
    void (*encoder_free)(struct encoder *encoder);
    /* The name (a literal) of what this event tells and the dialect has no word for; NULL ptr: it
       has one. Asked about all events but those of texts, calls and the course of the answer. */
    struct slice (*unsaid)(const struct event *event);
    /* Appends what these events are in this dialect (perhaps nothing). EVENT_END writes the
     * terminal bytes. False with `out` unharmed: the dialect has no form for them (arguments of a
     * call that are no object), and the answer is none. */
    bool (*encode)(struct encoder *encoder, const struct frame *frame, struct buf *out);
    /* In front of our streams; behind what a provider's are known by, beside text/event-stream and
       NDJSON, which are always streams. */
    struct slice stream_content_type;
    bool stream_comments;   /* clients skip comments in our streams. Google's do not: its SDK for
                               Python takes every line that is no data for a piece of an error */
    bool error_ends_stream; /* clients take write_stream_error()'s words as an end of the stream
                               and a cut connection as a fault of the network: the body ends in
                               order after them */
    int overloaded_status;  /* that clients know as a provider's overload; 0: 503 */
    bool usage_required;    /* its answers cannot be without usage: an estimate of ours stands where
                               the provider tells none */
    struct slice stream_ping; /* keeps a translated stream alive; NULL: the dialect has none */

    /* Which member asks for it, as a JSON pointer; several, with blanks between them, where the
       dialect has several words (the first one in the request counts). NULL: it has none. */
    const char *wishes[WISH_COUNT];

    /* --- back --- */
    unsigned lacks;     /* WISH_BIT()s that requests in it cannot say, and without which the answer
                           would be one to another question */
    unsigned stops_max; /* stop sequences that it takes; 0: any number */
    bool stops_need_words; /* it refuses stop sequences of white space alone */
    /* Path below the base URL for this operation (nothing else of the chat counts), e.g.
       "/chat/completions". */
    struct slice (*request_path)(const struct chat *chat);
    /* Instead of request_path where the path holds the model (plain, as the provider calls it) or
       tells streams: appends path and query. NULL: request_path. */
    bool (*write_path)(const struct chat *chat, struct slice model, struct buf *out);
    /* Rendered lines that every translated request has ("anthropic-version: ...\r\n"), or NULL. */
    struct slice request_lines;
    /* Names in lower case of the client's headers that go on to a provider of the same dialect
       (betas, versions); they take the place of the same in request_lines. */
    const struct slice *passed_headers;
    size_t passed_header_count;
    /* Names of tools that its providers take: ASCII letters, digits and these marks, so many at
       most (0: any name), perhaps only with a letter or "_" first. Others are told as such
       (tool_fit.h). */
    struct slice tool_name_marks;
    size_t tool_name_max;
    bool tool_name_letter_first;
    /* Translate: the body from the canonical chat alone. What cannot be carried is added to *loss.
       False: this dialect cannot say it at all (code "untranslatable" and which member). */
    bool (*write_request)(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error);
    /* Edit: the client's own bytes (chat->body, same dialect) with the listed edits. When nothing
       needs an edit the output is equal to the body; *ret_edits counts the edits (0: the lane is
       verbatim). */
    bool (*edit_request)(const struct chat *chat, const struct request_change *change,
                         struct buf *out, size_t *ret_edits);
    /* Streams. `limit`: ceiling of one frame in bytes. NULL: out of memory. */
    struct decoder *(*decoder_new)(size_t limit);
    void (*decoder_free)(struct decoder *decoder);
    /* As good as new, for another answer; it keeps a bounded part of its memory. */
    void (*decoder_reset)(struct decoder *decoder);
    /* Advances *bytes. A frame is valid until the next call. */
    enum decode_result (*decode)(struct decoder *decoder, struct slice *bytes,
                                 struct frame *ret_frame);
    /* The upstream's orderly end; ask until DECODE_MORE: an unfinished last frame if there is one,
       and then, when the answer was finished but its end not said (some servers leave [DONE] out),
       a frame without bytes that holds EVENT_END. */
    enum decode_result (*decode_end)(struct decoder *decoder, struct frame *ret_frame);
    /* A whole answer with status 200: all its events in one frame, in the decoder's memory.
       DECODE_MALFORMED when it is no answer of this dialect (HTML, other JSON, nothing in it); an
       error inside 200 is an EVENT_ERROR. */
    enum decode_result (*decode_answer)(struct decoder *decoder, struct slice body,
                                        struct frame *ret_frame);
    /* What a JSON object says of its usage that is no answer of this dialect otherwise; .reported
       false: nothing. */
    void (*read_usage)(struct decoder *decoder, struct slice body, struct usage *ret_usage);
    /* Status >= 400. Never fails: what is not understood leaves empty slices. */
    void (*read_error)(struct decoder *decoder, int status, struct slice body,
                       struct provider_error *ret_error);
};

const struct dialect *dialect_of(enum dialect_id id);
MUST_USE bool dialect_from_name(struct slice name, enum dialect_id *ret_id);

#endif
