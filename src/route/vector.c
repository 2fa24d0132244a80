/* SPDX-License-Identifier: Apache-2.0 */
#include "route/vector.h"

#include "route/vector_read.h"

#include <math.h>

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* --- words --- */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

/* As word_hash() in vector_read.h, of a text that is neither padded nor in lower case. */
static uint64_t word_hash_of(const char *text, size_t len)
{
    char word[8];
    uint64_t hash = WORD_SALT;
    for (size_t i = 0; i < len; i += sizeof(word)) {
        memset(word, 0, sizeof(word));
        for (size_t k = 0; k < sizeof(word) && i + k < len; k++) {
            word[k] = (char)lower(text[i + k]);
        }
        hash = word_hash_step(hash, word_load(word));
    }
    return hash;
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
        counts->of[mark_shapes[(unsigned char)rest.ptr[0]]]++;
    }
    count_letters(counts, rest.ptr, len);
    add_word(reading, word_hash_of(rest.ptr, len), len);
    counts->blank = false;
    return len;
}

static void read_words(struct reading *reading, struct slice text)
{
    while (text.len > 0) {
        size_t len = read_next(reading, text);
        reading->counts.line_bytes += text.ptr[0] == '\n' ? 0 : (uint32_t)len;
        text = slice_from(text, len);
    }
}

static void read_part(struct reading *reading, struct slice text, bool plain)
{
    if (text.len > 0 && (plain || !vector_read_part(reading, text))) {
        read_words(reading, text);
    }
}

/* Small ones are looked up: a logarithm takes longer than all that was counted. */
static float log_of(uint32_t count)
{
    return count < ARRAY_LEN(vector_logs) ? vector_logs[count] : log1pf((float)count);
}

static void finish(const struct counts *counts, size_t bytes, float *shapes)
{
    float words = counts->of[SHAPE_WORDS] == 0 ? 1 : (float)counts->of[SHAPE_WORDS];
    for (size_t i = SHAPE_BYTES + 1; i < VECTOR_SHAPES; i++) {
        shapes[i] = log_of(counts->of[i]);
    }
    shapes[SHAPE_BYTES] = log1pf((float)bytes);
    shapes[SHAPE_WORD_LENGTH] = (float)counts->word_bytes / words;
    shapes[SHAPE_REPETITION] = (float)counts->repeated / words;
}

/* `tail` may be empty: the text is short. */
static void vector_make(struct slice head, struct slice tail, size_t bytes, bool plain,
                        struct text_vector *ret_vector)
{
    struct reading reading = {.vector = ret_vector, .counts.blank = true};
    ret_vector->count = 0;
    read_part(&reading, head, plain);
    reading.before = 0;
    read_part(&reading, tail, plain);
    end_line(&reading.counts);
    finish(&reading.counts, bytes, ret_vector->shapes);
}

static void vector_split(struct slice text, bool plain, struct text_vector *ret_vector)
{
    bool is_long = text.len > 2 * VECTOR_HALF;
    struct slice head = slice_of(text.ptr, is_long ? VECTOR_HALF : text.len);
    struct slice tail = is_long ? slice_from(text, text.len - VECTOR_HALF) : SLICE_EMPTY;
    vector_make(head, tail, text.len, plain, ret_vector);
}

void vector_of_text(struct slice text, struct text_vector *ret_vector)
{
    vector_split(text, false, ret_vector);
}

void vector_of_text_plain(struct slice text, struct text_vector *ret_vector)
{
    vector_split(text, true, ret_vector);
}

void vector_of_ends(struct slice head, struct slice tail, size_t bytes,
                    struct text_vector *ret_vector)
{
    vector_make(head, tail, bytes, false, ret_vector);
}
