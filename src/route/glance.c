/* SPDX-License-Identifier: Apache-2.0 */
#include "route/glance.h"

#include "base/buf.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "route/words.h"

#define PART_BLOCKS 4 /* both ends, when the text is no longer than that */
#define PART_WORDS_MAX (PART_BLOCKS * SCAN_BLOCK / 2)
#define PLACES_MAX (3 + FIRST_WORDS + 1 + 6)
#define FIRST_WORDS 6
#define WHOLE_WORDS 5
#define RULE_LEVELS 5
#define SHAPES 28
#define LANGUAGE_SHAPE 27          /* behind it there is one more of them */
#define FACTS_MAX (PLACES_MAX + 2) /* that are no constants */
#define ROOM 8                     /* behind the last: several are written and read at once */

/* So that the same word in another place, and other facts, lead to other rows. */
enum salt {
    SALT_NONE,
    SALT_WORD,
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

#define SALTED(key, salt) ((key) ^ (uint64_t)(salt)*UINT64_C(0xd6e8feb86659fd93))
#define HASH_FIRST UINT64_C(0x9e3779b97f4a7c15)
#define HASH_SECOND UINT64_C(0xd6e8feb86659fd93)
#define PAIR_SHIFT 40
#define PAIR_FACTOR ((UINT64_C(1) << PAIR_SHIFT) + 0x1b3)
#define HASH_SHIFT (64 - GLANCE_ROWS_LOG - GLANCE_STEP_LOG)
#define ROW_MASK ((GLANCE_ROWS - 1) << GLANCE_STEP_LOG)
#define MIXED(hash) ((hash) ^ (hash) >> 32)
/* A constant, too. */
#define ROW_OF(salted)                                                                             \
    ((uint32_t)(MIXED((salted)*HASH_FIRST) * HASH_SECOND >> HASH_SHIFT) & ROW_MASK)

_Static_assert(FACTS_MAX + RULE_LEVELS * TASK_COUNT + SHAPES <= GLANCE_FACTS_MAX,
               "there is room for all facts");

/* Keys, salted; what they lead to is worked out for many at once. */
struct key_list {
    size_t count;
    uint64_t keys[FACTS_MAX + ROOM];
};

/* Bytes of the sample that are looked at, and their words. */
struct part {
    const char *text;
    const struct looked_up *list; /* whose words they are, from `listed` on; NULL: told by masks */
    size_t listed;
    size_t blocks;
    uint64_t word[PART_BLOCKS + 1]; /* bits by byte; zeros behind */
    uint64_t high[PART_BLOCKS + 1];
    uint64_t starts[PART_BLOCKS];
    size_t count;
    uint64_t keys[PART_WORDS_MAX + ROOM]; /* of the words, in order */
};

struct glancing {
    const struct features *features;
    struct glance *glance;
    struct key_list facts;
    struct part first;
    struct part last;
};

/* What is written per kind of processor; constant where it is used, so all of it is inlined. */
struct glance_kind {
    void (*masks)(const char *text, uint64_t inside, uint64_t *ret_word, uint64_t *ret_high);
    uint64_t (*word_low)(const char *word, size_t len);
    /* the rows that keys lead to, with a salt that they do not have yet */
    void (*rows)(const uint64_t *keys, size_t count, enum salt salt, uint32_t *rows);
    /* those of each key and the next */
    void (*pair_rows)(const uint64_t *keys, size_t count, uint32_t *rows);
};

static ALWAYS uint64_t pair_of(uint64_t a, uint64_t b)
{
    return a * PAIR_FACTOR + (b ^ b >> 29);
}

static ALWAYS void add_word_row(struct glance *glance, uint64_t key, enum salt salt)
{
    glance->rows[glance->count] = ROW_OF(SALTED(key, salt));
    glance->count += glance->count < GLANCE_WORDS_MAX;
}

static ALWAYS void add_fact(struct key_list *facts, uint64_t key, enum salt salt)
{
    facts->keys[facts->count++] = SALTED(key, salt);
}

/* --- where words are --- */

/* `text` has been lower-cased with the rest of the sample. */
static ALWAYS void masks_narrow(const char *text, uint64_t inside, uint64_t *ret_word,
                                uint64_t *ret_high)
{
    char block[SCAN_BLOCK];
    struct block_masks masks;
    memset(block, ' ', sizeof(block));
    memcpy(block, text, inside == UINT64_MAX ? SCAN_BLOCK : bits_first(~inside));
    block_scan(block, &masks);
    *ret_word = masks.word;
    *ret_high = masks.high;
}

static void rows_narrow(const uint64_t *keys, size_t count, enum salt salt, uint32_t *rows)
{
    for (size_t i = 0; i < count; i++) {
        rows[i] = ROW_OF(SALTED(keys[i], salt));
    }
}

static void pair_rows_narrow(const uint64_t *keys, size_t count, uint32_t *rows)
{
    for (size_t i = 0; i + 1 < count; i++) {
        rows[i] = ROW_OF(SALTED(pair_of(keys[i], keys[i + 1]), SALT_PAIR));
    }
}

#ifdef SCAN_HAS_VECTORS

static ALWAYS SCAN_WIDE void masks_wide(const char *text, uint64_t inside, uint64_t *ret_word,
                                        uint64_t *ret_high)
{
    const __m256i none = _mm256_setzero_si256();
    const __m256i underscore = _mm256_set1_epi8('_');
    const __m256i mark = _mm256_set1_epi8('\'');
    __m256i a = load_32(text);
    __m256i b = load_32(text + 32);
    __m256i word_a = _mm256_or_si256(_mm256_cmpgt_epi8(classes_32(a), none),
                                     _mm256_or_si256(_mm256_cmpeq_epi8(a, underscore), a));
    __m256i word_b = _mm256_or_si256(_mm256_cmpgt_epi8(classes_32(b), none),
                                     _mm256_or_si256(_mm256_cmpeq_epi8(b, underscore), b));
    uint64_t word = MASK_64(word_a, word_b) & inside;
    uint64_t apostrophe = MASK_64(_mm256_cmpeq_epi8(a, mark), _mm256_cmpeq_epi8(b, mark)) & inside;
    *ret_word = words_with_apostrophes(word, apostrophe);
    *ret_high = MASK_64(a, b) & inside;
}

/* As ROW_OF(), of eight salted keys. */
static ALWAYS SCAN_WIDE void put_rows(__m256i first, __m256i second, uint32_t *rows)
{
    __m256 a = _mm256_castsi256_ps(first);
    __m256 b = _mm256_castsi256_ps(second);
    __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)); /* quarters 0 2 1 3 */
    __m256i high = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
    high = upper_of(low, high, HASH_FIRST);
    low = _mm256_mullo_epi32(low, _mm256_set1_epi32((int)(uint32_t)HASH_FIRST));
    high = upper_of(_mm256_xor_si256(low, high), high, HASH_SECOND);
    __m256i row =
        _mm256_and_si256(_mm256_srli_epi32(high, HASH_SHIFT - 32), _mm256_set1_epi32(ROW_MASK));
    _mm256_storeu_si256((__m256i *)(void *)rows, _mm256_permute4x64_epi64(row, 0xd8));
}

