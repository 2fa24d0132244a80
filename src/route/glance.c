/* SPDX-License-Identifier: Apache-2.0 */
#include "route/glance.h"

#include "base/buf.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "route/scan.h"
#include "route/vocabulary.h"

#define PART_BLOCKS 4 /* both ends, when the text is no longer than that */
#define PART_BYTES ((size_t)PART_BLOCKS * SCAN_BLOCK)
#define KEYS_MAX 128u

/* So that the same word in another place, and other facts, lead to other rows. */
enum salt {
    SALT_WORD = 1,
    SALT_LONG,
    SALT_PAIR,
    SALT_FIRST,
    SALT_FIRST_PAIR,
    SALT_FIRST_THREE,
    SALT_NEAR_FIRST,
    SALT_LINE,
    SALT_LINE_PAIR,
    SALT_LAST,
    SALT_LAST_PAIR,
    SALT_WHOLE,
    SALT_CHARACTER,
    SALT_CHARACTERS,
    SALT_RULE,
    SALT_RULE_BEST,
    SALT_SHAPE,
};

struct glancing {
    struct glance *glance;
    const struct features *features;
    uint64_t keys[KEYS_MAX]; /* of the part's words, in order */
    uint16_t offsets[KEYS_MAX];
    size_t count;
};

static uint32_t row_of(uint64_t key, enum salt salt)
{
    uint64_t hash =
        (key ^ (uint64_t)salt * UINT64_C(0xd6e8feb86659fd93)) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> (64 - GLANCE_ROWS_LOG));
}

static uint64_t pair_of(uint64_t a, uint64_t b)
{
    return a * UINT64_C(0x100000001b3) + (b ^ b >> 29);
}

static inline void add_word_row(struct glance *glance, uint64_t key, enum salt salt)
{
    glance->rows[glance->count] = (uint16_t)row_of(key, salt);
    glance->count += glance->count < GLANCE_WORDS_MAX;
}

static inline void add_row(struct glance *glance, uint64_t key, enum salt salt)
{
    if (glance->count < GLANCE_COUNT_MAX) {
        glance->rows[glance->count++] = (uint16_t)row_of(key, salt);
    }
}

/* --- words --- */

/* Characters of three bytes, from U+3000 on: Chinese, Japanese, Korean. */
static bool is_wide(unsigned char c)
{
    return c >= 0xe3 && c <= 0xed;
}

static uint64_t character_at(const char *text)
{
    return word_low_of(text, 3);
}

/* A run that begins with such a character; what else is in it is passed over. Notes its beginning
 * as a word. */
static void read_characters(struct glancing *g, const char *text, size_t len)
{
    uint64_t before = 0;
    for (size_t i = 0; i + 3 <= len;) {
        if (!is_wide((unsigned char)text[i])) {
            before = 0;
            i++;
            continue;
        }
        uint64_t character = character_at(text + i);
        add_word_row(g->glance, character, SALT_CHARACTER);
        if (before != 0) {
            add_word_row(g->glance, pair_of(before, character), SALT_CHARACTERS);
        }
        before = character;
        i += 3;
    }
}

static void read_word(struct glancing *g, const char *text, size_t start, size_t len, bool high)
{
    uint64_t key = word_low_of(text + start, len);
    bool wide = high && is_wide((unsigned char)text[start]);
    if (wide) {
        read_characters(g, text + start, len);
        key = word_low_of(text + start, len < 6 ? len : 6);
    } else {
        add_word_row(g->glance, key, SALT_WORD);
        if (high && len > 8) {
            add_word_row(g->glance, pair_of(key, word_high_of(text + start, len)), SALT_LONG);
        }
    }
    if (g->count < KEYS_MAX) {
        if (g->count > 0) {
            add_word_row(g->glance, pair_of(g->keys[g->count - 1], key), SALT_PAIR);
        }
        g->keys[g->count] = key;
        g->offsets[g->count++] = (uint16_t)start;
    }
}

/* Where the words of a part are, and which bytes are beyond ASCII. */
struct part_words {
    uint64_t high[PART_BLOCKS + 1];
    uint16_t starts[PART_BYTES / 2 + 1];
    uint16_t ends[PART_BYTES / 2 + 1];
    size_t count;
};

