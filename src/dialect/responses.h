/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI Responses, private to its files. A conversation is a list of items; consecutive items of
 * the assistant (thoughts, texts, calls) are one turn of the canonical chat, each result of a call
 * is a turn that stands right behind the turn that made the call. Requests that go on in the same
 * dialect are written from the client's own bytes.
 */
#ifndef SLUICE_DIALECT_RESPONSES_H
#define SLUICE_DIALECT_RESPONSES_H

#include "codec/json_write.h"
#include "dialect/dialect.h"
#include "dialect/reader.h"

/* Members of a request's top level. From MEMBER_INCLUDE on they are kept as extras too: what
   another dialect cannot say is told as lost under these names. */
enum responses_member {
    RESPONSES_MODEL,
    RESPONSES_INPUT,
    RESPONSES_INSTRUCTIONS,
    RESPONSES_STREAM,
    RESPONSES_STREAM_OPTIONS,
    RESPONSES_MAX_OUTPUT_TOKENS,
    RESPONSES_TEMPERATURE,
    RESPONSES_TOP_P,
    RESPONSES_TOP_LOGPROBS,
    RESPONSES_TOOLS,
    RESPONSES_TOOL_CHOICE,
    RESPONSES_PARALLEL_TOOL_CALLS,
    RESPONSES_TEXT,
    RESPONSES_REASONING,
    RESPONSES_INCLUDE,
    RESPONSES_STORE,
    RESPONSES_PREVIOUS,
    RESPONSES_BACKGROUND,
    RESPONSES_CONVERSATION,
    RESPONSES_PROMPT,
    RESPONSES_TRUNCATION,
    RESPONSES_USER,
    RESPONSES_SAFETY_IDENTIFIER,
    RESPONSES_SLUICE,
    RESPONSES_MODELS,
    RESPONSES_PROVIDER,
    RESPONSES_SESSION_ID,
    RESPONSES_SERVICE_TIER,
    RESPONSES_METADATA,
    RESPONSES_PROMPT_CACHE_KEY,
    RESPONSES_MEMBERS,
    RESPONSES_FIRST_KEPT = RESPONSES_SESSION_ID,
};
extern const struct member_table responses_members;

/* responses_read.c */
bool responses_read(struct slice body, struct json_doc *doc, struct arena *arena, struct chat *chat,
                    struct error *error);

/* responses_item.c: `instructions` (inner or NULL) becomes the first turn; `opaque` (values whose
   meaning only the provider knows: a stored prompt, a conversation, a previous answer; or
   JSON_ABSENT) others that cannot be translated. */
struct responses_input {
    struct slice instructions;
    uint32_t input;
    uint32_t opaque[3];
};
MUST_USE bool responses_read_input(struct reader *r, const struct responses_input *input);

/* responses_part.c: appends parts of a content string or array. There is room for json_count() of
   them, or one. `member` names it for errors. */
MUST_USE bool responses_read_content(struct reader *r, uint32_t content, const char *member,
                                     struct chat_part *parts, size_t *count);
/* Room that a content needs. */
size_t responses_count_content(const struct json_doc *doc, uint32_t content);
MUST_USE bool responses_read_thought(struct reader *r, uint32_t item, struct chat_part *part);

/* responses_tool.c */
MUST_USE bool responses_read_tools(struct reader *r, uint32_t tools);
/* After the tools; *ret_kept: the choice is a built-in tool, which has no canonical form. */
MUST_USE bool responses_read_tool_choice(struct reader *r, uint32_t value, bool *ret_kept);
MUST_USE bool responses_read_text(struct reader *r, uint32_t value);

/* responses_edit.c */
bool responses_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                    size_t *ret_edits);
/* responses_write.c, responses_write_item.c */
struct responses_writer {
    struct json_writer json;
    const struct chat *chat;
    const struct request_change *change;
    struct loss *loss;
    struct error *error;
};
bool responses_write_request(const struct chat *chat, const struct request_change *change,
                             struct buf *out, struct loss *loss, struct error *error);
MUST_USE bool responses_write_input(struct responses_writer *w);

/* responses_decode.c, responses_decode_item.c */
enum decode_result responses_decode(struct decoder *d, struct slice *bytes,
                                    struct frame *ret_frame);
enum decode_result responses_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result responses_decode_answer(struct decoder *d, struct slice body,
                                           struct frame *ret_frame);
/* The events of a whole item at its place in the output (-1: not told). */
void responses_decode_item(struct decoder *d, uint32_t item, int64_t position);
/* An item begins: a call is told at once, its arguments come in pieces. */
void responses_decode_begin(struct decoder *d, uint32_t item, int64_t position);
/* An item whose pieces have come, as far as only the whole tells it. */
void responses_decode_rest(struct decoder *d, uint32_t item);
/* True, and told as lost, when a part of a message is of a type that we do not know. */
bool responses_part_is_lost(struct decoder *d, uint32_t part);
void responses_decode_annotation(struct decoder *d, uint32_t annotation);
void responses_decode_logprobs(struct decoder *d, uint32_t logprobs);

/* responses_encode.c */
struct encoder *responses_encoder_new(const struct answer_head *head);
void responses_encoder_free(struct encoder *encoder);
bool responses_encode(struct encoder *encoder, const struct frame *frame, struct buf *out);
struct slice responses_unsaid(const struct event *event);
bool responses_write_answer(const struct answer_head *head, const struct frame *frame,
                            struct buf *out);
void responses_write_stream_error(const struct answer_error *error, struct buf *out);

#endif