static ALWAYS SCAN_WIDE void rows_wide(const uint64_t *keys, size_t count, enum salt salt,
                                       uint32_t *rows)
{
    const __m256i salts = _mm256_set1_epi64x((long long)SALTED(UINT64_C(0), salt));
    for (size_t i = 0; i < count; i += 8) {
        put_rows(_mm256_xor_si256(load_32((const char *)(keys + i)), salts),
                 _mm256_xor_si256(load_32((const char *)(keys + i + 4)), salts), rows + i);
    }
}

static ALWAYS SCAN_WIDE __m256i pairs_4(const uint64_t *keys)
{
    const __m256i factor = _mm256_set1_epi32(PAIR_FACTOR & UINT32_MAX);
    const __m256i salt = _mm256_set1_epi64x((long long)SALTED(UINT64_C(0), SALT_PAIR));
    __m256i a = load_32((const char *)keys);
    __m256i b = load_32((const char *)(keys + 1));
    __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), factor);
    high = _mm256_add_epi64(_mm256_slli_epi64(a, PAIR_SHIFT - 32), high);
    a = _mm256_add_epi64(_mm256_mul_epu32(a, factor), _mm256_slli_epi64(high, 32));
    b = _mm256_xor_si256(b, _mm256_srli_epi64(b, 29));
    return _mm256_xor_si256(_mm256_add_epi64(a, b), salt);
}

