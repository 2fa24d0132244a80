/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes become bit masks, 64 at a time; where words begin and end are bits, too. No branch depends
 * on how long a word is: a decision waits for this.
 */
#include "route/vector_read.h"

#include "route/words.h"

const uint8_t mark_shapes[256] = {
    ['?'] = SHAPE_QUESTION_MARKS, ['+'] = SHAPE_OPERATORS,    ['-'] = SHAPE_OPERATORS,
    ['*'] = SHAPE_OPERATORS,      ['/'] = SHAPE_OPERATORS,    ['='] = SHAPE_OPERATORS,
    ['<'] = SHAPE_OPERATORS,      ['>'] = SHAPE_OPERATORS,    ['^'] = SHAPE_OPERATORS,
    ['$'] = SHAPE_DOLLARS,        ['\\'] = SHAPE_BACKSLASHES, [','] = SHAPE_COMMAS,
    ['.'] = SHAPE_PERIODS,        ['"'] = SHAPE_QUOTES,       ['('] = SHAPE_PARENTHESES,
    ['%'] = SHAPE_PERCENTS,       [':'] = SHAPE_COLONS,       ['{'] = SHAPE_BRACES,
    [';'] = SHAPE_BRACES,         ['_'] = SHAPE_UNDERSCORES,
};

const float vector_logs[128] = {
    0.0F,        0.693147181F, 1.09861229F, 1.38629436F, 1.60943791F, 1.79175947F, 1.94591015F,
    2.07944154F, 2.19722458F,  2.30258509F, 2.39789527F, 2.48490665F, 2.56494936F, 2.63905733F,
    2.7080502F,  2.77258872F,  2.83321334F, 2.89037176F, 2.94443898F, 2.99573227F, 3.04452244F,
    3.09104245F, 3.13549422F,  3.17805383F, 3.21887582F, 3.25809654F, 3.29583687F, 3.33220451F,
    3.36729583F, 3.40119738F,  3.4339872F,  3.4657359F,  3.49650756F, 3.52636052F, 3.55534806F,
    3.58351894F, 3.61091791F,  3.63758616F, 3.66356165F, 3.68887945F, 3.71357207F, 3.73766962F,
    3.76120012F, 3.78418963F,  3.80666249F, 3.8286414F,  3.8501476F,  3.87120101F, 3.8918203F,
    3.91202301F, 3.93182563F,  3.95124372F, 3.97029191F, 3.98898405F, 4.00733319F, 4.02535169F,
    4.04305127F, 4.06044301F,  4.07753744F, 4.09434456F, 4.11087386F, 4.12713439F, 4.14313473F,
    4.15888308F, 4.17438727F,  4.18965474F, 4.20469262F, 4.21950771F, 4.2341065F,  4.24849524F,
    4.26267988F, 4.27666612F,  4.29045944F, 4.30406509F, 4.31748811F, 4.33073334F, 4.34380542F,
    4.35670883F, 4.36944785F,  4.38202663F, 4.39444915F, 4.40671925F, 4.41884061F, 4.4308168F,
    4.44265126F, 4.4543473F,   4.46590812F, 4.47733681F, 4.48863637F, 4.49980967F, 4.51085951F,
    4.52178858F, 4.53259949F,  4.54329478F, 4.55387689F, 4.56434819F, 4.57471098F, 4.58496748F,
    4.59511985F, 4.60517019F,  4.61512052F, 4.62497281F, 4.63472899F, 4.6443909F,  4.65396035F,
    4.66343909F, 4.67282883F,  4.68213123F, 4.69134788F, 4.70048037F, 4.7095302F,  4.71849887F,
    4.72738782F, 4.73619845F,  4.74493213F, 4.75359019F, 4.76217393F, 4.77068462F, 4.77912349F,
    4.78749174F, 4.79579055F,  4.80402104F, 4.81218436F, 4.82028157F, 4.82831374F, 4.83628191F,
    4.84418709F, 4.85203026F,
};

#ifdef SCAN_HAS_VECTORS

#define PART_MAX (2 * VECTOR_HALF)
#define PADDING SCAN_BLOCK /* whole blocks are read, and words eight bytes at a time */
#define PLACES_ROOM 4
#define WIDE_LEAD 0xe2   /* scripts that write no spaces begin with this byte or a greater one */
#define WIDE_SECOND 0xba /* ... then with this one, or a greater one */

/* One bit per byte of a block. */
struct bytes {
    uint64_t letter; /* and all beyond ASCII */
    uint64_t digit;
    uint64_t apostrophe;
    uint64_t visible;
    uint64_t upper;
    uint64_t newline;
    uint64_t high;
    uint64_t lead;   /* >= WIDE_LEAD */
    uint64_t beyond; /* >= 0xc0 */
};

