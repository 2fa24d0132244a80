/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags: words that calls of one kind share, as callers, routes and keys say them. 1 to 63 bytes of
 * UTF-8 without control characters, commas, and spaces at either end. Pure; any thread.
 */
#ifndef SLUICE_MODEL_TAG_H
#define SLUICE_MODEL_TAG_H

#include "base/slice.h"

#define TAG_BYTES_MAX 63
#define TAGS_MAX 8 /* of one call */

bool tag_is_sound(struct slice word);
/* "a, b,c" -> its words. False: one of them is no tag, there is none, or there are more than
 * TAGS_MAX. */
MUST_USE bool tags_split(struct slice text, struct slice ret_tags[TAGS_MAX], size_t *ret_count);

#endif
