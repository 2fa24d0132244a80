/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of the canonical model are "inner": the escaped inside of a JSON string. These helpers look
 * at them and move them without leaving that form where they can.
 */
#ifndef SLUICE_DIALECT_INNER_H
#define SLUICE_DIALECT_INNER_H

#include "base/buf.h"

/* Appends inner text towards a client: U+0085, U+2028 and U+2029 that stand raw in it become
   escapes, because some clients split lines on them. */
bool inner_append(struct buf *out, struct slice inner);
/* Appends raw JSON on one line, so that it can stand in an event of a stream: line ends stand only
 * between its values. */
bool inner_append_raw(struct buf *out, struct slice raw);
/* The same text? Escapes may differ. */
bool inner_equals(struct slice a, struct slice b);
/* Equal texts have equal hashes, however they are escaped; keyed, for texts from outside (see
 * hash_keyed). */
uint64_t inner_hash(struct slice inner);
/* Does the text hold `needle` (a literal in lower case, of letters that JSON does not escape)?
 * ASCII case is ignored. */
bool inner_contains(struct slice inner, const char *needle);
/* Nothing, or white space alone (Unicode's). */
bool inner_is_blank(struct slice inner);
/* Is it base64 (RFC 4648, section 4) with its padding? An escaped slash is a slash; the empty text
 * is none. */
bool inner_is_base64(struct slice inner);
/* Splits "data:MEDIA;base64,DATA"; false (and nothing set) when it is another URL. */
bool inner_data_url(struct slice inner, struct slice *ret_media_type, struct slice *ret_data);

#endif
