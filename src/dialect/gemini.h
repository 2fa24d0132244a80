/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the Gemini dialect: generateContent and its kin, in front and behind. Google's parser
 * takes each member under its camelCase name and under its proto name (snake_case); so do we, but
 * both at once are ambiguous.
 */
#ifndef SLUICE_DIALECT_GEMINI_H
#define SLUICE_DIALECT_GEMINI_H

#include "codec/json_write.h"
#include "dialect/dialect.h"
#include "dialect/reader.h"

/* Results look their call up in a list, so that list is bounded. */
#define GEMINI_CALLS_PER_TURN 256u
#define GEMINI_STOPS_MAX 5u

/* What Google documents for calls that no Gemini model made: its check of signatures is skipped. */
#define GEMINI_NO_SIGNATURE "skip_thought_signature_validator"

/* A table of members whose names from `count` on are second spellings: of_alias[i] is the id that
 * the name count + i stands for. */
struct gemini_table {
    struct member_table table;
    uint32_t count;
    const uint8_t *of_alias;
};
#define GEMINI_TABLE(names, first_alias, aliases)                                                  \
    {                                                                                              \
        MEMBER_TABLE(names), (first_alias), (aliases)                                              \
    }

/* gemini_member.c. As members_read() and members_scan(); `values` has room for table.count ids, the
 * first `count` of them count. */
MUST_USE bool gemini_members_read(struct reader *r, uint32_t object, const char *inside,
                                  const struct gemini_table *table, uint32_t *values,
                                  size_t *ret_unknown);
void gemini_members_scan(const struct json_doc *doc, uint32_t object,
                         const struct gemini_table *table, uint32_t *values);
/* Adds the `unknown` members outside the table to the chat's extras. */
MUST_USE bool gemini_extras_add(struct reader *r, uint32_t object, const struct gemini_table *table,
                                size_t unknown);
/* Adds one member, by its value. */
MUST_USE bool gemini_extra_add(struct reader *r, uint32_t value);
/* The elements of an array; a single object stands for an array of one, as Google's parser takes
   it. JSON_ABSENT and null: none. False: neither (the error is set). */
struct gemini_list {
    uint32_t first; /* JSON_ABSENT: empty */
    uint32_t parent;
    size_t count;
};
MUST_USE bool gemini_list_read(struct reader *r, uint32_t value, const char *member,
                               struct gemini_list *ret_list);
uint32_t gemini_list_next(const struct reader *r, const struct gemini_list *list, uint32_t item);

/* --- front --- */

enum gemini_member {
    GEMINI_CONTENTS,
    GEMINI_SYSTEM,
    GEMINI_CONFIG,
    GEMINI_TOOLS,
    GEMINI_TOOL_CONFIG,
    GEMINI_MODEL,
    GEMINI_TIER,
    GEMINI_SLUICE,
    GEMINI_CONTENT, /* from here on: embeddings and token counts */
    GEMINI_REQUESTS,
    GEMINI_DIMENSIONS,
    GEMINI_COUNTED,
    GEMINI_MEMBERS,
    GEMINI_NAMES = GEMINI_MEMBERS + 6
};
extern const struct gemini_table gemini_members;

enum gemini_config {
    CONFIG_TEMPERATURE,
    CONFIG_TOP_P,
    CONFIG_TOP_K,
    CONFIG_MAX_TOKENS,
    CONFIG_STOP,
    CONFIG_CHOICES,
    CONFIG_SEED,
    CONFIG_PRESENCE,
    CONFIG_FREQUENCY,
    CONFIG_MIME_TYPE,
    CONFIG_SCHEMA,
    CONFIG_JSON_SCHEMA,
    CONFIG_LOGPROBS,
    CONFIG_TOP_LOGPROBS,
    CONFIG_THINKING,
    CONFIG_MEMBERS,
    CONFIG_NAMES = CONFIG_MEMBERS + 12
};
extern const struct gemini_table gemini_config_members;
extern const struct gemini_table gemini_thinking_members;
extern const struct gemini_table gemini_tool_config_members;
extern const struct gemini_table gemini_calling_members;

