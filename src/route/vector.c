/* SPDX-License-Identifier: Apache-2.0 */
#include "route/vector.h"

#include <math.h>

#define FIRST_WORDS 8u /* how a request begins says what it is */
#define FIRST_SALT 0x5bd1e9955bd1e995u

/* What is counted while the text is read. */
struct counts {
    uint32_t of[VECTOR_SHAPES];
    uint32_t word_bytes;
    uint32_t repeated;
    uint32_t line_bytes;
    bool blank; /* the line so far */
};

struct reading {
    struct text_vector *vector;
    struct counts counts;
    uint64_t seen[VECTOR_BUCKETS / 64];
    uint64_t before; /* hash of the word before; 0: there is none */
};

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* --- words --- */

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

static uint64_t word_hash(const char *text, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 'a' - 'A') : c;
        hash = (hash ^ c) * 0x100000001b3u;
    }
    return hash;
}

/* False: it was there already. */
static bool add_bucket(struct reading *reading, uint64_t hash)
{
    uint32_t bucket = (uint32_t)(mix(hash) % VECTOR_BUCKETS);
    uint64_t bit = UINT64_C(1) << (bucket % 64);
    if ((reading->seen[bucket / 64] & bit) != 0) {
        return false;
    }
    reading->seen[bucket / 64] |= bit;
    reading->vector->buckets[reading->vector->count++] = (uint16_t)bucket;
    return true;
}

static void add_word(struct reading *reading, const char *text, size_t len)
{
    struct counts *counts = &reading->counts;
    uint64_t hash = word_hash(text, len);
    if (counts->of[SHAPE_WORDS] >= VECTOR_WORDS_MAX) {
        return;
    }
    counts->of[SHAPE_WORDS]++;
    counts->word_bytes += (uint32_t)len;
    counts->of[SHAPE_LONG_WORDS] += len > 8;
    if (add_bucket(reading, hash)) {
        counts->of[SHAPE_DISTINCT_WORDS]++;
    } else {
        counts->repeated++;
    }
    if (counts->of[SHAPE_WORDS] <= FIRST_WORDS) {
        add_bucket(reading, hash ^ FIRST_SALT);
    }
    if (reading->before != 0) {
        add_bucket(reading, reading->before * 0x9e3779b97f4a7c15u + hash);
    }
    reading->before = hash;
}

/* Scripts that write no spaces: from U+2E80 on, three bytes each (four: rarer ones and emoji). */
static size_t ideograph_length(struct slice text)
{
    unsigned char c = (unsigned char)text.ptr[0];
    bool wide = c == 0xe2 ? text.len > 1 && (unsigned char)text.ptr[1] >= 0xba : c > 0xe2;
    return wide ? slice_utf8_length(text) : 0;
}

static size_t run_length(struct slice text, bool (*belongs)(unsigned char))
{
    size_t len = 1;
    while (len < text.len && belongs((unsigned char)text.ptr[len])) {
        len++;
    }
    return len;
}

static bool is_in_word(unsigned char c)
{
    return is_letter(c) || c == '\'';
}

/* --- shape --- */

static void end_line(struct counts *counts)
{
    uint32_t *longest = &counts->of[SHAPE_LONGEST_LINE];
    counts->of[SHAPE_LINES]++;
    counts->of[SHAPE_PARAGRAPHS] += counts->blank;
    *longest = counts->line_bytes > *longest ? counts->line_bytes : *longest;
    counts->line_bytes = 0;
    counts->blank = true;
}

