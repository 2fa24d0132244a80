/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of all dialects begin and end with: a chat without wishes, the members that tell
 * us (and not the provider) what to do, members kept aside, and what the request needs of a target.
 */
#ifndef SLUICE_DIALECT_READER_H
#define SLUICE_DIALECT_READER_H

#include "dialect/dialect.h"
#include "dialect/member.h"

/* Sets the chat to "nothing given" (operation, model and stream stay as the caller set them),
   parses the body and makes sure that it is an object. */
MUST_USE bool reader_begin(struct reader *r, unsigned dialect, struct slice body,
                           struct json_doc *doc);

/* Nodes of the values, JSON_ABSENT where a dialect has no such member. */
struct policy_members {
    uint32_t sluice;
    uint32_t models;
    uint32_t provider;
    uint32_t session_id;
    uint32_t prompt_cache_key;
};
MUST_USE bool reader_policy(struct reader *r, const struct policy_members *members);

struct chat_extra reader_extra(const struct json_doc *doc, uint32_t key);
/* Keeps members aside: those outside `table` and those whose id is at least `first_kept`. */
MUST_USE bool reader_extras(struct reader *r, uint32_t object, const struct member_table *table,
                            uint32_t first_kept, struct chat_extra **ret_extras, size_t *ret_count);

/* The list `tools` into the chat: `read_tool` reads each one. Absent is none. */
MUST_USE bool reader_tools(struct reader *r, uint32_t tools,
                           bool (*read_tool)(struct reader *r, uint32_t node,
                                             struct chat_tool *tool));

/* Refuses a choice that no answer can follow, at `member`: a call must be made, and there is no
   tool; or a tool must be called, and none has this name. Once tools and choice are read. A
   vendor's own tools may have any name. */
MUST_USE bool reader_choice(struct reader *r, const char *member);

/* The last word of every reader: adds to chat->needs what the members and parts ask for. */
void reader_needs(struct chat *chat);

#endif
