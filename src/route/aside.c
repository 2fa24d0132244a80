/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are taken out become TAKEN first, so that each step sees where the ones before have
 * been; in the end a run of them is one blank.
 */
#include "route/aside.h"

#include "base/check.h"
#include "route/aside_words.h"
#include "route/lookalike.h"

#include <stdbool.h>
#include <string.h>

#define FENCE_BYTES 3
#define SPAN_MAX 1500 /* a mark that nothing closes for so long is no quotation mark */
#define NAME_MAX 32   /* of an element */

/* --- lines --- */

struct quoting {
    char *text;
    size_t len;
    char fence; /* the one that is open; 0: none */
};

static bool is_fence(const char *line, size_t len, char mark)
{
    return len >= FENCE_BYTES && line[0] == mark && line[1] == mark && line[2] == mark;
}

/* As mail and Markdown quote; ">>> " is the prompt of an interpreter. */
static bool is_quotation(const char *line, size_t len)
{
    return len > 0 && line[0] == '>' && !(len >= 3 && line[1] == '>' && line[2] == '>');
}

/* Is the line, without its indentation, part of a quotation? */
static bool line_is_quoted(struct quoting *quoting, const char *line, size_t len)
{
    char mark = is_fence(line, len, '`') ? '`' : is_fence(line, len, '~') ? '~' : 0;
    if (mark != 0 && (quoting->fence == 0 || quoting->fence == mark)) {
        quoting->fence = quoting->fence == 0 ? mark : 0;
        return true;
    }
    return quoting->fence != 0 || is_quotation(line, len);
}

static void take_lines(struct quoting *quoting)
{
    size_t next;
    for (size_t at = 0; at < quoting->len; at = next) {
        const char *newline = memchr(quoting->text + at, '\n', quoting->len - at);
        size_t end = newline == NULL ? quoting->len : (size_t)(newline - quoting->text);
        next = end + 1;
        while (at < end && (quoting->text[at] == ' ' || quoting->text[at] == '\t')) {
            at++;
        }
        if (line_is_quoted(quoting, quoting->text + at, end - at)) {
            memset(quoting->text + at, TAKEN, end - at);
        }
    }
}

/* --- elements: <email>...</email> --- */

static size_t name_length(const char *text, size_t len)
{
    size_t end = 0;
    while (end < len && end < NAME_MAX && is_word_byte((unsigned char)text[end])) {
        end++;
    }
    return end;
}

/* The end of "</name ...>" for the element whose name this is; 0: none. */
static size_t element_end(const char *name, size_t name_len, size_t len)
{
    for (size_t at = name_len; at + name_len + 2 < len; at++) {
        const char *mark = memchr(name + at, '<', len - at - name_len - 2);
        if (mark == NULL) {
            return 0;
        }
        at = (size_t)(mark - name);
        if (mark[1] == '/' && memcmp(mark + 2, name, name_len) == 0) {
            const char *close = memchr(mark, '>', len - at);
            return close == NULL ? 0 : (size_t)(close - name) + 1;
        }
    }
    return 0;
}

static void take_elements(struct quoting *quoting)
{
    char *text = quoting->text;
    const char *open = text;
    size_t left = quoting->len;
    for (unsigned looked_at = 0; looked_at < 64; looked_at++) {
        open = memchr(open, '<', left);
        if (open == NULL) {
            return;
        }
        size_t at = (size_t)(open - text) + 1;
        size_t name = name_length(text + at, quoting->len - at);
        size_t size = name == 0 ? 0 : element_end(text + at, name, quoting->len - at);
        if (size > 0) {
            memset(text + at - 1, TAKEN, size + 1);
        }
        open = text + at + size;
        left = quoting->len - at - size;
    }
}

/* --- quotation marks --- */

struct pair_of_marks {
    char open[4];
    char close[4];
};

/* The typographic ones of Latin scripts are '"' by now, in samples. */
static const struct pair_of_marks pairs[] = {
    {"\"", "\""},
    {"`", "`"},
    {"'", "'"},
    {"\xc2\xab", "\xc2\xbb"},
    {"\xc2\xbb", "\xc2\xab"},
    {"\xe3\x80\x8c", "\xe3\x80\x8d"},
    {"\xe3\x80\x8e", "\xe3\x80\x8f"},
};