static size_t list_bits(uint64_t bits, size_t base, uint16_t *places, size_t count)
{
    for (; bits != 0; bits &= bits - 1) {
        places[count++] = (uint16_t)(base + bits_first(bits));
    }
    return count;
}

static bool any_high(const struct part_words *words, size_t start, size_t end)
{
    uint64_t first = words->high[start / 64] >> (start % 64);
    size_t len = end - start;
    if (len < 64 - start % 64) {
        return (first & bits_below((unsigned)len)) != 0;
    }
    bool any = first != 0;
    for (size_t block = start / 64 + 1; block * 64 < end; block++) {
        any = any || words->high[block] != 0;
    }
    return any;
}

/* `text` has blanks behind `len`, up to a whole block and one more. */
static void find_words(char *text, size_t len, struct part_words *words)
{
    uint64_t open = 0; /* the last byte of the block before belongs to a word */
    size_t ends = 0;
    words->count = 0;
    for (size_t base = 0; base <= len; base += SCAN_BLOCK) {
        struct block_masks masks;
        block_scan(text + base, &masks);
        uint64_t before = masks.word << 1 | open;
        words->high[base / SCAN_BLOCK] = masks.high;
        words->count = list_bits(masks.word & ~before, base, words->starts, words->count);
        ends = list_bits(~masks.word & before, base, words->ends, ends);
        open = masks.word >> 63;
    }
}

/* Reads [start, start + len) of the sample, at most PART_BYTES. */
static void read_part(struct glancing *g, size_t start, size_t len)
{
    char text[PART_BYTES + 2 * SCAN_BLOCK];
    struct part_words words;
    memcpy(text, g->features->sample + start, len);
    memset(text + len, ' ', 2 * SCAN_BLOCK); /* zeros would be marks */
    find_words(text, len, &words);
    g->count = 0;
    for (size_t i = 0; i < words.count; i++) {
        size_t at = words.starts[i];
        size_t end = words.ends[i];
        read_word(g, text, at, end - at, any_high(&words, at, end));
    }
}

/* --- places --- */

static void add_first(struct glancing *g)
{
    const uint64_t *keys = g->keys;
    size_t count = g->count;
    if (count == 0) {
        return;
    }
    add_row(g->glance, keys[0], SALT_FIRST);
    if (count > 1) {
        add_row(g->glance, pair_of(keys[0], keys[1]), SALT_FIRST_PAIR);
    }
    if (count > 2) {
        add_row(g->glance, pair_of(pair_of(keys[0], keys[1]), keys[2]), SALT_FIRST_THREE);
    }
    for (size_t i = 0; i < 6 && i < count; i++) {
        add_row(g->glance, keys[i], SALT_NEAR_FIRST);
    }
    if (count <= 5) {
        uint64_t whole = count;
        for (size_t i = 0; i < count; i++) {
            whole = pair_of(whole, keys[i]);
        }
        add_row(g->glance, whole, SALT_WHOLE);
    }
}

/* How the last line and the last sentence begin, and how the text ends; offsets of the part begin
 * at `start`. */
static void add_last(struct glancing *g, size_t start)
{
    const struct features *f = g->features;
    const size_t places[2] = {f->last_line, f->last_sentence};
    size_t count = g->count;
    for (size_t k = 0; k < 2 && (k == 0 || places[1] != places[0]); k++) {
        size_t i = 0;
        while (i < count && start + g->offsets[i] < places[k]) {
            i++;
        }
        if (places[k] >= start && i < count) {
            add_row(g->glance, g->keys[i], SALT_LINE);
            if (i + 1 < count) {
                add_row(g->glance, pair_of(g->keys[i], g->keys[i + 1]), SALT_LINE_PAIR);
            }
        }
    }
    if (count > 0) {
        add_row(g->glance, g->keys[count - 1], SALT_LAST);
    }
    if (count > 1) {
        add_row(g->glance, pair_of(g->keys[count - 2], g->keys[count - 1]), SALT_LAST_PAIR);
    }
}

/* --- rules --- */

