/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that is caught in a loop: the end of its answer is the same words over and over, or the
 * same line comes again and again.
 */
#include "route/check.h"

#include "base/hash.h"

#define TAIL_MAX 4096u
#define LOOPED_MIN 240u /* bytes that the loop must fill */
#define TURNS_MIN 6u
#define MARKS_TURNS_MIN 400u /* of a loop without a letter or digit: rulers and blanks are long */
#define LINES_MAX 512u
#define LINE_MIN 16u
#define LINE_TURNS_MIN 8u

static bool has_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c >= 0x80) {
            return true;
        }
    }
    return false;
}

/* Is the text's end a loop? Borders of all beginnings of the reversed tail, as Knuth, Morris and
 * Pratt have them: a beginning of n bytes with a border of b bytes has the period n - b. */
static bool ends_in_loop(struct slice text)
{
    uint16_t border[TAIL_MAX];
    size_t n = text.len > TAIL_MAX ? TAIL_MAX : text.len;
    const char *end = text.ptr + text.len;
    if (n < LOOPED_MIN) {
        return false;
    }
    border[0] = 0;
    for (size_t i = 1; i < n; i++) {
        size_t b = border[i - 1];
        char c = end[-1 - (ptrdiff_t)i];
        while (b > 0 && end[-1 - (ptrdiff_t)b] != c) {
            b = border[b - 1];
        }
        b += end[-1 - (ptrdiff_t)b] == c ? 1 : 0;
        border[i] = (uint16_t)b;
        size_t len = i + 1;
        size_t period = len - b;
        if (len < LOOPED_MIN || len / period < TURNS_MIN) {
            continue;
        }
        if (has_word(slice_of(end - period, period)) || len >= 4 * MARKS_TURNS_MIN) {
            return true;
        }
    }
    return false;
}

/* The line that comes most often: is it most of the text? */
static bool repeats_a_line(struct slice text)
{
    struct {
        uint64_t hash;
        uint32_t turns;
    } lines[LINES_MAX] = {{0, 0}};
    size_t start = text.len > TAIL_MAX * 4 ? text.len - TAIL_MAX * 4 : 0;
    size_t total = text.len - start;
    while (start < text.len) {
        size_t end = start;
        while (end < text.len && text.ptr[end] != '\n') {
            end++;
        }
        struct slice line = slice_trim(slice_of(text.ptr + start, end - start));
        start = end + 1;
        if (line.len < LINE_MIN || !has_word(line)) {
            continue;
        }
        uint64_t hash = hash_stable(line);
        size_t at = hash % LINES_MAX;
        if (lines[at].hash != hash) { /* the older of two in one place is forgotten */
            lines[at].hash = hash;
            lines[at].turns = 0;
        }
        lines[at].turns++;
        if (lines[at].turns >= LINE_TURNS_MIN && lines[at].turns * line.len * 2 > total) {
            return true;
        }
    }
    return false;
}

enum check_result check_repetition(const struct checked_answer *answer)
{
    if (answer->text.len == 0) {
        return CHECK_SILENT;
    }
    return ends_in_loop(answer->text) || repeats_a_line(answer->text) ? CHECK_FAILED : CHECK_PASSED;
}
