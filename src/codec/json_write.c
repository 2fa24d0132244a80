/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's state is two words: how deep it is and, a bit per level, whether a comma is due. */
#include "codec/json_write.h"

#define DEPTH_MAX 64u

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

static uint64_t level_bit(const struct json_writer *w)
{
    return (uint64_t)1 << (w->depth - 1);
}

/* Whatever precedes an item: a comma, unless it is the first of its level or follows its key. */
static void item_begin(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) {
        return;
    }
    if ((w->has_items & level_bit(w)) != 0) {
        (void)buf_append_char(w->out, ',');
    }
    w->has_items |= level_bit(w);
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
    item_begin(w);
    /* up to four pieces, one check of the room */
    char *room = buf_reserve(w->out, key.len + 3);
    if (room != NULL) {
        room[0] = '"';
        memcpy(room + 1, key.ptr, key.len);
        room[key.len + 1] = '"';
        room[key.len + 2] = ':';
        w->out->len += key.len + 3;
    }
    w->after_key = true;
}

void json_write_string(struct json_writer *w, struct slice text)
{
    item_begin(w);
    (void)buf_append_char(w->out, '"');
    (void)json_escape(text, w->out);
    (void)buf_append_char(w->out, '"');
}

void json_write_inner(struct json_writer *w, struct slice inner)
{
    item_begin(w);
    (void)buf_append_char(w->out, '"');
    (void)buf_append(w->out, inner);
    (void)buf_append_char(w->out, '"');
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