static bool begins(const char *text, size_t left, const char *with)
{
    size_t len = strlen(with);
    return left >= len && memcmp(text, with, len) == 0;
}

/* The size of the quotation that begins here with its marks; 0: none. Straight marks have to stand
   where a word begins and ends: 5'6", don't. */
static size_t span_size(const struct quoting *quoting, size_t at, const struct pair_of_marks *pair)
{
    const char *text = quoting->text;
    size_t mark = strlen(pair->open);
    bool straight = mark == 1;
    size_t left = quoting->len - at;
    if (straight && ((at > 0 && is_word_byte((unsigned char)text[at - 1])) || left < 3 ||
                     (unsigned char)text[at + 1] <= ' ')) {
        return 0;
    }
    left = left < SPAN_MAX ? left : SPAN_MAX;
    for (size_t i = mark; i < left; i++) {
        if (text[at + i] != pair->close[0] && text[at + i] != '\n') {
            continue;
        }
        bool after = i + mark < left && is_word_byte((unsigned char)text[at + i + mark]);
        if (begins(text + at + i, left - i, pair->close) && !(straight && after)) {
            return i + mark;
        }
        if (text[at + i] == '\n' && i + 1 < left && text[at + i + 1] == '\n') {
            return 0;
        }
    }
    return 0;
}

/* What none of the marks begins with is most of any text. */
static bool may_open(char c)
{
    return c == '"' || c == '`' || c == '\'' || (unsigned char)c == 0xc2 ||
           (unsigned char)c == 0xe3;
}

static size_t any_span(const struct quoting *quoting, size_t at)
{
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_LEN(pairs) && size == 0; i++) {
        if (begins(quoting->text + at, quoting->len - at, pairs[i].open)) {
            size = span_size(quoting, at, &pairs[i]);
        }
    }
    return size;
}

static void take_spans(struct quoting *quoting)
{
    for (size_t at = 0; at < quoting->len;) {
        size_t size = may_open(quoting->text[at]) ? any_span(quoting, at) : 0;
        if (size > 0) {
            memset(quoting->text + at, TAKEN, size);
        }
        at += size == 0 ? 1 : size;
    }
}

/* --- all of it --- */

/* Blanks around what was taken, and it, become one blank, or the end of a line where there was one.
   Nothing is left of them at the ends of the text. */
static size_t close_gaps(char *text, size_t len)
{
    size_t to = 0;
    for (size_t at = 0; at < len;) {
        size_t end = at;
        bool taken = false;
        bool newline = false;
        while (end < len && (unsigned char)text[end] > ' ') {
            end++;
        }
        memmove(text + to, text + at, end - at);
        to += end - at;
        at = end;
        while (end < len && (unsigned char)text[end] <= ' ') {
            taken |= text[end] == TAKEN;
            newline |= text[end] == '\n';
            end++;
        }
        if (!taken) {
            memmove(text + to, text + at, end - at);
            to += end - at;
        } else if (to > 0 && end < len) {
            text[to++] = newline ? '\n' : ' ';
        }
        at = end;
    }
    return to;
}

size_t text_set_aside(char *text, size_t len, unsigned *kinds)
{
    bool changed = false;
    for (size_t i = 0; i < len; i++) {
        text[i] = text[i] == TAKEN ? ' ' : text[i];
    }
    struct quoting quoting = {.text = text, .len = lookalikes_replace(text, len, &changed)};
    *kinds = changed ? ASIDE_LOOKALIKES : 0;
    take_lines(&quoting);
    take_elements(&quoting);
    take_spans(&quoting);
    *kinds |= memchr(text, TAKEN, quoting.len) != NULL ? ASIDE_QUOTATIONS : 0;
    *kinds |= repeated_take(text, quoting.len) ? ASIDE_REPEATED : 0;
    return close_gaps(text, quoting.len);
}
