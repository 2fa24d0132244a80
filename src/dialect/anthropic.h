/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic Messages, private to its files: both sides of /v1/messages and
 * /v1/messages/count_tokens. A thought goes back to Anthropic only with the seal that Anthropic put
 * on it; thoughts of other providers get a seal of ours, so that we know them when they come back.
 */
#ifndef SLUICE_DIALECT_ANTHROPIC_H
#define SLUICE_DIALECT_ANTHROPIC_H

#include "codec/json_write.h"
#include "dialect/dialect.h"
#include "dialect/reader.h"

/* Results look their call up in a list, so that list is bounded. */
#define ANTHROPIC_CALLS_PER_TURN 256u
/* What every signature of ours begins with. */
#define ANTHROPIC_SEAL "sluice."
/* Bytes of an id that fits Anthropic's alphabet and was made of one that does not. */
#define ANTHROPIC_ID_MAX 512u

/* Members of a request's top level. From ANTHROPIC_PROVIDER on they are read by policy only. */
enum anthropic_member {
    ANTHROPIC_MODEL,
    ANTHROPIC_MESSAGES,
    ANTHROPIC_SYSTEM,
    ANTHROPIC_MAX_TOKENS,
    ANTHROPIC_STREAM,
    ANTHROPIC_TEMPERATURE,
    ANTHROPIC_TOP_P,
    ANTHROPIC_TOP_K,
    ANTHROPIC_STOP_SEQUENCES,
    ANTHROPIC_TOOLS,
    ANTHROPIC_TOOL_CHOICE,
    ANTHROPIC_THINKING,
    ANTHROPIC_OUTPUT_CONFIG,
    ANTHROPIC_METADATA,
    ANTHROPIC_SERVICE_TIER,
    ANTHROPIC_SLUICE,
    ANTHROPIC_MODELS,
    ANTHROPIC_PROVIDER,
    ANTHROPIC_MEMBERS
};
extern const struct member_table anthropic_members;

/* --- requests --- */

/* anthropic_read.c */
bool anthropic_read(struct slice body, struct json_doc *doc, struct arena *arena, struct chat *chat,
                    struct error *error);
/* anthropic_message.c: `system` and `messages`. */
MUST_USE bool anthropic_read_messages(struct reader *r, uint32_t system, uint32_t messages);
/* anthropic_part.c: one content block into parts[*count]; a tool's result brings the parts of its
   content with it. There is room for anthropic_count_parts() of them. */
MUST_USE bool anthropic_read_block(struct reader *r, uint32_t node, struct chat_part *parts,
                                   size_t *count);
size_t anthropic_count_parts(const struct json_doc *doc, uint32_t block);
bool anthropic_is_result(const struct json_doc *doc, uint32_t block);
MUST_USE bool anthropic_read_cache(struct reader *r, uint32_t value, const char *member,
                                   enum cache_mark *out);
/* anthropic_tool.c */
MUST_USE bool anthropic_read_tools(struct reader *r, uint32_t tools);
MUST_USE bool anthropic_read_tool_choice(struct reader *r, uint32_t value);
/* anthropic_thought.c: `thinking` and `output_config`. *ret_kept: says something that the canonical
   form cannot. */
MUST_USE bool anthropic_read_thinking(struct reader *r, uint32_t value, bool *ret_kept);
MUST_USE bool anthropic_read_output(struct reader *r, uint32_t value, bool *ret_kept);

/* anthropic_id.c. Ids of calls outside ^[a-zA-Z0-9_-]+$ are wrapped, reversibly. */
/* Appends the id (inner) as Anthropic takes it. */
void anthropic_append_id(struct buf *out, struct slice id);
/* The id (inner) that was wrapped, in the arena, or the id itself. */
struct slice anthropic_unwrap_id(struct arena *arena, struct slice id);

/* anthropic_edit.c */
bool anthropic_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                    size_t *ret_edits);

/* anthropic_write.c: the whole request; the other writers add to it. */
struct anthropic_writer {
    struct json_writer json;
    const struct chat *chat;
    const struct request_change *change;
    struct loss *loss;
    struct error *error;
    bool same;         /* read in this dialect: `raw` and extras can be written */
    bool sampled;      /* the model takes sampling parameters */
    bool thinks;       /* `thinking` is written and it is not "disabled" */
    size_t marks_over; /* cache marks beyond what Anthropic takes: the first ones are left out */
};
bool anthropic_write(const struct chat *chat, const struct request_change *change, struct buf *out,
                     struct loss *loss, struct error *error);
