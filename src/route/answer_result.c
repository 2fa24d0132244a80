/* SPDX-License-Identifier: Apache-2.0 */
#include "route/answer_result.h"

#include "base/hash.h"

#define LINE_MAX_BYTES 240u /* a longer last line is prose, and its numbers are any */
#define WORDS_MAX_BYTES 48u
#define NUMBER_MAX 40u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice last_line(struct slice text)
{
    text = slice_trim(text);
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '\n') {
        at--;
    }
    return slice_trim(slice_from(text, at));
}

/* Where the last number begins; its end in *ret_end. SIZE_MAX: there is none. */
static size_t find_number(struct slice line, size_t *ret_end)
{
    size_t end = line.len;
    while (end > 0 && !is_digit(line.ptr[end - 1])) {
        end--;
    }
    size_t at = end;
    while (at > 0) {
        char c = line.ptr[at - 1];
        bool inside = (c == '.' || c == ',') && at > 1 && is_digit(line.ptr[at - 2]);
        if (!is_digit(c) && !inside) {
            break;
        }
        at--;
    }
    *ret_end = end;
    return end == 0 ? SIZE_MAX : at;
}

/* Without separators, zeros behind the point and a leading sign's company: "1,200.00" is "1200". */
static uint64_t number_hash(struct slice line, size_t at, size_t end)
{
    char out[NUMBER_MAX];
    size_t len = 0;
    bool point = false;
    bool minus = at > 0 && line.ptr[at - 1] == '-' && (at == 1 || line.ptr[at - 2] == ' ');
    out[len++] = minus ? '-' : '+';
    for (size_t i = at; i < end && len < sizeof(out); i++) {
        if (line.ptr[i] != ',') {
            point = point || line.ptr[i] == '.';
            out[len++] = line.ptr[i];
        }
    }
    if (len == sizeof(out)) {
        return 0; /* no number that people mean */
    }
    while (point && out[len - 1] == '0') {
        len--;
    }
    len -= out[len - 1] == '.' ? 1 : 0;
    return hash_stable(slice_of(out, len));
}

static uint64_t words_hash(struct slice text)
{
    char out[WORDS_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
        if (c >= 'A' && c <= 'Z') {
            out[len++] = (char)(c + ('a' - 'A'));
        } else if (letter) {
            out[len++] = c;
        }
    }
    return len == 0 ? 0 : hash_stable(slice_of(out, len));
}

uint64_t answer_result(struct slice text)
{
    struct slice line = last_line(text);
    size_t end = 0;
    size_t at = line.len > LINE_MAX_BYTES ? SIZE_MAX : find_number(line, &end);
    if (at != SIZE_MAX) {
        return number_hash(line, at, end);
    }
    text = slice_trim(text);
    return text.len > 0 && text.len <= WORDS_MAX_BYTES ? words_hash(text) : 0;
}
