/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids of calls. Anthropic takes letters, digits, '_' and '-' only, while others make ids such as
 * "functions.Bash:0". Those travel as "sluice_" and their bytes in base64url, towards Anthropic and
 * towards Anthropic's clients alike, and are themselves again when they come back.
 */
#include "dialect/anthropic.h"

#include "base/hash.h"

#define WRAPPER "sluice_"
/* A longer id cannot be wrapped whole: a hash stands for it, the same for call and result. */
#define PLAIN_MAX 256u

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool is_fitting(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return id.len > 0;
}

static void append_base64(struct buf *out, struct slice plain)
{
    for (size_t i = 0; i < plain.len; i += 3) {
        uint32_t bits = 0;
        size_t length = plain.len - i < 3 ? plain.len - i : 3;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < length ? (unsigned char)plain.ptr[i + j] : 0);
        }
        for (size_t j = 0; j <= length; j++) {
            buf_append_char(out, digits[bits >> (18 - 6 * j) & 63]);
        }
    }
}

void anthropic_append_id(struct buf *out, struct slice id)
{
    if (is_fitting(id)) {
        buf_append(out, id);
        return;
    }
    char plain[PLAIN_MAX + 4];
    size_t length = json_unescape_to(id, plain, sizeof plain);
    if (is_fitting(slice_of(plain, length)) && length <= PLAIN_MAX) {
        buf_append(out, slice_of(plain, length)); /* it was only spelled with escapes */
        return;
    }
    buf_append(out, SLICE(WRAPPER));
    if (length <= PLAIN_MAX) {
        append_base64(out, slice_of(plain, length));
        return;
    }
    struct buf whole = BUF_INIT(id.len + 1);
    json_unescape(id, &whole);
    out->failed = out->failed || whole.failed;
    buf_printf(out, "%016llx", (unsigned long long)hash_stable(buf_slice(&whole)));
    buf_release(&whole);
}

static bool decode_base64(struct slice text, char *out, size_t *ret_length)
{
    uint32_t bits = 0;
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(digits, text.ptr[i], sizeof digits - 1);
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (i % 4 != 0) {
            out[length++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xFF);
        }
    }
    *ret_length = length;
    return text.len % 4 != 1;
}

static bool is_utf8(struct slice text)
{
    for (size_t step; text.len > 0; text = slice_from(text, step)) {
        step = slice_utf8_length(text);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

/* Only what wraps to this very id is unwrapped: an id of someone else's that looks alike stays. */
static bool is_ours(struct slice plain, struct slice id)
{
    struct buf inner = BUF_INIT(PLAIN_MAX * 8);
    struct buf again = BUF_INIT(ANTHROPIC_ID_MAX * 4);
    json_escape(plain, &inner);
    anthropic_append_id(&again, buf_slice(&inner));
    bool ours = !inner.failed && !again.failed && slice_eq(buf_slice(&again), id);
    buf_release(&inner);
    buf_release(&again);
    return ours;
}

struct slice anthropic_unwrap_id(struct arena *arena, struct slice id)
{
    char plain[PLAIN_MAX + 4];
    size_t length = 0;
    struct slice wrapped = slice_from(id, sizeof WRAPPER - 1);
    if (!slice_starts(id, SLICE(WRAPPER)) || wrapped.len == 0 ||
        wrapped.len > (PLAIN_MAX * 4 + 2) / 3 || !decode_base64(wrapped, plain, &length) ||
        !is_utf8(slice_of(plain, length)) || !is_ours(slice_of(plain, length), id)) {
        return id;
    }
    struct buf inner = BUF_INIT(PLAIN_MAX * 8);
    json_escape(slice_of(plain, length), &inner);
    struct slice copy = arena_copy(arena, buf_slice(&inner));
    buf_release(&inner);
    return arena->exhausted ? id : copy;
}