static ALWAYS SCAN_WIDE void pair_rows_wide(const uint64_t *keys, size_t count, uint32_t *rows)
{
    for (size_t i = 0; i + 1 < count; i += 8) {
        put_rows(pairs_4(keys + i), pairs_4(keys + i + 4), rows + i);
    }
}

#endif

static ALWAYS void part_load(struct part *part, const char *text, size_t len,
                             const struct glance_kind *kind)
{
    uint64_t open = 0; /* the last byte of the block before belongs to a word */
    size_t block = 0;
    part->text = text;
    part->list = NULL;
    part->count = 0;
    for (size_t at = 0; at < len; at += SCAN_BLOCK, block++) {
        uint64_t inside = len - at < SCAN_BLOCK ? bits_below((unsigned)(len - at)) : UINT64_MAX;
        kind->masks(text + at, inside, &part->word[block], &part->high[block]);
        part->starts[block] = part->word[block] & ~(part->word[block] << 1 | open);
        open = part->word[block] >> 63;
    }
    part->word[block] = part->high[block] = 0;
    part->blocks = block;
}

static ALWAYS bool part_is_plain(const struct part *part)
{
    uint64_t high = 0;
    for (size_t block = 0; block < part->blocks; block++) {
        high |= part->high[block];
    }
    return high == 0;
}

/* --- words of one byte per character --- */

/* Nothing but a word's first 8 bytes matters, so no more of its length does. The k-th bit of `gaps`
 * is for the byte at `shift` + k: is it none of a word's? */
static ALWAYS size_t read_starts(const char *text, uint64_t starts, uint64_t gaps, unsigned shift,
                                 uint64_t *keys, const struct glance_kind *kind)
{
    size_t count = 0;
    for (; starts != 0; starts &= starts - 1) {
        unsigned start = bits_first(starts);
        unsigned len = bits_first(gaps >> (start - shift) | 1u << 8);
        keys[count++] = kind->word_low(text + start, len);
    }
    return count;
}

/* The last few words of a block may go on in the next one. */
static ALWAYS void read_plain(struct part *part, const struct glance_kind *kind)
{
    const uint64_t early = bits_below(SCAN_BLOCK / 2);
    size_t count = 0;
    for (size_t block = 0; block < part->blocks; block++) {
        const char *text = part->text + block * SCAN_BLOCK;
        const uint64_t *word = &part->word[block];
        uint64_t starts = part->starts[block];
        uint64_t late = ~(word[0] >> (SCAN_BLOCK / 2) | word[1] << (SCAN_BLOCK / 2));
        count += read_starts(text, starts & early, ~word[0], 0, part->keys + count, kind);
        count += read_starts(text, starts & ~early, late, SCAN_BLOCK / 2, part->keys + count, kind);
    }
    part->count = count;
}

/* Rows of the words and of each pair of them. */
static ALWAYS void add_word_rows(const struct part *part, struct glance *glance,
                                 const struct glance_kind *kind)
{
    kind->rows(part->keys, part->count, SALT_WORD, glance->rows + glance->count);
    glance->count += (uint32_t)part->count;
}

static ALWAYS void add_pair_rows(const struct part *part, struct glance *glance,
                                 const struct glance_kind *kind)
{
    kind->pair_rows(part->keys, part->count, glance->rows + glance->count);
    glance->count += part->count > 0 ? (uint32_t)part->count - 1 : 0;
}

/* --- words that are known from the scan --- */

typedef int16_t offsets_16 __attribute__((vector_size(32)));

/* How many words of the list begin before that byte of the sample? Behind the last word there are
 * offsets that no text reaches. */
static ALWAYS size_t listed_before(const struct looked_up *list, size_t offset)
{
    offsets_16 counts = {0};
    for (size_t i = 0; i < list->count; i += 16) {
        offsets_16 here;
        memcpy(&here, list->offsets + i, sizeof(here));
        counts -= here < (int16_t)offset;
    }
    uint64_t fours[4]; /* of counts that stay small */
    memcpy(fours, &counts, sizeof(fours));
    uint64_t four = fours[0] + fours[1] + fours[2] + fours[3];
    return four * UINT64_C(0x0001000100010001) >> 48;
}