/* Of the byte before a block: 1, or 0. */
struct carry {
    uint64_t word;
    uint64_t number;
    uint64_t mark;
};

/* Words by their places, and what they hash to, one behind the other. */
struct part {
    char text[PART_MAX + PADDING]; /* in lower case, zeros behind */
    uint16_t starts[PART_MAX + PLACES_ROOM];
    uint16_t ends[PART_MAX + PLACES_ROOM];
    uint16_t longer[PART_MAX + 1]; /* which words have more than eight bytes */
    uint64_t hashes[PART_MAX];
    size_t start_count;
    size_t end_count;
    size_t longer_count;
    struct carry carry;
    uint32_t line_start;
};

/* What is written per kind of processor; constant where it is used, so all of it is inlined. */
struct read_kind {
    void (*bytes)(char *text, struct bytes *m); /* of 64 bytes, which become lower case */
    uint64_t (*word_low)(const char *word, size_t len);
    /* writes where the bits are, from `base` on; returns how many there are */
    size_t (*places)(uint16_t *to, uint64_t bits, size_t base);
};

static ALWAYS void bytes_beyond(const char *text, struct bytes *m)
{
    m->lead = m->beyond = 0;
    for (unsigned i = 0; m->high != 0 && i < SCAN_BLOCK; i += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        m->lead |= MASK_16(RANGE_16(b, WIDE_LEAD, 0x100 - WIDE_LEAD)) << i;
        m->beyond |= MASK_16(RANGE_16(b, 0xc0, 0x40)) << i;
    }
}

