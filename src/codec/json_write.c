/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's state is two words: how deep it is and, a bit per level, whether a comma is due. */
#include "codec/json_write.h"

#include "codec/json_scan.h"

#define DEPTH_MAX 64u

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Can the text stand in a string as it is? */
static bool text_is_plain(struct slice text)
{
    if (text.len == 0) {
        return true;
    }
    const char *end = text.ptr + text.len;
    return json_text_skip(text.ptr, end) == end && json_separator_lead(text.ptr, end) == end;
}

static uint64_t level_bit(const struct json_writer *w)
{
    return (uint64_t)1 << (w->depth - 1);
}

/* Begins an item: is a comma due before it? Not for the first of its level and not after its key.
 */
static bool item_comma(struct json_writer *w)
{
    if (w->after_key || w->depth == 0) {
        w->after_key = false;
        return false;
    }
    bool comma = (w->has_items & level_bit(w)) != 0;
    w->has_items |= level_bit(w);
    return comma;
}

static void item_begin(struct json_writer *w)
{
    if (item_comma(w)) {
        (void)buf_append_char(w->out, ',');
    }
}

/* Appends a comma if due, the text in quotes and `after` (one byte, or 0 for none), with one look
 * for room. */
static void quoted_append(struct json_writer *w, bool comma, struct slice text, char after)
{
    char *room = buf_reserve(w->out, text.len + 2 + comma + (after != 0));
    if (room == NULL) {
        return;
    }
    char *p = room;
    if (comma) {
        *p++ = ',';
    }
    *p++ = '"';
    if (text.len > 0) {
        memcpy(p, text.ptr, text.len);
        p += text.len;
    }
    *p++ = '"';
    if (after != 0) {
        *p++ = after;
    }
    w->out->len += (size_t)(p - room);
}

static void level_begin(struct json_writer *w, char bracket)
{
    item_begin(w);
    CHECK(w->depth < DEPTH_MAX);
    (void)buf_append_char(w->out, bracket);
    w->depth++;
    w->has_items &= ~level_bit(w);
}

static void level_end(struct json_writer *w, char bracket)
{
    CHECK(w->depth > 0 && !w->after_key);
    w->depth--;
    (void)buf_append_char(w->out, bracket);
}

void json_begin_object(struct json_writer *w)
{
    level_begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    level_end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    level_begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    level_end(w, ']');
}

void json_key(struct json_writer *w, struct slice key)
{
    CHECK(!w->after_key && w->depth > 0);
    quoted_append(w, item_comma(w), key, ':');
    w->after_key = true;
}

void json_write_string(struct json_writer *w, struct slice text)
{
    bool comma = item_comma(w);
    if (text_is_plain(text)) {
        quoted_append(w, comma, text, 0);
        return;
    }
    (void)buf_append(w->out, comma ? SLICE(",\"") : SLICE("\""));
    (void)json_escape(text, w->out);
    (void)buf_append_char(w->out, '"');
}

void json_write_inner(struct json_writer *w, struct slice inner)
{
    quoted_append(w, item_comma(w), inner, 0);
}

void json_write_raw(struct json_writer *w, struct slice raw)
{
    item_begin(w);
    (void)buf_append(w->out, raw);
}

void json_write_int(struct json_writer *w, int64_t value)
{
    item_begin(w);
    (void)buf_append_i64(w->out, value);
}

void json_write_bool(struct json_writer *w, bool value)
{
    json_write_raw(w, value ? SLICE("true") : SLICE("false"));
}

void json_write_null(struct json_writer *w)
{
    json_write_raw(w, SLICE("null"));
}

/* Digits from the right, the point after `scale` of them; zeros that end the fraction are left out.
   The buffer holds any 64-bit value with any scale up to SCALE_MAX. */
#define SCALE_MAX 64

static struct slice scaled_text(uint64_t value, int scale, char *buffer, size_t size)
{
    char *p = buffer + size;
    bool started = false;
    for (int i = 0; i < scale; i++) {
        char digit = (char)('0' + value % 10);
        value /= 10;
        started = started || digit != '0';
        if (started) {
            *--p = digit;
        }
    }
    if (started) {
        *--p = '.';
    }
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return slice_of(p, (size_t)(buffer + size - p));
}

void json_write_scaled(struct json_writer *w, int64_t value, int scale)
{
    CHECK(scale >= 0 && scale <= SCALE_MAX);
    char buffer[SCALE_MAX + 24];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    struct slice text = scaled_text(magnitude, scale, buffer, sizeof buffer);
    item_begin(w);
    if (value < 0) {
        (void)buf_append_char(w->out, '-');
    }
    (void)buf_append(w->out, text);
}

void json_member_string(struct json_writer *w, struct slice key, struct slice text)
{
    json_key(w, key);
    json_write_string(w, text);
}

void json_member_inner(struct json_writer *w, struct slice key, struct slice inner)
{
    json_key(w, key);
    json_write_inner(w, inner);
}

void json_member_int(struct json_writer *w, struct slice key, int64_t value)
{
    json_key(w, key);
    json_write_int(w, value);
}

void json_member_bool(struct json_writer *w, struct slice key, bool value)
{
    json_key(w, key);
    json_write_bool(w, value);
}

void json_member_raw(struct json_writer *w, struct slice key, struct slice raw)
{
    json_key(w, key);
    json_write_raw(w, raw);
}

void json_member_scaled(struct json_writer *w, struct slice key, int64_t value, int scale)
{
    json_key(w, key);
    json_write_scaled(w, value, scale);
}
