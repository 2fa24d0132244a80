/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From plain text to the inside of a JSON string. Runs that need nothing are found by the reader's
 * vector search and appended whole. Beyond what RFC 8259 asks for, U+0085, U+2028 and U+2029 are
 * escaped: Python's splitlines() and JavaScript before 2019 take them for line ends, and events are
 * read by line.
 */
#include "codec/json_write.h"

#include "codec/json_scan.h"

/* Length of U+0085, U+2028 or U+2029 at p, else 0. */
static size_t separator_length(const char *p, const char *end)
{
    if (end - p >= 2 && memcmp(p, "\xC2\x85", 2) == 0) {
        return 2;
    }
    bool wide = end - p >= 3 && memcmp(p, "\xE2\x80", 2) == 0;
    return wide && (p[2] == '\xA8' || p[2] == '\xA9') ? 3 : 0;
}

/* How many bytes of the broken sequence at p one mark stands for: its longest part that could begin
   a character, as decoders count it (Unicode, "maximal subpart"). */
static size_t broken_length(const char *p, const char *end)
{
    for (size_t length = 3; length > 1; length--) {
        char whole[4] = {'\x80', '\x80', '\x80', '\x80'};
        if ((size_t)(end - p) >= length) {
            memcpy(whole, p, length);
            if (json_multibyte(whole, whole + sizeof whole) > length) {
                return length;
            }
        }
    }
    return 1;
}

/* The first line separator in valid text, or end. */
static const char *separator_find(const char *p, const char *end)
{
    p = json_separator_lead(p, end);
    while (p < end && separator_length(p, end) == 0) {
        p = json_separator_lead(p + 1, end);
    }
    return p;
}

static void run_append(const char *p, const char *end, struct buf *out)
{
    if (end > p) {
        (void)buf_append(out, slice_of(p, (size_t)(end - p)));
    }
}

/* Appends valid text without stops. */
static void plain_append(const char *p, const char *end, struct buf *out)
{
    for (;;) {
        const char *separator = separator_find(p, end);
        run_append(p, separator, out);
        if (separator == end) {
            return;
        }
        size_t length = separator_length(separator, end);
        if (length == 2) {
            (void)buf_append(out, SLICE("\\u0085"));
        } else {
            (void)buf_append(out, separator[2] == '\xA8' ? SLICE("\\u2028") : SLICE("\\u2029"));
        }
        p = separator + length;
    }
}

/* Appends the escape for the stop or the mark for the broken sequence at p; returns what follows
   it. */
static const char *stop_append(const char *p, const char *end, struct buf *out)
{
    static const char letters[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                      ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*p;
    if (c >= 0x80) {
        (void)buf_append(out, SLICE("\xEF\xBF\xBD"));
        return p + broken_length(p, end);
    }
    char escape[6] = {'\\', letters[c], '0', '0', hex[c >> 4], hex[c & 15]};
    if (letters[c] != 0) {
        (void)buf_append(out, slice_of(escape, 2));
        return p + 1;
    }
    escape[1] = 'u';
    (void)buf_append(out, slice_of(escape, sizeof escape));
    return p + 1;
}

bool json_escape(struct slice text, struct buf *out)
{
    if (text.len == 0) {
        return !out->failed;
    }
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    while (p < end) {
        const char *stop = json_text_skip(p, end);
        plain_append(p, stop, out);
        p = stop < end ? stop_append(stop, end, out) : stop;
    }
    return !out->failed;
}
