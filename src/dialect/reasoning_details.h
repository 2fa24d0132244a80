/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenRouter's `reasoning_details`: what a model thought, with the seals and ciphers of whoever
 * made it. A model that called a tool must get them back in the next turn as they were; a stream
 * tells an element in fragments, which are put together here.
 */
#ifndef SLUICE_DIALECT_REASONING_DETAILS_H
#define SLUICE_DIALECT_REASONING_DETAILS_H

#include "base/buf.h"
#include "codec/json.h"

/* The elements (raw JSON, with commas between) of one answer. Owned by the caller; zeroed and
   `list` initialised it is empty. */
struct reasoning_details {
    struct buf list;
    uint64_t series; /* of the element that the last fragments made; 0: it is complete */
    struct json_doc doc;
};

void reasoning_details_init(struct reasoning_details *details, size_t limit);
void reasoning_details_release(struct reasoning_details *details);
/* Appends an element (raw). `fragment`: of a stream, where elements of the same type and place
   belong together. False: it is no object, or out of memory (then details->list has failed). */
bool reasoning_details_add(struct reasoning_details *details, struct slice element, bool fragment);

#endif