/* gemini_read.c */
bool gemini_read(struct slice body, struct json_doc *doc, struct arena *arena, struct chat *chat,
                 struct error *error);
/* gemini_config.c */
MUST_USE bool gemini_read_config(struct reader *r, uint32_t value);
/* gemini_embed.c: content or requests. */
MUST_USE bool gemini_read_inputs(struct reader *r, const uint32_t *values);
/* gemini_content.c */
MUST_USE bool gemini_read_contents(struct reader *r, uint32_t contents, uint32_t system);
/* gemini_part.c: fills in one part, which is an object. Of a result only id and name. */
MUST_USE bool gemini_read_part(struct reader *r, uint32_t node, struct chat_part *part);
/* The object of a functionResponse within a part, or JSON_ABSENT. */
uint32_t gemini_result_of(const struct json_doc *doc, uint32_t part);
/* gemini_result.c: what a tool returned, from parts[*count] on; there is room for
 * gemini_result_size() parts. */
size_t gemini_result_size(const struct json_doc *doc, uint32_t result);
MUST_USE bool gemini_read_result(struct reader *r, uint32_t result, struct chat_part *parts,
                                 size_t *count);
/* gemini_tool.c */
MUST_USE bool gemini_read_tools(struct reader *r, uint32_t tools);
MUST_USE bool gemini_read_tool_config(struct reader *r, uint32_t value);
/* gemini_schema.c: a schema in Google's subset of OpenAPI as a JSON schema, in the arena where it
 * differs. */
MUST_USE bool gemini_json_schema(struct reader *r, uint32_t schema, struct slice *ret_schema);

/* gemini_edit.c */
bool gemini_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits);

/* gemini_resign.c: the edits, in order, that put back signatures which the client dropped, and how
 * many they are; with NULL they are only counted. Their texts live as long as those of `recall`. */
#define GEMINI_RESIGN_EDITS 3u /* for each signature */
size_t gemini_resign(const struct chat *chat, const struct request_change *change,
                     uint32_t contents, struct json_edit *edits);

/* gemini_piece.c: pieces of answers, for streams and for whole ones. */
struct gemini_call {
    struct slice id;        /* inner */
    struct slice name;      /* inner */
    struct slice arguments; /* inner of the arguments' text */
    struct slice signature; /* inner, or NULL */
    bool custom;            /* the arguments are free text */
};
/* Appends the call as a part. False: its arguments are no JSON object; nothing is appended. */
MUST_USE bool gemini_write_call(struct buf *out, const struct gemini_call *call);
/* The part of a picture. */
void gemini_write_image(struct buf *out, const struct event *event);
/* Appends `"finishReason":"..."`. */
void gemini_write_finish(struct buf *out, enum finish_reason finish);
/* gemini_usage.c */
void gemini_write_usage(struct buf *out, const struct usage *usage);

/* Citations, collected for the end. */
struct gemini_sources {
    struct buf chunks;
    struct buf supports;
    size_t count;         /* of both */
    struct buf citations; /* those without words */
};
void gemini_sources_init(struct gemini_sources *s);
void gemini_sources_release(struct gemini_sources *s);
void gemini_sources_add(struct gemini_sources *s, const struct event *event);
/* Appends `,"citationMetadata":...` and `,"groundingMetadata":...`, each if there is any. */
void gemini_write_sources(struct buf *out, const struct gemini_sources *s);
/* Appends `,"logprobsResult":...` for OpenAI's list of tokens (raw). */
void gemini_write_logprobs(struct buf *out, struct slice list);

/* gemini_answer.c */
bool gemini_write_answer(const struct answer_head *head, const struct frame *frame,
                         struct buf *out);
/* gemini_encode.c */
struct encoder *gemini_encoder_new(const struct answer_head *head);
void gemini_encoder_free(struct encoder *encoder);
bool gemini_encode(struct encoder *encoder, const struct frame *frame, struct buf *out);
struct slice gemini_unsaid(const struct event *event);

