/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What OpenAI's Chat and its older Completions share: nearly everything but the shape of the prompt
 * and of the answer's text. Private to the two dialects.
 */
#ifndef SLUICE_DIALECT_OPENAI_H
#define SLUICE_DIALECT_OPENAI_H

#include "codec/json_write.h"
#include "dialect/dialect.h"
#include "dialect/reader.h"

/* Results look their call up in a list, so that list is bounded: a turn with more calls is no real
 * one. */
#define OPENAI_CALLS_PER_TURN 256u

/* Members of a request's top level. From MEMBER_SESSION_ID on they are looked at, and kept as
 * extras all the same. */
enum openai_member {
    MEMBER_MODEL,
    MEMBER_MESSAGES,
    MEMBER_STREAM,
    MEMBER_MAX_TOKENS,
    MEMBER_TEMPERATURE,
    MEMBER_TOP_P,
    MEMBER_TOOLS,
    MEMBER_TOOL_CHOICE,
    MEMBER_STREAM_OPTIONS,
    MEMBER_MAX_COMPLETION_TOKENS,
    MEMBER_STOP,
    MEMBER_N,
    MEMBER_RESPONSE_FORMAT,
    MEMBER_REASONING_EFFORT,
    MEMBER_USER,
    MEMBER_SEED,
    MEMBER_TOP_K,
    MEMBER_FREQUENCY_PENALTY,
    MEMBER_PRESENCE_PENALTY,
    MEMBER_PARALLEL_TOOL_CALLS,
    MEMBER_LOGPROBS,
    MEMBER_TOP_LOGPROBS,
    MEMBER_SLUICE,
    MEMBER_MODELS,
    MEMBER_PROVIDER,
    MEMBER_PROMPT,
    MEMBER_SUFFIX,
    MEMBER_BEST_OF,
    MEMBER_SESSION_ID,
    MEMBER_PROMPT_CACHE_KEY,
    MEMBER_SERVICE_TIER,
    MEMBER_METADATA,
    MEMBER_VERBOSITY,
    MEMBER_STORE,
    MEMBER_REASONING,
    MEMBER_FUNCTIONS,
    MEMBER_AUDIO,
    MEMBER_COUNT,
    MEMBER_FIRST_RARE = MEMBER_TOOLS, /* most requests have none of these */
    MEMBER_FIRST_KEPT = MEMBER_SESSION_ID,
};

extern const struct member_table openai_members;

/* openai_read.c: all of the top level except messages and prompt; `values` and the number of
 * unknown members as members_read() fills them in. */
MUST_USE bool openai_read_begin(struct reader *r, struct slice body, struct json_doc *doc,
                                uint32_t *values, size_t *ret_unknown);
MUST_USE bool openai_read_common(struct reader *r, const uint32_t *values, size_t unknown);
bool openai_chat_read(struct slice body, struct json_doc *doc, struct arena *arena,
                      struct chat *chat, struct error *error);
bool openai_completions_read(struct slice body, struct json_doc *doc, struct arena *arena,
                             struct chat *chat, struct error *error);

/* openai_message.c, openai_part.c */
MUST_USE bool openai_read_messages(struct reader *r, uint32_t messages);
/* Parts of a content array or string from parts[*count] on. There is room for json_count() of them,
 * or one. */
MUST_USE bool openai_read_content(struct reader *r, uint32_t content, struct chat_part *parts,
                                  size_t *count);
MUST_USE bool openai_read_tool_calls(struct reader *r, uint32_t calls, struct chat_part *parts,
                                     size_t *count);

/* Of the value of `cache_control`, which may be anything. */
enum cache_mark openai_cache_mark(const struct json_doc *doc, uint32_t control);

/* openai_tool.c */
MUST_USE bool openai_read_tools(struct reader *r, uint32_t tools);
/* *ret_kept: the value says something that the canonical form cannot, so it is kept as an extra. */
MUST_USE bool openai_read_tool_choice(struct reader *r, uint32_t value, bool *ret_kept);
MUST_USE bool openai_read_format(struct reader *r, uint32_t value, bool *ret_kept);

/* openai_edit.c */
bool openai_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits);

/* openai_write.c: the whole request but messages, prompt and tools, which their writers add. */
struct openai_writer {
    struct json_writer json;
    const struct chat *chat;
    const struct request_change *change;
    struct loss *loss;
    struct error *error;
    bool same; /* the request was read in an OpenAI dialect: `raw` and extras can be written */
};
bool openai_write_prompt_request(const struct chat *chat, const struct request_change *change,
                                 struct buf *out, struct loss *loss, struct error *error);
bool openai_write_chat_request(const struct chat *chat, const struct request_change *change,
                               struct buf *out, struct loss *loss, struct error *error);
