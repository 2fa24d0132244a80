/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes compact JSON into a buf. Commas are the writer's business; keys are literals of ours.
 * Strings from outside go through json_write_string (plain UTF-8 in; invalid bytes become U+FFFD;
 * control characters, U+0085, U+2028 and U+2029 are escaped, since some clients split lines on
 * them) or json_write_inner (already-escaped bytes of a parsed document). Failure is the buf's
 * sticky `failed`. Depth is at most 64 (CHECK): the shape is ours, not the input's.
 */
#ifndef SLUICE_CODEC_JSON_WRITE_H
#define SLUICE_CODEC_JSON_WRITE_H

#include "base/buf.h"

struct json_writer {
    struct buf *out;
    uint64_t has_items; /* bit per level: a comma is due before the next item */
    unsigned depth;
    bool after_key;
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, struct slice key);
void json_write_string(struct json_writer *w, struct slice text);
void json_write_inner(struct json_writer *w, struct slice inner);
/* Bytes that are a JSON value already. */
void json_write_raw(struct json_writer *w, struct slice raw);
void json_write_int(struct json_writer *w, int64_t value);
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);
/* value / 10^scale as a decimal without exponent and trailing zeros: (1230, 3) is 1.23. Money and
 * ratios use it. */
void json_write_scaled(struct json_writer *w, int64_t value, int scale);

/* Shorthands for a member. */
void json_member_string(struct json_writer *w, struct slice key, struct slice text);
void json_member_inner(struct json_writer *w, struct slice key, struct slice inner);
void json_member_int(struct json_writer *w, struct slice key, int64_t value);
void json_member_bool(struct json_writer *w, struct slice key, bool value);
void json_member_raw(struct json_writer *w, struct slice key, struct slice raw);
void json_member_scaled(struct json_writer *w, struct slice key, int64_t value, int scale);

/* Appends `text` escaped, without quotes. */
bool json_escape(struct slice text, struct buf *out);

#endif