/* --- back --- */

/* gemini_path.c: does the name of a model say that it is older than Gemini 3? Those take budgets
 * instead of levels of thinking, need no signatures, and take no images within results. */
bool gemini_is_older(struct slice model);
/* A client's name of a model (inner) without "models/". */
struct slice gemini_bare_model(struct slice inner);
/* Appends "models/NAME", percent-encoded in paths, or the name alone where it has such a prefix. */
void gemini_append_model(struct buf *out, struct slice model, bool encode);
/* Are several inputs embedded, or one as a list of one (as Google's own clients do)? */
bool gemini_is_batch(const struct chat *chat);
bool gemini_write_path(const struct chat *chat, struct slice model, struct buf *out);

struct gemini_writer {
    struct json_writer json;
    const struct chat *chat;
    const struct request_change *change;
    struct loss *loss;
    struct error *error;
    bool same;  /* the request was read in this dialect: `raw` and extras can be written */
    bool older; /* see gemini_is_older() */
    bool bare;  /* a count at Vertex AI: contents, instructions and tools are all that it takes */
    struct json_doc scratch; /* these three are for one call or result at a time */
    struct buf plain;
    struct buf joined;
};
/* gemini_write.c */
bool gemini_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error);
/* A count of tokens as Vertex AI takes it. */
bool gemini_write_bare_count(const struct chat *chat, const struct request_change *change,
                             struct buf *out, struct loss *loss, struct error *error);
/* The object of the client's body (of this dialect) that is the request. */
uint32_t gemini_request_node(const struct chat *chat);
/* gemini_write_config.c: generationConfig. */
MUST_USE bool gemini_write_config(struct gemini_writer *w);
/* gemini_write_tool.c */
void gemini_write_tools(struct gemini_writer *w);
/* gemini_write_content.c: systemInstruction and contents. */
MUST_USE bool gemini_write_contents(struct gemini_writer *w);
/* gemini_write_part.c: parts that are no calls and no results. */
MUST_USE bool gemini_write_part(struct gemini_writer *w, size_t index,
                                const struct chat_part *part);
/* gemini_write_call.c: a call of an earlier turn, `first`: of its content. */
void gemini_write_past_call(struct gemini_writer *w, size_t index, const struct chat_part *part,
                            bool first);
/* The results among the messages [first, end), in the order of the calls in [before, first). */
MUST_USE bool gemini_write_results(struct gemini_writer *w, size_t before, size_t first,
                                   size_t end);
/* Must this part of a result stand beside it, because the model takes no files within? */
bool gemini_moves(const struct gemini_writer *w, const struct chat_part *part);
/* Writes the extras that stand within `node` of the client's request (of the same dialect) but not
 * within the nodes of `except`; each may be JSON_ABSENT. */
void gemini_write_extras(struct gemini_writer *w, uint32_t node, const uint32_t *except,
                         size_t except_count);

/* gemini_decode.c */
enum decode_result gemini_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame);
enum decode_result gemini_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result gemini_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame);
/* gemini_candidate.c: the events of one element of `candidates`, at `position` in the array. */
void gemini_decode_candidate(struct decoder *d, uint32_t candidate, uint32_t position);
/* gemini_usage.c: EVENT_USAGE when the value is an object with counts. */
void gemini_decode_usage(struct decoder *d, uint32_t value);
/* gemini_finish.c */
enum finish_reason gemini_finish_reason(struct slice word);
struct slice gemini_finish_word(enum finish_reason reason);

/* gemini_error.c */
void gemini_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage);
void gemini_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error);
void gemini_decode_error(struct decoder *d, uint32_t error);
void gemini_write_error(const struct answer_error *error, struct buf *out);
void gemini_write_stream_error(const struct answer_error *error, struct buf *out);
/* The word of google.rpc.Code for an HTTP status. */
struct slice gemini_status_name(int status);

#endif