static void count_mark(struct counts *counts, char c)
{
    static const uint8_t shapes[128] = {
        ['?'] = SHAPE_QUESTION_MARKS, ['+'] = SHAPE_OPERATORS,    ['-'] = SHAPE_OPERATORS,
        ['*'] = SHAPE_OPERATORS,      ['/'] = SHAPE_OPERATORS,    ['='] = SHAPE_OPERATORS,
        ['<'] = SHAPE_OPERATORS,      ['>'] = SHAPE_OPERATORS,    ['^'] = SHAPE_OPERATORS,
        ['$'] = SHAPE_DOLLARS,        ['\\'] = SHAPE_BACKSLASHES, [','] = SHAPE_COMMAS,
        ['.'] = SHAPE_PERIODS,        ['"'] = SHAPE_QUOTES,       ['('] = SHAPE_PARENTHESES,
        ['%'] = SHAPE_PERCENTS,       [':'] = SHAPE_COLONS,       ['{'] = SHAPE_BRACES,
        [';'] = SHAPE_BRACES,         ['_'] = SHAPE_UNDERSCORES,
    };
    unsigned char byte = (unsigned char)c;
    if (byte < sizeof(shapes) && shapes[byte] != 0) {
        counts->of[shapes[byte]]++;
    }
}

static void count_number(struct counts *counts, struct slice rest, size_t len)
{
    counts->of[SHAPE_DIGITS] += (uint32_t)len;
    counts->of[SHAPE_NUMBERS]++;
    counts->of[SHAPE_DECIMALS] +=
        rest.len > len + 1 && rest.ptr[len] == '.' && is_digit((unsigned char)rest.ptr[len + 1]);
}

static void count_letters(struct counts *counts, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        counts->of[SHAPE_CAPITALS] += c >= 'A' && c <= 'Z';
        counts->of[SHAPE_LETTERS_BEYOND_ASCII] += c >= 0xc0;
    }
}

/* --- reading --- */

/* Reads what stands at the beginning; returns its length. */
static size_t read_next(struct reading *reading, struct slice rest)
{
    unsigned char c = (unsigned char)rest.ptr[0];
    struct counts *counts = &reading->counts;
    if (c == '\n') {
        end_line(counts);
        return 1;
    }
    if (c <= ' ') {
        return 1;
    }
    size_t len = c >= 0xe2 ? ideograph_length(rest) : 0;
    if (len == 0 && is_letter(c)) {
        len = run_length(rest, is_in_word);
    } else if (len == 0 && is_digit(c)) {
        len = run_length(rest, is_digit);
        count_number(counts, rest, len);
    } else if (len == 0) {
        len = 1;
        count_mark(counts, rest.ptr[0]);
    }
    count_letters(counts, rest.ptr, len);
    add_word(reading, rest.ptr, len);
    counts->blank = false;
    return len;
}

static void read_part(struct reading *reading, struct slice text)
{
    while (text.len > 0) {
        size_t len = read_next(reading, text);
        reading->counts.line_bytes += text.ptr[0] == '\n' ? 0 : (uint32_t)len;
        text = slice_from(text, len);
    }
}

static void finish(const struct counts *counts, size_t bytes, float *shapes)
{
    float words = counts->of[SHAPE_WORDS] == 0 ? 1 : (float)counts->of[SHAPE_WORDS];
    for (size_t i = 0; i < VECTOR_SHAPES; i++) {
        shapes[i] = log1pf((float)counts->of[i]);
    }
    shapes[SHAPE_BYTES] = log1pf((float)bytes);
    shapes[SHAPE_WORD_LENGTH] = (float)counts->word_bytes / words;
    shapes[SHAPE_REPETITION] = (float)counts->repeated / words;
}

void vector_of_text(struct slice text, struct text_vector *ret_vector)
{
    struct reading reading = {.vector = ret_vector, .counts.blank = true};
    ret_vector->count = 0;
    if (text.len <= 2 * VECTOR_HALF) {
        read_part(&reading, text);
    } else {
        read_part(&reading, slice_of(text.ptr, VECTOR_HALF));
        reading.before = 0;
        read_part(&reading, slice_from(text, text.len - VECTOR_HALF));
    }
    end_line(&reading.counts);
    finish(&reading.counts, text.len, ret_vector->shapes);
}