/* A word that is cut where the part begins or ends counts as what is in the part. */
static ALWAYS uint64_t part_of_word(const struct features *f, size_t start, size_t end,
                                    const struct glance_kind *kind)
{
    return kind->word_low(f->sample + start, end - start < 8 ? end - start : 8);
}

/* Takes the words of [start, end) from the list. */
static ALWAYS void part_take(struct part *part, const struct features *f, size_t start, size_t end,
                             const struct glance_kind *kind)
{
    const struct looked_up *list = &f->looked_up;
    size_t first = start == 0 ? 0 : listed_before(list, start);
    size_t behind = end == f->user_len ? list->count : listed_before(list, end);
    size_t before = first == 0 ? 0 : list->offsets[first - 1] + list->lengths[first - 1];
    first -= before > start; /* the word before goes on here */
    part->list = list;
    part->listed = first;
    part->count = behind - first;
    for (size_t i = 0; i < part->count; i++) {
        part->keys[i] = list->lows[first + i];
    }
    if (before > start) {
        part->keys[0] = part_of_word(f, start, before < end ? before : end, kind);
    } else if (behind > 0 && list->offsets[behind - 1] + list->lengths[behind - 1] > end) {
        part->keys[part->count - 1] = part_of_word(f, list->offsets[behind - 1], end, kind);
    }
}

static ALWAYS bool any_long(const struct looked_up *list)
{
    uint64_t all = 0;
    for (size_t i = 0; i < list->count; i += 8) {
        uint64_t eight;
        memcpy(&eight, list->lengths + i, sizeof(eight));
        all |= eight;
    }
    return (all & UINT64_C(0xe0e0e0e0e0e0e0e0)) != 0;
}

/* Apostrophes there, whose neighbours are not seen, are taken for letters. */
static ALWAYS bool any_at_edges(const char *text)
{
    return text[0] == '\'' || text[SCAN_BLOCK - 1] == '\'' || text[SCAN_BLOCK] == '\'' ||
           text[2 * SCAN_BLOCK - 1] == '\'';
}

/* Did the scan of the text read the words of both ends as they are read here? */
static ALWAYS bool is_listed(const struct features *f, size_t last)
{
    const struct looked_up *list = &f->looked_up;
    return list->whole && f->beyond_ascii == 0 && !any_at_edges(f->sample) &&
           !any_at_edges(f->sample + last) && !any_long(list);
}

/* --- words beyond ASCII --- */

/* Characters of three bytes, from U+3000 on: Chinese, Japanese, Korean. */
static bool is_wide(unsigned char c)
{
    return c >= 0xe3 && c <= 0xed;
}

/* A run that begins with such a character; what else is in it is passed over. */
static void add_characters(struct glance *glance, const char *text, size_t len)
{
    uint64_t before = 0;
    for (size_t i = 0; i + 3 <= len;) {
        if (!is_wide((unsigned char)text[i])) {
            before = 0;
            i++;
            continue;
        }
        uint64_t character = word_low_of(text + i, 3);
        add_word_row(glance, character, SALT_CHARACTER);
        if (before != 0) {
            add_word_row(glance, pair_of(before, character), SALT_CHARACTERS);
        }
        before = character;
        i += 3;
    }
}

/* The first byte at or behind `at` that is none of the word's. */
static size_t word_end(const struct part *part, size_t at)
{
    size_t block = at / SCAN_BLOCK;
    uint64_t gaps = ~part->word[block] & ~bits_below(at % SCAN_BLOCK);
    while (gaps == 0) {
        gaps = ~part->word[++block];
    }
    return block * SCAN_BLOCK + bits_first(gaps);
}

static bool any_high(const struct part *part, size_t start, size_t end)
{
    uint64_t first = part->high[start / 64] >> (start % 64);
    size_t len = end - start;
    if (len < 64 - start % 64) {
        return (first & bits_below((unsigned)len)) != 0;
    }
    bool any = first != 0;
    for (size_t block = start / 64 + 1; block * 64 < end; block++) {
        any = any || part->high[block] != 0;
    }
    return any;
}

