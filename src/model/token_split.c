/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cl100k_base:
 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
 *   \s*[\r\n]+|\s+(?!\S)|\s+
 * o200k_base, with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and W = [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
 *   [^\r\n\p{L}\p{N}]?U*W+('s|...)?|[^\r\n\p{L}\p{N}]?U+W*('s|...)?|\p{N}{1,3}|
 *   ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * Of the alternatives the first that matches counts, and each part takes as much as it can, giving
 * back what the part behind it needs.
 */
#include "model/token_split.h"

#define BIT(class) (1u << CLASS_##class)
#define LETTERS (BIT(UPPER) | BIT(LOWER) | BIT(LETTER))
#define BEGINNING (BIT(UPPER) | BIT(LETTER) | BIT(MARK)) /* U */
#define ENDING (BIT(LOWER) | BIT(LETTER) | BIT(MARK))    /* W */
#define BOTH (BIT(LETTER) | BIT(MARK))
#define SPACES (BIT(SPACE) | BIT(NEWLINE))
#define MARKS_AND_OTHERS (BIT(OTHER) | BIT(MARK)) /* neither space, letter nor number */
#define NOWHERE SIZE_MAX

struct text {
    const struct unicode_classes *classes;
    const unsigned char *bytes;
    size_t len;
};

/* The character at `at`: the bit of its class, 0 at the end; *ret_end: behind it. */
static unsigned wide_at(const struct text *text, size_t at, size_t *ret_end)
{
    struct slice rest = slice_of((const char *)text->bytes + at, text->len - at);
    size_t length = slice_utf8_length(rest);
    const unsigned char *b = text->bytes + at;
    uint32_t code = 0;
    *ret_end = at + (length == 0 ? 1 : length);
    switch (length) {
    case 2:
        code = (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
        break;
    case 3:
        code = (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
        break;
    case 4:
        code = (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
        break;
    default:
        return BIT(OTHER);
    }
    return 1u << unicode_class_of(text->classes, code);
}

static inline unsigned class_at(const struct text *text, size_t at, size_t *ret_end)
{
    *ret_end = at + 1;
    if (at >= text->len) {
        *ret_end = at;
        return 0;
    }
    return text->bytes[at] < 0x80 ? 1u << text->classes->ascii[text->bytes[at]]
                                  : wide_at(text, at, ret_end);
}

static inline size_t skip(const struct text *text, size_t at, unsigned wanted)
{
    size_t end;
    while ((class_at(text, at, &end) & wanted) != 0) {
        at = end;
    }
    return at;
}

static inline unsigned char byte_at(const struct text *text, size_t at)
{
    return at < text->len ? text->bytes[at] : 0;
}

static inline unsigned char lower_at(const struct text *text, size_t at)
{
    unsigned char c = byte_at(text, at);
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

/* Behind 's, 't, 're, 've, 'm, 'll or 'd, in any case; `at` where none is. The long s is an s in
 * another case. */
static size_t skip_contraction(const struct text *text, size_t at)
{
    if (byte_at(text, at) != '\'') {
        return at;
    }
    unsigned char first = lower_at(text, at + 1);
    unsigned char second = lower_at(text, at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
        return at + 2;
    }
    if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l')) {
        return at + 3;
    }
    return first == 0xC5 && byte_at(text, at + 2) == 0xBF ? at + 3 : at;
}

static size_t skip_numbers(const struct text *text, size_t at)
{
    size_t end;
    for (int i = 0; i < 3 && (class_at(text, at, &end) & BIT(NUMBER)) != 0; i++) {
        at = end;
    }
    return at;
}

/* At white space: up to its last line end; else up to the last character, which goes with what
 * follows; else all. */
static size_t skip_space(const struct text *text, size_t at)
{
    size_t behind_line = NOWHERE;
    size_t last = at;
    size_t run = at;
    size_t end;
    unsigned class;
    while (((class = class_at(text, run, &end)) & SPACES) != 0) {
        behind_line = (class & BIT(NEWLINE)) != 0 ? end : behind_line;
        last = run;
        run = end;
    }
    if (behind_line != NOWHERE) {
        return behind_line;
    }
    return run == text->len || last == at ? run : last;
}

/* Others, a space before them, and behind them line ends (and slashes); NOWHERE: none are here. */
static size_t skip_others(const struct text *text, size_t at, bool slashes)
{
    size_t begin = byte_at(text, at) == ' ' ? at + 1 : at;
    size_t end = skip(text, begin, MARKS_AND_OTHERS);
    if (end == begin) {
        return NOWHERE;
    }
    while (byte_at(text, end) == '\n' || byte_at(text, end) == '\r' ||
           (slashes && byte_at(text, end) == '/')) {
        end++;
    }
    return end;
}

size_t token_split_cl100k(const struct unicode_classes *classes, struct slice all, size_t at)
{
    const struct text text = {classes, (const unsigned char *)all.ptr, all.len};
    size_t second;
    size_t unused;
    unsigned class = class_at(&text, at, &second);
    if (byte_at(&text, at) == '\'') {
        size_t end = skip_contraction(&text, at);
        if (end > at) {
            return end;
        }
    }
    if ((class & LETTERS) != 0) {
        return skip(&text, second, LETTERS);
    }
    if ((class & BIT(NUMBER)) != 0) {
        return skip_numbers(&text, at);
    }
    if ((class & BIT(NEWLINE)) == 0 && (class_at(&text, second, &unused) & LETTERS) != 0) {
        return skip(&text, second, LETTERS);
    }
    size_t end = skip_others(&text, at, false);
    return end != NOWHERE ? end : skip_space(&text, at);
}

/* U*W+: what U took and W could take is given back as far as needed. */
static size_t skip_word(const struct text *text, size_t at)
{
    size_t behind_both = NOWHERE;
    size_t end;
    unsigned class;
    while (((class = class_at(text, at, &end)) & BEGINNING) != 0) {
        behind_both = (class & BOTH) != 0 ? end : behind_both;
        at = end;
    }
    return (class & BIT(LOWER)) != 0 ? skip(text, end, ENDING) : behind_both;
}

/* U+W*. */
static size_t skip_capitals(const struct text *text, size_t at)
{
    size_t end = skip(text, at, BEGINNING);
    return end == at ? NOWHERE : skip(text, end, ENDING);
}

static size_t skip_words(const struct text *text, size_t at, unsigned class, size_t second)
{
    size_t unused;
    unsigned next = class_at(text, second, &unused);
    bool may_lead = (class & (LETTERS | BIT(NUMBER) | BIT(NEWLINE))) == 0;
    if (((class | next) & (BEGINNING | ENDING)) == 0) {
        return NOWHERE;
    }
    size_t end = may_lead ? skip_word(text, second) : NOWHERE;
    end = end == NOWHERE ? skip_word(text, at) : end;
    end = end == NOWHERE && may_lead ? skip_capitals(text, second) : end;
    end = end == NOWHERE ? skip_capitals(text, at) : end;
    return end == NOWHERE ? NOWHERE : skip_contraction(text, end);
}

size_t token_split_o200k(const struct unicode_classes *classes, struct slice all, size_t at)
{
    const struct text text = {classes, (const unsigned char *)all.ptr, all.len};
    size_t second;
    unsigned class = class_at(&text, at, &second);
    if ((class & BIT(NUMBER)) != 0) {
        return skip_numbers(&text, at);
    }
    size_t end = (class & BIT(NEWLINE)) != 0 ? NOWHERE : skip_words(&text, at, class, second);
    end = end == NOWHERE ? skip_others(&text, at, true) : end;
    return end != NOWHERE ? end : skip_space(&text, at);
}
