/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the Ollama dialect. */
#ifndef SLUICE_DIALECT_OLLAMA_H
#define SLUICE_DIALECT_OLLAMA_H

#include "dialect/dialect.h"
#include "dialect/member.h"

/* Members of a request's top level, of all three operations. */
enum ollama_member {
    OLLAMA_MODEL,
    OLLAMA_MESSAGES,
    OLLAMA_STREAM,
    OLLAMA_OPTIONS,
    OLLAMA_FORMAT,
    OLLAMA_TOOLS,
    OLLAMA_THINK,
    OLLAMA_LOGPROBS,
    OLLAMA_TOP_LOGPROBS,
    OLLAMA_SLUICE,
    OLLAMA_PROMPT,
    OLLAMA_SUFFIX,
    OLLAMA_SYSTEM,
    OLLAMA_IMAGES,
    OLLAMA_INPUT,
    OLLAMA_DIMENSIONS,
    OLLAMA_RAW,
    OLLAMA_TEMPLATE,
    OLLAMA_CONTEXT,
    OLLAMA_MEMBERS
};
extern const struct member_table ollama_request_table;

/* ollama_read.c */
bool ollama_read_request(struct slice body, struct json_doc *doc, struct arena *arena,
                         struct chat *chat, struct error *error);
/* ollama_read_message.c */
MUST_USE bool ollama_read_messages(struct reader *r, uint32_t messages);
MUST_USE bool ollama_read_tools(struct reader *r, uint32_t tools);
/* A user's turn of a prompt and the images beside it. */
MUST_USE bool ollama_read_prompt_images(struct reader *r, uint32_t prompt, uint32_t images);

/* ollama_edit.c */
bool ollama_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits);

/* ollama_write.c */
bool ollama_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error);
/* ollama_message.c: the `messages` member. */
struct json_writer;
MUST_USE bool ollama_write_messages(struct json_writer *json, const struct chat *chat,
                                    struct loss *loss, struct error *error);

/* ollama_decode.c */
enum decode_result ollama_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame);
enum decode_result ollama_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result ollama_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame);
void ollama_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage);
void ollama_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error);

/* ollama_encode.c */
struct encoder *ollama_encoder_new(const struct answer_head *head);
void ollama_encoder_free(struct encoder *encoder);
bool ollama_encode(struct encoder *encoder, const struct frame *frame, struct buf *out);
struct slice ollama_unsaid(const struct event *event);
bool ollama_write_answer(const struct answer_head *head, const struct frame *frame,
                         struct buf *out);
void ollama_write_error(const struct answer_error *error, struct buf *out);
void ollama_write_stream_error(const struct answer_error *error, struct buf *out);

#endif
