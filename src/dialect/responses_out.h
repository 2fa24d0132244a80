/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of ours as Responses tells it, kept while it comes: the last event repeats all items,
 * and what is stored for a later turn is the same items. Private to the Responses files.
 */
#ifndef SLUICE_DIALECT_RESPONSES_OUT_H
#define SLUICE_DIALECT_RESPONSES_OUT_H

#include "dialect/encoder.h"
#include "dialect/tool_name.h"

#define OUT_ITEMS_MAX 4096u

enum out_kind { OUT_MESSAGE, OUT_REFUSAL, OUT_REASONING, OUT_CALL, OUT_IMAGE };

/* One item of the output. Texts are inner. */
struct out_item {
    enum out_kind kind;
    uint32_t call; /* the call's index in the answer */
    bool done;
    bool part;     /* the client was told of its part */
    bool custom;   /* told as a call with free text */
    bool emulated; /* the provider gives that text as arguments of a function: they are held in
                      `held` until they are complete */
    bool cut;      /* the answer ended before it was complete */
    bool own_id;   /* the maker's, not ours */
    struct buf id;
    struct buf call_id;
    struct buf name;
    struct buf space;
    struct buf text; /* text, summary, arguments, input, or a picture in base64 */
    struct buf held;
    struct buf cipher;      /* encrypted content of a thought */
    struct buf annotations; /* raw, with commas between */
    struct buf logprobs;    /* raw, with commas between */
    uint32_t annotation_count;
    size_t counted; /* bytes of the text whose characters are counted */
    uint32_t characters;
};

struct responses_encoder {
    struct encoder base;
    struct tool_names tools;
    struct buf echo; /* members of the request that every response object repeats */
    struct buf id;   /* of the response */
    struct buf told_model;
    struct out_item *items;
    size_t item_count;
    size_t item_cap;
    uint64_t sequence;
    enum finish_reason finish; /* FINISH_NONE: not told yet */
    struct buf error_code;
    struct buf error_text;
    bool failed;
    bool silent; /* nothing is written: the answer is only kept */
    bool started;
};

/* responses_out.c */
/* A new item with an id of ours; NULL: too many, or out of memory. */
struct out_item *out_item_new(struct responses_encoder *e, enum out_kind kind);
void out_items_release(struct responses_encoder *e);
uint32_t out_item_index(const struct responses_encoder *e, const struct out_item *item);
/* The item as it stands; with its content or as it begins. */
void out_write_item(const struct out_item *item, bool begins, struct buf *out);
/* The part of a message. */
void out_write_part(const struct out_item *item, bool begins, struct buf *out);
/* All items, with commas between. */
void out_write_items(const struct responses_encoder *e, struct buf *out);

/* responses_echo.c: `,"instructions":null,...`; `chat` may be NULL. */
void responses_write_echo(const struct chat *chat, struct buf *out);

/* responses_answer.c */
enum out_status { OUT_IN_PROGRESS, OUT_COMPLETED, OUT_INCOMPLETE, OUT_FAILED };
/* How the answer ended, as far as it has. */
enum out_status out_status_of(const struct responses_encoder *e);
void out_write_response(const struct responses_encoder *e, enum out_status status, struct buf *out);

/* responses_encode.c: takes the events of a frame; with `silent` nothing is written. */
bool responses_take(struct responses_encoder *e, const struct frame *frame, struct buf *out);

#endif