/* The beginning of a run of characters counts as a word where pairs and places do. */
static uint64_t read_word(const struct part *part, size_t start, struct glance *glance)
{
    const char *text = part->text + start;
    size_t len = word_end(part, start) - start;
    uint64_t key = word_low_of(text, len);
    bool high = any_high(part, start, start + len);
    if (high && is_wide((unsigned char)text[0])) {
        add_characters(glance, text, len);
        return word_low_of(text, len < 6 ? len : 6);
    }
    add_word_row(glance, key, SALT_WORD);
    if (high && len > 8) {
        add_word_row(glance, pair_of(key, word_high_of(text, len)), SALT_LONG);
    }
    return key;
}

static SELDOM void add_high(struct part *part, struct glance *glance)
{
    for (size_t block = 0; block < part->blocks; block++) {
        for (uint64_t starts = part->starts[block]; starts != 0; starts &= starts - 1) {
            size_t start = block * SCAN_BLOCK + bits_first(starts);
            part->keys[part->count++] = read_word(part, start, glance);
        }
    }
}

/* Reads `len` bytes of the sample, at most PART_BLOCKS blocks. */
static ALWAYS void read_part(struct part *part, const char *text, size_t len, struct glance *glance,
                             const struct glance_kind *kind)
{
    part_load(part, text, len, kind);
    if (LIKELY(part_is_plain(part))) {
        read_plain(part, kind);
        add_word_rows(part, glance, kind);
    } else {
        add_high(part, glance);
    }
    add_pair_rows(part, glance, kind);
}

/* The words of one part, or of both if the text has a middle, which begins the last one at `rest`.
 */
static ALWAYS void read_ends(struct glancing *g, size_t rest, const struct glance_kind *kind)
{
    const struct features *f = g->features;
    size_t head = rest == 0 ? f->user_len : GLANCE_END;
    if (rest != 0 && LIKELY(is_listed(f, rest))) {
        part_take(&g->first, f, 0, GLANCE_END, kind);
        part_take(&g->last, f, rest, f->user_len, kind);
        add_word_rows(&g->first, g->glance, kind);
        add_pair_rows(&g->first, g->glance, kind);
        add_word_rows(&g->last, g->glance, kind);
        add_pair_rows(&g->last, g->glance, kind);
        return;
    }
    read_part(&g->first, f->sample, head, g->glance, kind);
    if (rest != 0) {
        read_part(&g->last, f->sample + rest, GLANCE_END, g->glance, kind);
    }
}

/* --- places --- */

static ALWAYS void add_first(struct key_list *facts, const struct part *part)
{
    const uint64_t *keys = part->keys;
    size_t count = part->count;
    if (count == 0) {
        return;
    }
    add_fact(facts, keys[0], SALT_FIRST);
    if (count > 1) {
        add_fact(facts, pair_of(keys[0], keys[1]), SALT_FIRST_PAIR);
    }
    if (count > 2) {
        add_fact(facts, pair_of(pair_of(keys[0], keys[1]), keys[2]), SALT_FIRST_THREE);
    }
    for (size_t i = 0; i < FIRST_WORDS && i < count; i++) {
        add_fact(facts, keys[i], SALT_NEAR_FIRST);
    }
    if (count <= WHOLE_WORDS) {
        uint64_t whole = count;
        for (size_t i = 0; i < count; i++) {
            whole = pair_of(whole, keys[i]);
        }
        add_fact(facts, whole, SALT_WHOLE);
    }
}

/* How many words begin before that byte of the part? */
static ALWAYS size_t words_before(const struct part *part, size_t start, size_t offset)
{
    size_t count = 0;
    if (LIKELY(part->list != NULL)) {
        return offset == 0 ? 0 : listed_before(part->list, start + offset) - part->listed;
    }
    for (size_t block = 0; block < part->blocks && block * SCAN_BLOCK < offset; block++) {
        size_t rest = offset - block * SCAN_BLOCK;
        uint64_t before = rest < SCAN_BLOCK ? bits_below((unsigned)rest) : UINT64_MAX;
        count += bits_count(part->starts[block] & before);
    }
    return count;
}

