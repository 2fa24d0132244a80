/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoders of all dialects share: the frame's events, the memory that lives as long as a
 * frame, and the joining of tool-call fragments. In steady state a text chunk allocates nothing:
 * document, events and buffers are kept.
 */
#ifndef SLUICE_DIALECT_DECODER_H
#define SLUICE_DIALECT_DECODER_H

#include "base/arena.h"
#include "codec/eventstream.h"
#include "codec/json.h"
#include "codec/ndjson.h"
#include "codec/sse.h"
#include "dialect/dialect.h"
#include "dialect/member.h"

/* Choices and calls of one answer that are followed; beyond them a frame is malformed. */
#define DECODER_CHOICES_MAX 128u
#define DECODER_CALLS_MAX 1024u

/* A call under way. Its event is held back until its name is known, because no front can begin a
 * call without one. */
struct decoder_call {
    uint32_t choice;
    uint32_t index;   /* ours: 0, 1, 2 ... within the choice */
    int64_t position; /* the provider's index, or -1 */
    uint64_t id_hash; /* 0: none given */
    bool announced;
    bool custom;
    struct buf held_id; /* what came before the name */
    struct buf held_arguments;
};

struct decoder {
    size_t limit;           /* of one frame */
    struct sse_decoder sse; /* one of the three, as the dialect has it */
    struct ndjson_decoder ndjson;
    struct eventstream_decoder eventstream;
    struct json_doc doc;
    struct arena arena; /* texts made for this frame */
    struct event *events;
    size_t count;
    size_t cap;
    struct event spare; /* where events go when memory is exhausted */
    struct decoder_call *calls;
    size_t call_count;
    size_t call_cap;
    uint64_t answer_hash;                        /* seed of invented ids */
    uint64_t finished[DECODER_CHOICES_MAX / 64]; /* choices whose end was told */
    uint64_t spoken[DECODER_CALLS_MAX / 64]; /* choices that were heard of; of dialects that say all
                                                twice, in pieces and whole: items whose pieces have
                                                come */
    struct usage usage;                      /* of dialects that tell it in parts */
    bool started;                            /* EVENT_START was told */
    bool any_finished;
    bool thought;   /* of OpenAI's dialects: some of a thought was told in the open */
    bool ended;     /* EVENT_END or EVENT_ERROR was told */
    bool malformed; /* of this frame */
    bool garbled;   /* likewise: it is no JSON object at all */
    bool exhausted; /* out of memory: nothing more comes */
};

/* A fragment as a provider sends it; slices are inner, NULL when not given. */
struct call_fragment {
    int64_t position; /* -1: none */
    struct slice id;
    struct slice name;
    struct slice arguments;
    bool complete; /* a call of its own, not a part of one */
    bool custom;   /* its arguments are free text */
};

/* NULL: out of memory. */
struct decoder *decoder_new(size_t limit);
/* NULL-safe. */
void decoder_free(struct decoder *d);
/* As good as new; the document and the events stay up to what they may keep between frames. */
void decoder_reset(struct decoder *d);

/* Forgets the events of the last frame. */
void decoder_begin_frame(struct decoder *d);
/* What the frame has become: its events in *frame, or the reason why there are none. */
enum decode_result decoder_end_frame(struct decoder *d, struct frame *frame);
/* Reads the frame's text into `doc`. False: it is no JSON object, and the frame malformed. */
MUST_USE bool decoder_parse(struct decoder *d, struct slice text);
/* A zeroed event of this kind to fill in; never NULL (after exhaustion it is one that nobody
 * reads). */
struct event *decoder_event(struct decoder *d, enum event_kind kind, uint32_t choice);
/* An event with text, unless the text is empty. */
/* Reads start_index and end_index of a citation; what is no range leaves them unknown. */
void decoder_place(struct decoder *d, struct event *event, uint32_t citation);
void decoder_text(struct decoder *d, enum event_kind kind, uint32_t choice, struct slice inner);
/* EVENT_IMAGE of base64, or of a URL, which may be a data: one; nothing where it is empty. */
void decoder_image(struct decoder *d, uint32_t choice, struct slice media_type, struct slice data);
void decoder_image_url(struct decoder *d, uint32_t choice, struct slice url);
/* EVENT_LOST; `name` (inner) is the type of what has no canonical form, or its member. */
void decoder_lost(struct decoder *d, uint32_t choice, struct slice name);
/* The same for every member of an object whose name is outside the table and whose value says
   something. */
void decoder_lost_members(struct decoder *d, uint32_t choice, uint32_t object,
                          const struct member_table *known);
/* For dialect.read_usage: the object's member of this name, which `decode` makes EVENT_USAGE of. */
void decoder_read_usage(struct decoder *d, struct slice body, struct slice member,
                        void (*decode)(struct decoder *d, uint32_t value),
                        struct usage *ret_usage);
/* What the frame has told of usage. */
void decoder_told_usage(const struct decoder *d, struct usage *ret_usage);
/* The inner form of a raw JSON value as text, in the memory of the frame. */
struct slice decoder_escape(struct decoder *d, struct slice raw);
/* A call's arguments (inner), which are a text; some servers send the object itself. Anything else
 * is malformed. */
struct slice decoder_arguments(struct decoder *d, uint32_t value);
/* Once: EVENT_START and the seed of ids. */
void decoder_start(struct decoder *d, struct slice id, struct slice model, struct slice seed);
void decoder_call(struct decoder *d, uint32_t choice, const struct call_fragment *fragment);
/* Once per choice: announces calls that never got a name, then EVENT_FINISH. A stop after calls is
 * FINISH_TOOL_CALLS. */
void decoder_finish(struct decoder *d, uint32_t choice, enum finish_reason finish,
                    struct slice native);
/* This choice was heard of. */
static inline void decoder_speak(struct decoder *d, uint32_t choice)
{
    d->spoken[choice / 64] |= (uint64_t)1 << (choice % 64);
}
/* Has every choice that was heard of told why it stopped, and any at all? */
bool decoder_all_finished(const struct decoder *d);
/* EVENT_END, once. */
void decoder_end(struct decoder *d);
/* EVENT_ERROR; the answer is over. */
void decoder_error(struct decoder *d, struct slice message, struct slice name);

/* A string member's inner, or an empty slice with NULL. */
static inline struct slice decoder_string(const struct decoder *d, uint32_t value)
{
    return json_is(&d->doc, value, JSON_STRING) ? json_inner(&d->doc, value) : SLICE_EMPTY;
}

#endif
