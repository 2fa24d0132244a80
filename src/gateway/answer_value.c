/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_value.h"

#include <endian.h>

#define VERSION UINT64_C(0x33534e4153554c53) /* "SLUSANS3" */
#define NUMBERS 12

static void put(struct buf *out, uint64_t number)
{
    uint64_t word = htole64(number);
    buf_append(out, slice_of((const char *)&word, sizeof(word)));
}

static bool put_text(struct buf *out, struct slice text)
{
    put(out, text.len);
    buf_append(out, text);
    return text.len <= ANSWER_NAME_MAX;
}

bool answer_value_write(const struct answer_value *value, struct buf *out)
{
    const struct usage *usage = &value->usage;
    const int64_t numbers[NUMBERS] = {
        value->made_wall_ns,   usage->input,       usage->output,       usage->cache_read,
        usage->cache_write,    usage->reasoning,   usage->audio_input,  usage->audio_output,
        usage->cache_write_1h, usage->image_input, usage->image_output, usage->reported ? 1 : 0};
    bool ok = true;
    put(out, VERSION);
    for (size_t i = 0; i < NUMBERS; i++) {
        put(out, (uint64_t)numbers[i]);
    }
    ok &= put_text(out, value->content_type);
    for (size_t i = 0; i < ANSWER_NAMES; i++) {
        ok &= put_text(out, value->names[i]);
    }
    put(out, value->body.len);
    buf_append(out, value->body);
    return ok && !out->failed;
}

static bool take(struct slice *bytes, uint64_t *ret_number)
{
    uint64_t word;
    if (bytes->len < sizeof(word)) {
        return false;
    }
    memcpy(&word, bytes->ptr, sizeof(word));
    *ret_number = le64toh(word);
    *bytes = slice_from(*bytes, sizeof(word));
    return true;
}

static bool take_text(struct slice *bytes, struct slice *ret_text)
{
    uint64_t len;
    if (!take(bytes, &len) || len > ANSWER_NAME_MAX || len > bytes->len) {
        return false;
    }
    *ret_text = slice_of(bytes->ptr, (size_t)len);
    *bytes = slice_from(*bytes, (size_t)len);
    return true;
}

static bool take_count(struct slice *bytes, int64_t most, int64_t *ret_count)
{
    uint64_t number;
    if (!take(bytes, &number) || number > (uint64_t)most) {
        return false;
    }
    *ret_count = (int64_t)number;
    return true;
}

bool answer_value_read(struct slice bytes, struct answer_value *ret_value)
{
    struct answer_value value = {.made_wall_ns = 0};
    struct usage *usage = &value.usage;
    int64_t reported = 0;
    int64_t *const counts[NUMBERS - 1] = {&usage->input,
                                          &usage->output,
                                          &usage->cache_read,
                                          &usage->cache_write,
                                          &usage->reasoning,
                                          &usage->audio_input,
                                          &usage->audio_output,
                                          &usage->cache_write_1h,
                                          &usage->image_input,
                                          &usage->image_output,
                                          &reported};
    uint64_t version;
    bool ok = take(&bytes, &version) && version == VERSION &&
              take_count(&bytes, INT64_MAX, &value.made_wall_ns);
    for (size_t i = 0; ok && i < NUMBERS - 1; i++) {
        ok = take_count(&bytes, USAGE_TOKENS_MAX, counts[i]);
    }
    usage->reported = reported == 1;
    ok = ok && reported <= 1 && take_text(&bytes, &value.content_type);
    for (size_t i = 0; ok && i < ANSWER_NAMES; i++) {
        ok = take_text(&bytes, &value.names[i]);
    }
    uint64_t len = 0;
    ok = ok && take(&bytes, &len) && len == bytes.len;
    value.body = bytes;
    *ret_value = value;
    return ok;
}