/* How the last line and the last sentence begin, and how the text ends; the part begins at `start`.
 */
static ALWAYS void add_last(struct key_list *facts, const struct features *f,
                            const struct part *part, size_t start)
{
    const size_t places[2] = {f->last_line, f->last_sentence};
    const uint64_t *keys = part->keys;
    size_t count = part->count;
    for (size_t k = 0; k < 2 && (k == 0 || places[1] != places[0]); k++) {
        size_t i = places[k] < start ? count : words_before(part, start, places[k] - start);
        if (i < count) {
            add_fact(facts, keys[i], SALT_LINE);
        }
        if (i + 1 < count) {
            add_fact(facts, pair_of(keys[i], keys[i + 1]), SALT_LINE_PAIR);
        }
    }
    if (count > 0) {
        add_fact(facts, keys[count - 1], SALT_LAST);
    }
    if (count > 1) {
        add_fact(facts, pair_of(keys[count - 2], keys[count - 1]), SALT_LAST_PAIR);
    }
}

/* --- rules --- */

#define RULE_ROW(task, level) ROW_OF(SALTED(UINT64_C(task) * 16 + (level), SALT_RULE))
#define RULE_ROWS(task)                                                                            \
    {                                                                                              \
        RULE_ROW(task, 0), RULE_ROW(task, 1), RULE_ROW(task, 2), RULE_ROW(task, 3),                \
            RULE_ROW(task, 4)                                                                      \
    }
static const uint32_t rule_rows[][RULE_LEVELS] = {
    RULE_ROWS(0),  RULE_ROWS(1),  RULE_ROWS(2),  RULE_ROWS(3),  RULE_ROWS(4),  RULE_ROWS(5),
    RULE_ROWS(6),  RULE_ROWS(7),  RULE_ROWS(8),  RULE_ROWS(9),  RULE_ROWS(10), RULE_ROWS(11),
    RULE_ROWS(12), RULE_ROWS(13), RULE_ROWS(14), RULE_ROWS(15), RULE_ROWS(16), RULE_ROWS(17),
    RULE_ROWS(18), RULE_ROWS(19), RULE_ROWS(20), RULE_ROWS(21), RULE_ROWS(22), RULE_ROWS(23),
    RULE_ROWS(24), RULE_ROWS(25), RULE_ROWS(26),
};
_Static_assert(ARRAY_LEN(rule_rows) == TASK_COUNT, "each task has its rows");

static ALWAYS uint32_t *put_rules(uint32_t *rows, const struct rule_points *points)
{
    static const int levels[RULE_LEVELS] = {1, 48, 120, 220, 360};
    for (uint32_t rest = points->touched; rest != 0; rest &= rest - 1) {
        unsigned task = (unsigned)__builtin_ctz(rest);
        for (unsigned level = 0; level < RULE_LEVELS; level++) {
            if (points->of[task] < levels[level]) {
                break;
            }
            *rows++ = rule_rows[task][level];
        }
    }
    return rows;
}

/* --- shape --- */

/* 0, 1, 2, then by doublings. */
static ALWAYS unsigned step_of(uint64_t value)
{
    unsigned zeros = value == 0 ? 64u : (unsigned)__builtin_clzll(value); /* one instruction */
    return 64u - zeros;
}

static ALWAYS unsigned capped(unsigned value, unsigned most)
{
    return value < most ? value : most;
}

#define SHAPE_ROW(shape, value) ROW_OF(SALTED(UINT64_C(shape) * 256 + (value), SALT_SHAPE))
#define SHAPE_ROWS(i)                                                                              \
    {                                                                                              \
        SHAPE_ROW(i, 0), SHAPE_ROW(i, 1), SHAPE_ROW(i, 2), SHAPE_ROW(i, 3), SHAPE_ROW(i, 4),       \
            SHAPE_ROW(i, 5), SHAPE_ROW(i, 6), SHAPE_ROW(i, 7), SHAPE_ROW(i, 8), SHAPE_ROW(i, 9),   \
            SHAPE_ROW(i, 10), SHAPE_ROW(i, 11), SHAPE_ROW(i, 12), SHAPE_ROW(i, 13),                \
            SHAPE_ROW(i, 14), SHAPE_ROW(i, 15)                                                     \
    }