/* Writes `cache_control` into the open object. */
void anthropic_write_cache(struct anthropic_writer *w, enum cache_mark mark);
/* anthropic_write_message.c, anthropic_write_part.c */
MUST_USE bool anthropic_write_messages(struct anthropic_writer *w);
/* Nothing is written for a block that Anthropic would refuse as empty. */
MUST_USE bool anthropic_write_part(struct anthropic_writer *w, size_t index,
                                   const struct chat_part *part);
/* The result and its content: part_count parts, of which the first is PART_TOOL_RESULT. */
MUST_USE bool anthropic_write_result(struct anthropic_writer *w, size_t index);
/* Is it written at all? Thoughts without Anthropic's seal and blank texts are not. */
bool anthropic_is_written(const struct anthropic_writer *w, const struct chat_part *part);
/* Does this turn have a thought that Anthropic will know as its own, or do we remember one? */
bool anthropic_has_thought(const struct anthropic_writer *w, const struct chat_message *message);
/* anthropic_write_tool.c */
void anthropic_write_tools(struct anthropic_writer *w);
/* anthropic_thought.c: `thinking`, `output_config` and the sampling that depends on them. */
void anthropic_write_thinking(struct anthropic_writer *w, int64_t max_tokens);
void anthropic_write_output(struct anthropic_writer *w);
/* anthropic_model.c */
/* Does this model choose its budget itself? (Claude from 4.6 on.) */
bool anthropic_is_adaptive(struct slice model);
/* Does it take temperature, top_p and top_k? (Claude from 4.7 on refuses them.) */
bool anthropic_takes_sampling(struct slice model);
/* anthropic_thought.c */
/* The budget that the client gave, or what of it fits below a lower limit than the client's; 0:
   none does. */
int64_t anthropic_budget_below(const struct chat *chat, int64_t max_tokens);
/* What a limit that the client did not set must have on top for thinking. */
int64_t anthropic_tokens_for_thinking(const struct chat *chat, const struct request_change *change);

/* --- answers --- */

struct decoder;
struct encoder;

/* anthropic_usage.c: the members that are there replace those of d->usage, whose `input` is without
   cached tokens as Anthropic counts; then EVENT_USAGE. */
void anthropic_decode_usage(struct decoder *d, uint32_t value);
enum anthropic_usage_form { ANTHROPIC_USAGE_DELTA, ANTHROPIC_USAGE_WHOLE };
void anthropic_write_usage(struct buf *out, const struct usage *usage,
                           enum anthropic_usage_form form);

/* anthropic_decode.c */
enum decode_result anthropic_decode(struct decoder *d, struct slice *bytes,
                                    struct frame *ret_frame);
enum decode_result anthropic_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result anthropic_decode_answer(struct decoder *d, struct slice body,
                                           struct frame *ret_frame);
/* anthropic_block.c: the events of a block's begin (or of a whole block) and of its deltas. */
void anthropic_decode_block(struct decoder *d, uint32_t block, int64_t position);
void anthropic_decode_delta(struct decoder *d, uint32_t delta, int64_t position);
/* anthropic_finish.c */
void anthropic_decode_finish(struct decoder *d, uint32_t object);
/* Appends `"stop_reason":...,"stop_sequence":...`; `finish` may be NULL. */
void anthropic_write_finish(struct buf *out, const struct event *finish, bool called, bool refused);

/* anthropic_error.c */
void anthropic_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage);
void anthropic_read_error(struct decoder *d, int status, struct slice body,
                          struct provider_error *ret_error);
void anthropic_decode_error(struct decoder *d, uint32_t error);
void anthropic_write_error(const struct answer_error *error, struct buf *out);
void anthropic_write_stream_error(const struct answer_error *error, struct buf *out);
/* An error of the provider after status 200, as a stream's last event. */
void anthropic_encode_error(struct buf *out, struct slice message, struct slice name,
                            struct slice call_id);

/* anthropic_encode.c */
struct encoder *anthropic_encoder_new(const struct answer_head *head);
void anthropic_encoder_free(struct encoder *encoder);
bool anthropic_encode(struct encoder *encoder, const struct frame *frame, struct buf *out);
struct slice anthropic_unsaid(const struct event *event);

/* anthropic_answer.c */
bool anthropic_write_answer(const struct answer_head *head, const struct frame *frame,
                            struct buf *out);
/* The citation as an object; it has an address. */
void anthropic_write_citation(struct buf *out, const struct event *event);
/* Does this client want to see what the model thought? One that did not ask gets none, as from
   Anthropic. */
bool anthropic_shows_thinking(const struct answer_head *head);

#endif