/* openai_write_message.c */
/* Writes `cache_control` into the open object where the provider knows it. */
void openai_write_cache(struct openai_writer *w, enum cache_mark mark);
/* Is it one of OpenAI's own dialects? */
bool openai_is_dialect(unsigned dialect);
/* Why OpenAI cannot be told a part of this chat, or NULL. */
const char *openai_cannot_say(const struct chat *chat, const struct chat_part *part);
/* The wish to think as OpenAI's word; NULL: none. That a model shall not think is told only where
   the client used OpenAI's word for it: models that cannot think refuse to hear of it. */
struct slice openai_effort(const struct chat *chat);
/* The word for the format of a sound, from its media type where it is not given; NULL: unknown. */
struct slice openai_audio_format(const struct chat_part *part);
/* The members of a part that is a sound; Chat and Responses say it alike. */
void openai_write_audio(struct json_writer *json, const struct chat_part *part);
MUST_USE bool openai_write_messages(struct openai_writer *w);
/* openai_write_tool.c */
void openai_write_tools(struct openai_writer *w);
void openai_write_format(struct openai_writer *w);

/* openai_usage.c */
struct decoder;
/* Emits EVENT_USAGE when the value is a usage object with counts. */
void openai_decode_usage(struct decoder *d, uint32_t value);
/* Appends a usage object. */
void openai_write_usage(struct buf *out, const struct usage *usage);

/* openai_decode.c: both dialects and both kinds of text. */
enum decode_result openai_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame);
enum decode_result openai_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result openai_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame);
/* openai_choice.c: the events of one element of `choices`; `position` in the array. */
void openai_decode_choice(struct decoder *d, uint32_t choice, uint32_t position);
/* openai_details.c: `reasoning_details`. */
/* The events of a list; `texts`: what it says in the open is not told by another member. */
void openai_decode_details(struct decoder *d, uint32_t choice, uint32_t details, bool texts);
/* Has this seal or hidden thought a place there? A call's own seal has none. */
bool openai_has_detail(const struct event *event);
/* An element for this seal (on `thought`, inner) or this hidden thought. */
void openai_write_detail(const struct event *event, struct slice thought, uint32_t index,
                         struct buf *out);
MUST_USE bool openai_read_detail(struct reader *r, uint32_t detail, struct chat_part *part);
/* Does openai_write_details() write this part? */
bool openai_is_detail(const struct openai_writer *w, const struct chat_part *part);
/* The member: from the turn's thoughts, else what is remembered of its calls; false: neither. */
bool openai_write_details(struct openai_writer *w, const struct chat_message *message);
/* The elements (raw, with commas) that came with a call of this turn; false: none, or nobody wants
   them. */
bool openai_recall_details(const struct chat_message *message, const struct request_change *change,
                           struct slice *ret_details);
/* openai_finish.c */
enum finish_reason openai_finish_reason(struct slice word);
struct slice openai_finish_word(enum finish_reason reason);

/* openai_error.c */
void openai_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage);
void openai_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error);
void openai_decode_error(struct decoder *d, uint32_t error);
void openai_write_error(const struct answer_error *error, struct buf *out);
void openai_write_stream_error(const struct answer_error *error, struct buf *out);

/* openai_encode.c */
struct encoder *openai_encoder_new(const struct answer_head *head);
void openai_encoder_free(struct encoder *encoder);
/* The member `images` with one picture, without braces around it. */
void openai_write_image(const struct event *event, struct buf *out);
/* What Chat and Completions cannot say. */
struct slice openai_chat_unsaid(const struct event *event);
struct slice openai_completions_unsaid(const struct event *event);
/* An element of `annotations`. */
void openai_write_citation(const struct event *event, struct buf *out);
bool openai_chat_encode(struct encoder *encoder, const struct frame *frame, struct buf *out);
bool openai_completions_encode(struct encoder *encoder, const struct frame *frame, struct buf *out);

/* openai_answer.c */
bool openai_chat_write_answer(const struct answer_head *head, const struct frame *frame,
                              struct buf *out);
bool openai_completions_write_answer(const struct answer_head *head, const struct frame *frame,
                                     struct buf *out);

#define OPENAI_REPLAY_EDITS 3u /* of one turn: before the text, the text, behind it */
/* Is reasoning to be put back into some turn, if it can be recalled? */
bool openai_replay_wanted(const struct chat *chat, const struct request_change *change);
/* The edits that do so, sorted; `messages` is the array's node. The caller frees *ret_edits. False:
   out of memory. */
MUST_USE bool openai_replay(const struct chat *chat, const struct request_change *change,
                            uint32_t messages, struct json_edit **ret_edits, size_t *ret_count);

#endif