static const uint32_t shape_rows[][16] = {
    SHAPE_ROWS(0),  SHAPE_ROWS(1),  SHAPE_ROWS(2),  SHAPE_ROWS(3),  SHAPE_ROWS(4),  SHAPE_ROWS(5),
    SHAPE_ROWS(6),  SHAPE_ROWS(7),  SHAPE_ROWS(8),  SHAPE_ROWS(9),  SHAPE_ROWS(10), SHAPE_ROWS(11),
    SHAPE_ROWS(12), SHAPE_ROWS(13), SHAPE_ROWS(14), SHAPE_ROWS(15), SHAPE_ROWS(16), SHAPE_ROWS(17),
    SHAPE_ROWS(18), SHAPE_ROWS(19), SHAPE_ROWS(20), SHAPE_ROWS(21), SHAPE_ROWS(22), SHAPE_ROWS(23),
    SHAPE_ROWS(24), SHAPE_ROWS(25), SHAPE_ROWS(26), SHAPE_ROWS(28), /* 27 is LANGUAGE_SHAPE */
};
_Static_assert(ARRAY_LEN(shape_rows) == SHAPES, "each shape has its rows");

/* Too many values for a table. */
static ALWAYS void add_language(struct key_list *facts, const struct features *f)
{
    unsigned language = (unsigned)f->language * 16 + capped(step_of(f->user_bytes), 12);
    add_fact(facts, LANGUAGE_SHAPE * UINT64_C(256) + language, SALT_SHAPE);
}

/* Of each shape 16 values at most. */
static ALWAYS uint32_t *put_shape(uint32_t *rows, const struct features *f)
{
    uint32_t len = f->user_len == 0 ? 1 : (uint32_t)f->user_len;
    bool instruction_first = f->first_line < 160 && f->user_len > f->first_line + 100;
    const unsigned shape[SHAPES] = {
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
        f->ends_in_question * 8u + capped(step_of(f->lines), 6),
    };
#pragma GCC unroll 32
    for (unsigned i = 0; i < SHAPES; i++) {
        rows[i] = shape_rows[i][shape[i]];
    }
    return rows + SHAPES;
}

static ALWAYS void glance_by(const struct features *f, const struct rule_points *points,
                             struct glance *glance, const struct glance_kind *kind)
{
    struct glancing g;
    size_t len = f->user_len;
    size_t rest = len <= 2 * GLANCE_END ? 0 : len - GLANCE_END;
    const struct part *last = rest == 0 ? &g.first : &g.last;
    glance->count = 0;
    g.facts.count = 0;
    g.features = f;
    g.glance = glance;
    read_ends(&g, rest, kind);
    glance->words = glance->count;
    add_first(&g.facts, &g.first);
    add_last(&g.facts, f, last, rest);
    add_fact(&g.facts, points->best, SALT_RULE_BEST);
    add_language(&g.facts, f);
    kind->rows(g.facts.keys, g.facts.count, SALT_NONE, glance->rows + glance->words);
    uint32_t *rows = glance->rows + glance->words + g.facts.count;
    glance->count = (uint32_t)(put_shape(put_rules(rows, points), f) - glance->rows);
}

void glance_make_narrow(const struct features *features, const struct rule_points *points,
                        struct glance *glance)
{
    static const struct glance_kind narrow = {masks_narrow, word_low_of, rows_narrow,
                                              pair_rows_narrow};
    glance_by(features, points, glance, &narrow);
}

#ifdef SCAN_HAS_VECTORS

static SCAN_WIDE void glance_make_wide(const struct features *features,
                                       const struct rule_points *points, struct glance *glance)
{
    static const struct glance_kind wide = {masks_wide, word_low_wide, rows_wide, pair_rows_wide};
    glance_by(features, points, glance, &wide);
}

#endif

void glance_make(const struct features *features, const struct rule_points *points,
                 struct glance *glance)
{
#ifdef SCAN_HAS_VECTORS
    if (LIKELY(vocabulary_get()->wide)) {
        glance_make_wide(features, points, glance);
        return;
    }
#endif
    glance_make_narrow(features, points, glance);
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
