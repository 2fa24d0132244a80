/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools that not every dialect can say: those in a namespace (Responses) and those that take free
 * text (TOOL_CUSTOM). Towards a dialect without them a tool in a namespace goes under a flat name,
 * and a custom tool as a function with one text, `input`. In the answer the encoders of the
 * dialects that know such tools turn calls back, by the tools of the request.
 */
#ifndef SLUICE_DIALECT_TOOL_NAME_H
#define SLUICE_DIALECT_TOOL_NAME_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/chat.h"

#define TOOL_NAME_MAX 64u /* bytes: what every vendor takes */

/* "SPACE__NAME" (inner, in the arena); what is too long is cut and ends in a hash of the whole. */
struct slice tool_name_flat(struct arena *arena, struct slice space, struct slice name);

/* The schema of the function that stands for a custom tool. */
extern const struct slice custom_tool_parameters;
/* Appends the arguments of such a function as a JSON object; `input` is the call's free text
 * (inner). */
void custom_write_arguments(struct buf *out, struct slice input);
/* Appends the free text (inner) that these arguments (inner of a JSON text) hold; what is no such
 * object is taken for the text itself. */
bool custom_read_arguments(struct slice arguments, struct buf *out);

/* The request's tools whose calls must be turned back; copies, because the request's memory does
 * not live as long as an encoder. */
struct tool_names {
    struct tool_entry *entries;
    size_t count;
    struct buf bytes;
};

struct tool_name {
    struct slice name;  /* inner: what the client calls it */
    struct slice space; /* inner, or NULL */
    bool custom;
};

/* `chat` may be NULL: no tools. False: out of memory. */
MUST_USE bool tool_names_init(struct tool_names *names, const struct chat *chat);
void tool_names_release(struct tool_names *names);
/* False: a call of this name is what it seems. */
bool tool_names_find(const struct tool_names *names, struct slice name, struct tool_name *ret_name);

#endif