static void add_rules(struct glance *glance, const struct rule_points *points)
{
    static const int levels[] = {1, 48, 120, 220, 360};
    for (unsigned task = 0; task < TASK_COUNT; task++) {
        for (unsigned level = 0; level < ARRAY_LEN(levels); level++) {
            if (points->of[task] < levels[level]) {
                break;
            }
            add_row(glance, task * 16 + level, SALT_RULE);
        }
    }
    add_row(glance, points->best, SALT_RULE_BEST);
}

/* --- shape --- */

/* 0, 1, 2, then by doublings. */
static unsigned step_of(uint64_t value)
{
    return value == 0 ? 0 : 64u - (unsigned)__builtin_clzll(value);
}

static unsigned capped(unsigned value, unsigned most)
{
    return value < most ? value : most;
}

static void add_shape(struct glance *glance, const struct features *f)
{
    uint32_t len = f->user_len == 0 ? 1 : (uint32_t)f->user_len;
    bool instruction_first = f->first_line < 160 && f->user_len > f->first_line + 100;
    const unsigned facts[] = {
        capped(step_of(f->user_bytes), 15),
        capped(f->questions, 3) * 2 + f->ends_in_question,
        capped(step_of(f->lines), 6),
        capped(step_of(f->blank_lines), 3),
        capped(step_of(f->digits * 64 / len), 6),
        capped(step_of(f->numbers), 5),
        capped(step_of(f->operators), 4),
        capped(step_of(f->code_marks), 5),
        capped(step_of(f->code_words), 5),
        (f->code_fences > 0) + 2u * f->starts_in_code + 4u * f->ends_in_code,
        capped(step_of(f->fenced_bytes * 8 / len), 4),
        capped(step_of(f->options), 2),
        capped(step_of(f->list_items), 3),
        capped(step_of(f->quoted_bytes * 8 / len), 4),
        capped(step_of(f->long_line_bytes * 8 / len), 4),
        capped(f->list_commas, 4),
        (unsigned)f->language,
        capped(step_of(f->quantity_words), 3),
        capped(step_of(f->math_words), 3),
        capped(step_of(f->formulas), 3),
        capped(step_of(f->words), 9),
        capped(step_of(f->sentences), 5),
        instruction_first * 2u + (f->last_line > 0 && f->user_len - f->last_line < 160),
        capped(step_of(f->constraints), 2),
        capped(step_of(f->steps), 2),
        capped(step_of(f->reasoning_words), 2),
        capped(step_of(f->number_words), 2),
        (unsigned)f->language * 16 + capped(step_of(f->user_bytes), 12),
        f->ends_in_question * 8u + capped(step_of(f->lines), 6),
    };
    for (unsigned i = 0; i < ARRAY_LEN(facts); i++) {
        add_row(glance, i * 256 + facts[i], SALT_SHAPE);
    }
}

void glance_make(const struct features *features, const struct rule_points *points,
                 struct glance *glance)
{
    struct glancing first = {.glance = glance, .features = features};
    size_t len = features->user_len;
    glance->count = 0;
    if (len <= 2 * GLANCE_END) {
        read_part(&first, 0, len);
        glance->words = glance->count;
        add_first(&first);
        add_last(&first, 0);
    } else {
        struct glancing last = {.glance = glance, .features = features};
        read_part(&first, 0, GLANCE_END);
        read_part(&last, len - GLANCE_END, GLANCE_END);
        glance->words = glance->count;
        add_first(&first);
        add_last(&last, len - GLANCE_END);
    }
    add_rules(glance, points);
    add_shape(glance, features);
}

bool glance_text(struct slice text, struct features *scratch, struct glance *glance)
{
    struct buf inner = BUF_INIT(text.len * 6 + 64);
    struct rule_points points;
    struct classification classification;
    json_escape(text, &inner);
    struct chat_part part = {.kind = PART_TEXT, .text = buf_slice(&inner)};
    struct chat_message message = {.role = ROLE_USER, .parts = &part, .part_count = 1};
    struct chat chat = {.messages = &message, .message_count = 1, .choices = 1};
    bool done = !inner.failed;
    if (done) {
        features_extract(&chat, scratch);
        classify_points(scratch, &classification, &points);
        glance_make(scratch, &points, glance);
    }
    buf_release(&inner);
    return done;
}
