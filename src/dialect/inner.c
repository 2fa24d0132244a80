/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/inner.h"

#include "base/hash.h"
#include "codec/json.h"

#define SEPARATOR_MAX 3u
#define HASHED_MAX 256u /* of an escaped text: the rest does not count */

/* Length of U+0085, U+2028 or U+2029 at the start, else 0. */
static size_t separator_at(const char *p, size_t left)
{
    if (left >= 2 && memcmp(p, "\xC2\x85", 2) == 0) {
        return 2;
    }
    bool wide = left >= SEPARATOR_MAX && memcmp(p, "\xE2\x80", 2) == 0;
    return wide && (p[2] == '\xA8' || p[2] == '\xA9') ? SEPARATOR_MAX : 0;
}

static bool holds_lead(struct slice s, int lead)
{
    const char *p = s.ptr;
    size_t left = s.len;
    while (left > 0 && (p = memchr(p, lead, left)) != NULL) {
        left = s.len - (size_t)(p - s.ptr);
        if (separator_at(p, left) > 0) {
            return true;
        }
        p++;
        left--;
    }
    return false;
}

static bool append_escaping(struct buf *out, struct slice inner)
{
    size_t from = 0;
    for (size_t at = 0; at < inner.len;) {
        size_t length = separator_at(inner.ptr + at, inner.len - at);
        if (length == 0) {
            at++;
            continue;
        }
        bool paragraph = inner.ptr[at + length - 1] == '\xA9';
        buf_append(out, slice_of(inner.ptr + from, at - from));
        buf_append_cstr(out, length == 2 ? "\\u0085" : paragraph ? "\\u2029" : "\\u2028");
        at += length;
        from = at;
    }
    return buf_append(out, slice_from(inner, from));
}

bool inner_append(struct buf *out, struct slice inner)
{
    if (inner.len == 0) {
        return !out->failed;
    }
    if (holds_lead(inner, 0xE2) || holds_lead(inner, 0xC2)) {
        return append_escaping(out, inner);
    }
    return buf_append(out, inner);
}

bool inner_append_raw(struct buf *out, struct slice raw)
{
    size_t from = out->len;
    inner_append(out, raw);
    for (size_t i = from; i < out->len; i++) {
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r') {
            out->ptr[i] = ' ';
        }
    }
    return !out->failed;
}

static bool has_escape(struct slice s)
{
    return s.len > 0 && memchr(s.ptr, '\\', s.len) != NULL;
}

bool inner_equals(struct slice a, struct slice b)
{
    if (slice_eq(a, b)) {
        return true;
    }
    if (!has_escape(a) && !has_escape(b)) {
        return false;
    }
    struct buf plain_a = BUF_INIT(a.len + 1);
    struct buf plain_b = BUF_INIT(b.len + 1);
    bool equal = json_unescape(a, &plain_a) && json_unescape(b, &plain_b) &&
                 slice_eq(buf_slice(&plain_a), buf_slice(&plain_b));
    buf_release(&plain_a);
    buf_release(&plain_b);
    return equal;
}

uint64_t inner_hash(struct slice inner)
{
    char plain[HASHED_MAX];
    if (!has_escape(inner) && inner.len <= sizeof plain - 4) {
        return hash_keyed(inner);
    }
    /* Cut where a whole character of up to 4 bytes surely fits, so that the spelling does not move
     * the cut. */
    size_t length = json_unescape_to(inner, plain, sizeof plain);
    return hash_keyed(slice_of(plain, length));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool inner_contains(struct slice inner, const char *needle)
{
    size_t length = strlen(needle);
    for (size_t at = 0; at + length <= inner.len; at++) {
        size_t i = 0;
        while (i < length && lower(inner.ptr[at + i]) == needle[i]) {
            i++;
        }
        if (i == length) {
            return true;
        }
    }
    return false;
}

/* '+' and the digits; '/' is apart, because it may be escaped. */
static bool is_base64_digit(unsigned char c)
{
    unsigned char letter = c | 0x20;
    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '+';
}

bool inner_is_base64(struct slice inner)
{
    size_t padding = 0;
    while (padding < 2 && inner.len > 0 && inner.ptr[inner.len - 1] == '=') {
        inner.len--;
        padding++;
    }
    size_t count = 0;
    for (size_t i = 0; i < inner.len; i++, count++) {
        bool escaped = inner.ptr[i] == '\\' && i + 1 < inner.len && inner.ptr[i + 1] == '/';
        i += escaped ? 1 : 0;
        if (!is_base64_digit((unsigned char)inner.ptr[i]) && inner.ptr[i] != '/') {
            return false;
        }
    }
    return count > 0 && (count + padding) % 4 == 0;
}

bool inner_data_url(struct slice inner, struct slice *ret_media_type, struct slice *ret_data)
{
    struct slice rest = inner;
    struct slice scheme = slice_cut(&rest, ':');
    struct slice head = slice_cut(&rest, ',');
    struct slice marker = SLICE(";base64");
    bool complete = rest.ptr != NULL && head.len + scheme.len + 2 <= inner.len;
    if (!slice_eq_nocase(scheme, SLICE("data")) || !complete || !slice_ends(head, marker)) {
        return false;
    }
    *ret_media_type = slice_of(head.ptr, head.len - marker.len);
    *ret_data = rest;
    return true;
}

/* Length of the white space (Unicode's) at the start, or 0. */
static size_t space_length(struct slice text)
{
    static const char *const wide[] = {
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
        "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
        "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
    };
    unsigned char c = (unsigned char)text.ptr[0];
    if (c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F)) {
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(wide) && c >= 0x80; i++) {
        if (slice_starts(text, slice_from_cstr(wide[i]))) {
            return strlen(wide[i]);
        }
    }
    return 0;
}

bool inner_is_blank(struct slice inner)
{
    while (inner.len > 0) { /* piece by piece: a text mostly begins with a letter */
        char plain[64];
        struct slice rest = slice_of(inner.ptr, inner.len < 32 ? inner.len : 32);
        if (inner.ptr[0] != '\\') {
            size_t step = space_length(inner);
            if (step == 0) {
                return false;
            }
            inner = slice_from(inner, step);
            continue;
        }
        size_t escape = inner.len > 1 && inner.ptr[1] == 'u' ? 6 : 2;
        rest.len = rest.len < escape ? rest.len : escape;
        size_t length = json_unescape_to(rest, plain, sizeof plain);
        if (length == 0 || space_length(slice_of(plain, length)) != length) {
            return false;
        }
        inner = slice_from(inner, escape);
    }
    return true;
}
