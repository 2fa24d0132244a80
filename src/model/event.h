/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical answer: a stream of events; an answer that is not streamed is the same events at
 * once. Texts are inner JSON (escaped), slices of the upstream's bytes, valid as long as the frame
 * they came in.
 */
#ifndef SLUICE_MODEL_EVENT_H
#define SLUICE_MODEL_EVENT_H

#include "base/slice.h"
#include "model/usage.h"

enum finish_reason {
    FINISH_NONE,
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_TOOL_CALLS,
    FINISH_CONTENT_FILTER,
    FINISH_REFUSAL,
    FINISH_ERROR
};

enum event_kind {
    EVENT_START,     /* id, name = the model that answers (inner) */
    EVENT_TEXT,      /* text */
    EVENT_REASONING, /* text; id = the maker's name for the thought, or empty */
    EVENT_REFUSAL,   /* text */
    EVENT_SIGNATURE, /* text = the maker's seal (inner); id = the call that it belongs to, empty:
                        the reasoning before it, which is complete with it */
    EVENT_OPAQUE,    /* text = reasoning that only its maker can read (inner); id = the maker's
                        name for it, or empty */
    EVENT_CITATION,  /* id = url, name = title, text = the cited words, see of_answer: of the text
                        before it; start, end */
    EVENT_IMAGE,     /* a picture that the model made: text = base64 (inner) and name = its media
                        type, or id = its URL (inner) */
    EVENT_DETAIL,    /* text = raw JSON object: an element of `reasoning_details` (OpenRouter), for
                        its maker to have back as it is; what it says is told by other events too */
    EVENT_LOST,      /* a part, block or event of the answer that has no canonical form: name = what
                        it is (inner): its type or the member that holds it */
    EVENT_LOGPROBS,  /* text = raw JSON array of {token, logprob, bytes, top_logprobs} */
    EVENT_EMBEDDING, /* index = of the input; text = raw JSON array of numbers, or a JSON string
                        with base64 */
    EVENT_TOOL_CALL, /* index, id, name: a call begins; custom: its arguments are free text. Without
                        a name it is one that nobody can answer: the answer was none */
    EVENT_TOOL_ARGUMENTS, /* index, text: a fragment of its arguments (inner of the argument string)
                           */
    EVENT_FINISH,         /* finish, native = the provider's own word; text = the stop sequence that
                             was met (inner), if told */
    EVENT_USAGE,          /* usage */
    EVENT_ERROR, /* text = message (inner), name = code or type (inner): the provider failed after
                    status 200 */
    EVENT_END,   /* the provider said that the stream is complete ([DONE], done:true) */
};

struct event {
    enum event_kind kind;
    uint32_t choice; /* 0 unless n > 1 */
    uint32_t index;  /* of the tool call within the choice: 0, 1, 2 ... */
    struct slice text;
    struct slice id;
    struct slice name;
    struct slice native;
    enum finish_reason finish;
    bool custom;    /* of EVENT_TOOL_CALL and its arguments */
    bool of_answer; /* of EVENT_CITATION: its words are the answer's, not the source's */
    int32_t start;  /* of EVENT_CITATION: where in the answer's text, in characters; -1: unknown */
    int32_t end;
    unsigned maker;     /* of EVENT_SIGNATURE and EVENT_OPAQUE: enum dialect_id of those who can
                           read it, as far as the decoder knows; 0: not told */
    struct usage usage; /* only of EVENT_USAGE */
};

/* One upstream frame (an SSE block, a line, or a whole answer) with the events that it carries. */
struct frame {
    struct slice raw; /* the frame's bytes on the wire */
    const struct event *events;
    size_t count;
    struct slice hidden; /* a part of raw that a client who did not ask for usage need not see
                            (`,"usage":null` of a provider that we asked), or empty */
    bool usage_only;     /* nothing but usage: hidden from a client that did not ask */
    bool terminal;       /* ends the answer */
    bool garbled;        /* of a malformed one: it is no JSON object at all */
    int64_t next_number; /* of the frame after it, where frames are numbered; else 0 */
};

const char *finish_reason_name(enum finish_reason reason); /* "stop", "length" ... */

#endif
