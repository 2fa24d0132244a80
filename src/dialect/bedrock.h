/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon Bedrock's Converse, private to its files: behind only. One shape for the models of all
 * vendors; what is a vendor's own (thinking, top_k) goes into additionalModelRequestFields. The
 * base URL ends after the host.
 */
#ifndef SLUICE_DIALECT_BEDROCK_H
#define SLUICE_DIALECT_BEDROCK_H

#include "codec/json_write.h"
#include "dialect/dialect.h"

/* Ids of calls: letters, digits, '_' and '-', at most so many. */
#define BEDROCK_ID_MAX 64u

enum bedrock_family { BEDROCK_OTHER, BEDROCK_CLAUDE, BEDROCK_NOVA, BEDROCK_GPT };

struct bedrock_writer {
    struct json_writer json;
    const struct chat *chat;
    const struct request_change *change;
    struct loss *loss;
    struct error *error;
    enum bedrock_family family; /* whose model it is */
    bool thinks;                /* Claude is told to think, which bends the sampling */
    size_t marks_over;          /* cache marks beyond what is taken: the first ones are left out */
    size_t documents;           /* written so far: they need names of their own */
};

/* bedrock_write.c */
bool bedrock_write_path(const struct chat *chat, struct slice model, struct buf *out);
bool bedrock_write(const struct chat *chat, const struct request_change *change, struct buf *out,
                   struct loss *loss, struct error *error);
/* A cache point as an element of the open list, where the mark asks for one. */
void bedrock_write_cache(struct bedrock_writer *w, enum cache_mark mark);
/* bedrock_thinking.c: the models' own members. */
void bedrock_plan_thinking(struct bedrock_writer *w);
void bedrock_write_additional(struct bedrock_writer *w);
/* bedrock_write_tool.c */
void bedrock_write_tools(struct bedrock_writer *w);
/* bedrock_write_message.c */
MUST_USE bool bedrock_write_messages(struct bedrock_writer *w);
/* bedrock_write_part.c */
/* Is it written at all? Blank texts and thoughts without their maker's seal are not. */
bool bedrock_is_written(const struct bedrock_writer *w, const struct chat_part *part);
bool bedrock_is_thought(const struct bedrock_writer *w, const struct chat_part *part);
/* State of an earlier answer that this model can read. */
bool bedrock_recall(const struct bedrock_writer *w, const struct chat_message *message,
                    struct opaque_state *ret_state);
MUST_USE bool bedrock_write_part(struct bedrock_writer *w, size_t index,
                                 const struct chat_part *part);
MUST_USE bool bedrock_write_result(struct bedrock_writer *w, size_t index);
void bedrock_write_thought(struct bedrock_writer *w, struct slice text, struct slice signature,
                           struct slice data);

struct decoder;

/* bedrock_decode.c */
enum decode_result bedrock_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame);
enum decode_result bedrock_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result bedrock_decode_answer(struct decoder *d, struct slice body,
                                         struct frame *ret_frame);
void bedrock_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage);
void bedrock_read_error(struct decoder *d, int status, struct slice body,
                        struct provider_error *ret_error);
/* bedrock_answer.c: what whole answers and events have in common. */
void bedrock_decode_content(struct decoder *d, uint32_t content);
void bedrock_decode_delta(struct decoder *d, uint32_t delta, int64_t position);
void bedrock_decode_finish(struct decoder *d, uint32_t object);
void bedrock_decode_usage(struct decoder *d, uint32_t object);

#endif