static ALWAYS void bytes_narrow(char *text, struct bytes *m)
{
    memset(m, 0, sizeof(*m));
    for (unsigned i = 0; i < SCAN_BLOCK; i += 16) {
        __m128i *at = (__m128i *)(void *)(text + i);
        __m128i b = _mm_loadu_si128(at);
        __m128i upper = RANGE_16(b, 'A', 26);
        __m128i low = _mm_or_si128(b, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
        m->letter |= MASK_16(_mm_or_si128(RANGE_16(low, 'a', 26), b)) << i;
        m->digit |= MASK_16(RANGE_16(b, '0', 10)) << i;
        m->apostrophe |= MASK_16(IS_16(b, '\'')) << i;
        m->visible |= MASK_16(_mm_or_si128(_mm_cmpgt_epi8(b, _mm_set1_epi8(' ')), b)) << i;
        m->upper |= MASK_16(upper) << i;
        m->newline |= MASK_16(IS_16(b, '\n')) << i;
        m->high |= MASK_16(b) << i;
        _mm_storeu_si128(at, low);
    }
    bytes_beyond(text, m);
}

static ALWAYS size_t places_narrow(uint16_t *to, uint64_t bits, size_t base)
{
    size_t count = 0;
    for (; bits != 0; bits &= bits - 1) {
        to[count++] = (uint16_t)(base + bits_first(bits));
    }
    return count;
}

static ALWAYS SCAN_WIDE void bytes_wide(char *text, struct bytes *m)
{
    const __m256i blank = _mm256_set1_epi8(' ');
    const __m256i none = _mm256_setzero_si256();
    const __m256i mark = _mm256_set1_epi8('\'');
    const __m256i newline = _mm256_set1_epi8('\n');
    __m256i a = load_32(text);
    __m256i b = load_32(text + 32);
    __m256i class_a = classes_32(a);
    __m256i class_b = classes_32(b);
    uint64_t word = MASK_64(_mm256_cmpgt_epi8(class_a, none), _mm256_cmpgt_epi8(class_b, none));
    m->high = MASK_64(a, b);
    m->digit = MASK_64(_mm256_slli_epi16(class_a, 5), _mm256_slli_epi16(class_b, 5));
    m->letter = (word & ~m->digit) | m->high;
    m->upper = word & ~MASK_64(_mm256_slli_epi16(a, 2), _mm256_slli_epi16(b, 2));
    m->visible = MASK_64(_mm256_cmpgt_epi8(a, blank), _mm256_cmpgt_epi8(b, blank)) | m->high;
    m->apostrophe = MASK_64(_mm256_cmpeq_epi8(a, mark), _mm256_cmpeq_epi8(b, mark));
    m->newline = MASK_64(_mm256_cmpeq_epi8(a, newline), _mm256_cmpeq_epi8(b, newline));
    lower_32(text, a, class_a);
    lower_32(text + 32, b, class_b);
    bytes_beyond(text, m);
}

/* Four at a time: a search that finds nothing writes where the next ones will stand. */
static ALWAYS SCAN_WIDE size_t places_wide(uint16_t *to, uint64_t bits, size_t base)
{
    size_t count = bits_count(bits);
    for (size_t i = 0; i < count; i += PLACES_ROOM) {
#pragma GCC unroll 4
        for (size_t k = 0; k < PLACES_ROOM; k++) {
            to[i + k] = (uint16_t)(base + _tzcnt_u64(bits));
            bits &= bits - 1;
        }
    }
    return count;
}

static SELDOM bool has_wide(const char *block, uint64_t leads)
{
    for (; leads != 0; leads &= leads - 1) {
        const char *at = block + bits_first(leads);
        if ((unsigned char)at[0] > WIDE_LEAD || (unsigned char)at[1] >= WIDE_SECOND) {
            return true;
        }
    }
    return false;
}

/* --- shape --- */

static SELDOM void count_lines(struct reading *reading, struct part *part, const struct bytes *m,
                               size_t base)
{
    struct counts *counts = &reading->counts;
    uint64_t rest = UINT64_MAX;
    for (uint64_t ends = m->newline; ends != 0; ends &= ends - 1) {
        unsigned bit = bits_first(ends);
        counts->blank = counts->blank && (m->visible & rest & bits_below(bit)) == 0;
        counts->line_bytes += (uint32_t)base + bit - part->line_start;
        part->line_start = (uint32_t)base + bit + 1;
        end_line(counts);
        rest = ~UINT64_C(1) << bit;
    }
    counts->blank = counts->blank && (m->visible & rest) == 0;
}

static ALWAYS void count_marks(struct counts *counts, const char *block, uint64_t marks)
{
    for (; marks != 0; marks &= marks - 1) {
        counts->of[mark_shapes[(unsigned char)block[bits_first(marks)]]]++;
    }
}

/* `ends`: the first bytes behind them. */
static ALWAYS void count_numbers(struct counts *counts, const char *block, uint64_t ends)
{
    for (; ends != 0; ends &= ends - 1) {
        const char *end = block + bits_first(ends);
        counts->of[SHAPE_NUMBERS]++;
        counts->of[SHAPE_DECIMALS] += end[0] == '.' && end[1] >= '0' && end[1] <= '9';
    }
}

static ALWAYS void count_bytes(struct counts *counts, const struct bytes *m)
{
    counts->word_bytes += bits_count(m->visible);
    counts->of[SHAPE_CAPITALS] += bits_count(m->upper);
    counts->of[SHAPE_LETTERS_BEYOND_ASCII] += bits_count(m->beyond);
    counts->of[SHAPE_DIGITS] += bits_count(m->digit);
}

/* --- where words are --- */

/* Apostrophes belong to the word behind whose letters they stand. */
static ALWAYS uint64_t in_words(const struct bytes *m, uint64_t carry)
{
    uint64_t runs = m->letter | m->apostrophe;
    uint64_t begins = runs & ~(runs << 1 | carry) & m->apostrophe;
    return begins == 0 ? runs : runs & ~(m->apostrophe & ~(m->apostrophe + begins));
}

static ALWAYS void read_block(struct reading *reading, struct part *part, const struct bytes *m,
                              size_t base, const struct read_kind *kind)
{
    const char *block = part->text + base;
    struct carry *carry = &part->carry;
    uint64_t word = in_words(m, carry->word);
    uint64_t marks = m->visible & ~word & ~m->digit;
    uint64_t words_before = word << 1 | carry->word;
    uint64_t digits_before = m->digit << 1 | carry->number;
    uint64_t numbers = digits_before & ~m->digit;
    uint64_t ends = (words_before & ~word) | numbers | marks << 1 | carry->mark;
    uint64_t starts = (word & ~words_before) | (m->digit & ~digits_before) | marks;
    part->start_count += kind->places(part->starts + part->start_count, starts, base);
    part->end_count += kind->places(part->ends + part->end_count, ends, base);
    *carry = (struct carry){word >> 63, m->digit >> 63, marks >> 63};
    count_bytes(&reading->counts, m);
    count_marks(&reading->counts, block, marks);
    count_numbers(&reading->counts, block, numbers);
    if (m->newline != 0) {
        count_lines(reading, part, m, base);
    } else {
        reading->counts.blank = reading->counts.blank && m->visible == 0;
    }
}

/* --- words --- */

/* Of a word in lower case, eight bytes at a time. */
static ALWAYS uint64_t word_hash(const char *text, size_t len, const struct read_kind *kind)
{
    uint64_t hash = WORD_SALT;
    for (; len > 8; text += 8, len -= 8) {
        hash = word_hash_step(hash, word_load(text));
    }
    return word_hash_step(hash, kind->word_low(text, len));
}

/* All words as if none was longer than eight bytes, then those that are: no branch tells which. */
static ALWAYS void hash_words(struct part *part, const struct read_kind *kind)
{
    size_t longer = 0;
    for (size_t i = 0; i < part->start_count; i++) {
        size_t start = part->starts[i];
        size_t len = part->ends[i] - start;
        part->hashes[i] = word_hash_step(WORD_SALT, kind->word_low(part->text + start, len));
        part->longer[longer] = (uint16_t)i;
        longer += len > 8;
    }
    for (size_t k = 0; k < longer; k++) {
        size_t i = part->longer[k];
        size_t start = part->starts[i];
        part->hashes[i] = word_hash(part->text + start, part->ends[i] - start, kind);
    }
    part->longer_count = longer;
}

/* As add_word() does it one by one, with nothing in memory but the buckets. */
struct adding {
    uint16_t *buckets;
    uint64_t *seen;
    uint32_t count;
};

static ALWAYS unsigned put_bucket(struct adding *adding, uint64_t hash)
{
    uint64_t bucket = hash * WORD_SPREAD >> 48;
    uint64_t *cell = &adding->seen[bucket / 64];
    uint64_t before = *cell;
    unsigned is_new = ~(unsigned)(before >> bucket % 64) & 1u;
    *cell = before | UINT64_C(1) << bucket % 64;
    adding->buckets[adding->count] = (uint16_t)bucket;
    adding->count += is_new;
    return is_new;
}

static ALWAYS void add_words(struct reading *reading, const struct part *part)
{
    struct counts *counts = &reading->counts;
    struct adding adding = {reading->vector->buckets, reading->seen, reading->vector->count};
    const uint64_t *hashes = part->hashes;
    const size_t count = part->start_count;
    uint64_t before = reading->before;
    uint32_t distinct = 0;
    size_t i = 0;
    /* the first words of the text, or none: reading before part */
    for (; i < count && counts->of[SHAPE_WORDS] + i < FIRST_WORDS; i++) {
        distinct += put_bucket(&adding, hashes[i]);
        put_bucket(&adding, hashes[i] ^ FIRST_SALT);
        if (before != 0) {
            put_bucket(&adding, before * PAIR_SALT + hashes[i]);
        }
        before = hashes[i];
    }
    if (i == 0 && count > 0 && before == 0) { /* the first one of the other end */
        before = hashes[0];
        distinct += put_bucket(&adding, before);
        i = 1;
    }
    for (; i < count; i++) {
        distinct += put_bucket(&adding, hashes[i]);
        put_bucket(&adding, before * PAIR_SALT + hashes[i]);
        before = hashes[i];
    }
    counts->of[SHAPE_WORDS] += (uint32_t)count;
    counts->of[SHAPE_DISTINCT_WORDS] += distinct;
    counts->of[SHAPE_LONG_WORDS] += (uint32_t)part->longer_count;
    counts->repeated += (uint32_t)count - distinct;
    reading->vector->count = adding.count;
    reading->before = before;
}

static ALWAYS bool read_by(struct reading *reading, struct slice text, const struct read_kind *kind)
{
    struct part part;
    const struct counts before = reading->counts;
    part.start_count = part.end_count = part.line_start = 0;
    part.carry = (struct carry){0, 0, 0};
    memcpy(part.text, text.ptr, text.len);
    memset(part.text + text.len, 0, PADDING);
    for (size_t base = 0; base <= text.len; base += SCAN_BLOCK) {
        struct bytes m;
        kind->bytes(part.text + base, &m);
        if (UNLIKELY(m.lead != 0) && has_wide(part.text + base, m.lead)) {
            reading->counts = before;
            return false;
        }
        read_block(reading, &part, &m, base, kind);
    }
    reading->counts.line_bytes += (uint32_t)text.len - part.line_start;
    hash_words(&part, kind);
    add_words(reading, &part);
    return true;
}

static SELDOM bool read_narrow(struct reading *reading, struct slice text)
{
    static const struct read_kind narrow = {bytes_narrow, word_low_of, places_narrow};
    return read_by(reading, text, &narrow);
}

static SELDOM SCAN_WIDE bool read_wide(struct reading *reading, struct slice text)
{
    static const struct read_kind wide = {bytes_wide, word_low_wide, places_wide};
    return read_by(reading, text, &wide);
}

bool vector_read_part(struct reading *reading, struct slice text)
{
    return vocabulary_get()->wide ? read_wide(reading, text) : read_narrow(reading, text);
}

#else

bool vector_read_part(struct reading *reading, struct slice text)
{
    (void)reading;
    (void)text;
    return false;
}

#endif
