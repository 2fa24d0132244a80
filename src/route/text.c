/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words and their places. Blocks of 64 bytes become bit masks; the starts and ends of words are
 * bits, so the loop over words has no branch per byte. A known word (a hit) looks at the masks for
 * what surrounds it: punctuation since the word before, open quotes, a negation in the same clause.
 */
#include "route/text.h"

#include "route/scan_vector.h"

#define NEGATION_REACH 4 /* words */
/* The last hits are kept for the end of the text, where the request often stands. */
#define HITS_ANYWHERE (FEATURES_HITS_MAX - 64)
#define TEXT_END 700
#define HEAD_BYTES 256 /* in which every word is looked up */
#define TAIL_BYTES 160
#define SAMPLE_EVERY 4 /* blocks of the middle */
#define WORDS_PER_BLOCK 10
/* Words after a kept one within which the frequent ones (to, in, are) are kept too: they may go on
 * a phrase. */
#define FOLLOW_REACH 2
#define PHRASE_REACH 4     /* no word of a phrase stands further from the one before */
#define FILE_NAME_POINTS 3 /* "main.py" says as much as a word that only programmers use */

#define NO_WORD UINT16_MAX

struct block {
    size_t base;
    uint64_t inside; /* the region's part of it */
    struct block_masks masks;
    uint64_t stops; /* ends of sentences: . ! ? : before a blank, and newlines */
    uint64_t clauses;
    uint64_t starts; /* of words */
    uint64_t ends;
};

/* What most blocks do not need is done in functions of its own, so that the loop over blocks stays
   short. */
#define SELDOM __attribute__((noinline))
#define ALWAYS inline __attribute__((always_inline))

/* What is written per kind of vector; constant where it is used, so all of it is inlined. */
struct scan_kind {
    void (*masks)(char *block, uint64_t inside, struct block_masks *masks);
    bool (*matters)(char *block);
    uint64_t (*word_low)(const char *word, size_t len);
};

/* Ends of sentences: the stops before a blank. */
static ALWAYS uint64_t stops_of(const struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    size_t next = block->base + SCAN_BLOCK;
    bool blank_after = next >= scan->end || (unsigned char)scan->features->sample[next] <= ' ';
    uint64_t blank = ~(m->word | m->code | m->arithmetic | m->comma | m->stop);
    return m->stop & (blank >> 1 | (uint64_t)blank_after << 63);
}

static ALWAYS void block_load(const struct text_scan *scan, size_t base, struct block *block,
                              const struct scan_kind *kind)
{
    struct block_masks *m = &block->masks;
    char *text = scan->features->sample + base;
    block->base = base;
    size_t left = scan->end - base;
    block->inside = left >= SCAN_BLOCK ? UINT64_MAX : bits_below((unsigned)left);
    kind->masks(text, block->inside, m);
    block->stops = (m->stop == 0 ? 0 : stops_of(scan, block)) | m->newline;
    block->clauses = block->stops | m->comma;
    uint64_t before = m->word << 1 | (uint64_t)scan->word_open;
    block->starts = m->word & ~before;
    block->ends = ~m->word & before;
}

/* --- counts --- */

/* Between numbers or names: not every hyphen is a minus. */
static uint64_t operators_of(const struct block_masks *m)
{
    uint64_t spaced = m->space << 1 & m->space >> 1;
    uint64_t digits = m->digit << 1 | m->digit >> 1;
    return m->arithmetic & (spaced | digits);
}

static ALWAYS void count_digits(struct text_scan *scan, const struct block_masks *m)
{
    struct features *f = scan->features;
    unsigned digits = bits_count(m->digit);
    unsigned high = bits_count(m->high);
    scan->counts.letters -= digits + high;
    scan->counts.digits += digits;
    scan->counts.high += high;
    f->digits += digits;
    f->numbers += bits_count(m->digit & ~(m->word << 1));
}

/* fooBar, foo_bar, foo(: names that only programs have */
static ALWAYS uint64_t names_of(const struct block_masks *m)
{
    uint64_t names = (m->word & ~m->upper & ~m->digit & ~m->high) << 1 & m->upper;
    names |= m->underscore & m->word << 1 & m->word >> 1;
    return names | (m->call & m->word << 1);
}

static ALWAYS void block_count(struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    scan->counts.letters += bits_count(m->word);
    scan->counts.marks += bits_count(block->inside & ~(m->word | m->space | m->newline));
    if ((m->digit | m->high) != 0) {
        count_digits(scan, m);
    }
    if (m->arithmetic != 0) {
        scan->features->operators += bits_count(operators_of(m));
    }
    uint64_t names = names_of(m);
    if (names != 0) {
        scan->features->code_words += bits_count(names);
    }
}

/* "Which of these are planets: Mars, Sun, Pluto": the commas of what a colon or a question mark
 * announces. */
static ALWAYS void block_lists(struct text_scan *scan, const struct block *block)
{
    struct features *f = scan->features;
    uint64_t stops = block->masks.stop & block->stops;
    uint64_t commas = block->masks.comma;
    while (stops != 0) {
        unsigned bit = bits_first(stops);
        scan->sentence_commas += bits_count(commas & bits_below(bit));
        if (scan->after_colon && scan->sentence_commas > f->list_commas) {
            f->list_commas = scan->sentence_commas;
        }
        char stop = f->sample[block->base + bit];
        f->questions += stop == '?';
        scan->after_colon = stop == ':' || stop == '?';
        scan->sentence_commas = 0;
        commas &= ~bits_below(bit);
        stops &= stops - 1;
    }
    scan->sentence_commas += bits_count(commas);
}

static ALWAYS void block_sentences(struct text_scan *scan, const struct block *block)
{
    uint64_t stops = block->masks.stop & block->stops;
    if (stops != 0) {
        scan->features->sentences += bits_count(stops);
        if (scan->after_colon || (block->masks.rare & stops) != 0) {
            block_lists(scan, block);
        } else {
            /* full stops announce nothing */
            scan->sentence_commas = bits_count(block->masks.comma & ~bits_below(bits_last(stops)));
        }
    } else if (block->masks.comma != 0) {
        scan->sentence_commas += bits_count(block->masks.comma);
    }
}

/* --- places --- */

/* Is a quote open at `bit`? A line's end closes it, so one stray mark does not turn the rest
 * around. */
static bool open_at(uint64_t marks, uint64_t newlines, unsigned bit, bool open_before)
{
    uint64_t below = bits_below(bit);
    newlines &= below;
    if (newlines != 0) {
        marks &= ~bits_below(bits_last(newlines));
        open_before = false;
    }
    return ((bits_count(marks & below) & 1u) != 0) != open_before;
}

/* Where the last sentence begins: after the last stop that a word follows. */
static ALWAYS void note_last_sentence(struct text_scan *scan, const struct block *block)
{
    uint64_t word = block->masks.word;
    uint64_t stops = block->stops;
    if (scan->region != 0) {
        return;
    }
    if (word != 0) {
        uint64_t followed = stops & bits_below(bits_last(word));
        if (followed != 0) {
            scan->features->last_sentence = (uint32_t)(block->base + bits_last(followed) + 1);
        } else if (scan->pending_stop != 0) {
            scan->features->last_sentence = (uint32_t)scan->pending_stop;
        }
        scan->pending_stop = 0;
        stops &= ~bits_below(bits_last(word));
    }
    if (stops != 0) {
        scan->pending_stop = block->base + bits_last(stops) + 1;
    }
}

static ALWAYS void block_finish(struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    if ((m->quote | m->newline) != 0) {
        scan->quoted = open_at(m->quote, m->newline, 63, scan->quoted) != (m->quote >> 63 != 0);
    }
    if (scan->quoted) {
        scan->features->quoted_bytes += SCAN_BLOCK;
    }
    if (block->stops != 0 || scan->pending_stop != 0) {
        note_last_sentence(scan, block);
    }
    if (block->clauses != 0) {
        scan->last_clause = block->base + bits_last(block->clauses) + 1;
    }
    if (block->ends != 0) {
        scan->word_end = block->base + bits_last(block->ends);
        scan->word_index = (uint16_t)(scan->word_index + bits_count(block->ends));
    }
}

/* Offset after the last of `breaks` before `bit`, else what it was at the block's start. */
static ALWAYS size_t break_before(const struct block *block, uint64_t breaks, unsigned bit,
                                  size_t earlier)
{
    breaks &= bits_below(bit);
    return breaks == 0 ? earlier : block->base + bits_last(breaks) + 1;
}

/* "does not work" describes, "do not summarize" tells: a bare "not" negates unless such a verb
 * stands before it. */
static bool is_description(const char *sample, size_t word_start)
{
    static const char *const verbs[] = {" is",  " are",  " was",   " were", " does",
                                        " did", " can",  " could", " will", " would",
                                        " has", " have", " had",   " i'm",  " should"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        size_t len = strlen(verbs[i]);
        if (word_start > len && memcmp(sample + word_start - 1 - len, verbs[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static SELDOM void note_negation(struct text_scan *scan, size_t start, size_t len, unsigned index)
{
    const char *sample = scan->features->sample;
    if (len == 3 && memcmp(sample + start, "not", 3) == 0 && is_description(sample, start)) {
        return;
    }
    scan->negation = (uint16_t)(index + 1);
    scan->negation_offset = start;
}

/* "Do not X, Y", "no need to X, just Y": the order comes after the comma, so a sentence begins
 * there once more. Returns whether it does with this word. */
static SELDOM bool begins_after_refusal(struct text_scan *scan, const struct word_hit *hit,
                                        size_t len, bool negates)
{
    bool clause = (hit->place & PLACE_CLAUSE) != 0;
    bool opens = (hit->place & PLACE_START) != 0;
    bool begins = scan->refused && clause && !opens;
    const char *word = scan->features->sample + hit->offset;
    if (opens) {
        scan->begin = hit->index;
        negates |= len == 2 && memcmp(word, "no", 2) == 0;
    }
    /* polite words that begin a sentence leave it the same */
    scan->refused = (scan->refused && !clause) || (negates && hit->index - scan->begin <= 1);
    return begins;
}

static bool is_negated(const struct text_scan *scan, size_t clause, unsigned index)
{
    return scan->negation != 0 && clause <= scan->negation_offset &&
           index + 1 - scan->negation <= NEGATION_REACH && index + 1 != scan->negation;
}

static SELDOM void count_flags(struct text_scan *scan, unsigned flags, size_t start)
{
    for (unsigned rest = flags & WORDS_COUNTED; rest != 0; rest &= rest - 1) {
        scan->flag_counts[__builtin_ctz(rest)]++;
    }
    if ((flags & (WORD_OR | WORD_AFTER_DOT)) == 0) {
        return;
    }
    struct features *f = scan->features;
    if ((flags & WORD_OR) != 0) {
        f->last_or = (uint32_t)start;
    } else if (start >= 2 && f->sample[start - 1] == '.' && f->sample[start - 2] > ' ') {
        f->code_words += FILE_NAME_POINTS;
    }
}

static bool hit_fits(const struct text_scan *scan, size_t start)
{
    const struct features *f = scan->features;
    return f->hit_count < HITS_ANYWHERE ||
           (f->hit_count < FEATURES_HITS_MAX && start + TEXT_END >= scan->end);
}

static ALWAYS uint8_t place_of(const struct text_scan *scan, const struct block *block,
                               size_t start, unsigned index, bool begins)
{
    const struct block_masks *m = &block->masks;
    unsigned bit = start > block->base ? (unsigned)(start - block->base) : 0;
    size_t clause = break_before(block, block->clauses, bit, scan->last_clause);
    uint64_t ends = block->ends & bits_below(bit);
    size_t word_end = ends == 0 ? scan->word_end : block->base + bits_last(ends);
    unsigned place = scan->region;
    place |= begins ? PLACE_START : 0;
    place |= clause >= word_end ? PLACE_CLAUSE : 0;
    if (scan->negation != 0 && is_negated(scan, clause, index)) {
        place |= PLACE_NEGATED;
    }
    if ((scan->quoted || m->quote != 0) && open_at(m->quote, m->newline, bit, scan->quoted)) {
        place |= PLACE_QUOTED;
    }
    return (uint8_t)place;
}

/* --- words --- */

/* A word counts where its flags say: anywhere, near a start or a kept word, or only where it may go
 * on a phrase. */
static ALWAYS bool word_counts(const struct text_scan *scan, unsigned flags, unsigned index,
                               bool begins)
{
    if (LIKELY((flags & (WORD_AT_START | WORD_GOES_ON)) == 0)) {
        return true;
    }
    if ((flags & WORD_GOES_ON) != 0) {
        return index <= scan->follow + (unsigned)(PHRASE_REACH - FOLLOW_REACH);
    }
    return begins || index <= scan->follow;
}

/* A word that the vocabulary's filter lets pass: kept if it is known and counts here. Polite words
 * leave the start of a sentence where it is. */
static SELDOM void word_known(struct text_scan *scan, const struct block *block, size_t start,
                              size_t len, unsigned index, bool begins)
{
    struct features *f = scan->features;
    uint16_t id = vocabulary_find(scan->vocabulary, word_key_of(f->sample + start, len));
    if (id == WORD_UNKNOWN) {
        return;
    }
    unsigned flags = scan->vocabulary->flags[id];
    begins |= scan->after_polite == index;
    if (!word_counts(scan, flags, index, begins)) {
        return;
    }
    uint8_t place = place_of(scan, block, start, index, begins);
    bool negates = (flags & WORD_NEGATION) != 0;
    if (UNLIKELY(scan->refused || negates || (place & PLACE_START) != 0)) {
        struct word_hit here = {
            .index = (uint16_t)index, .offset = (uint16_t)start, .place = place};
        if (begins_after_refusal(scan, &here, len, negates)) {
            place |= PLACE_START;
            begins = true;
        }
    }
    if (negates) {
        note_negation(scan, start, len, index);
    }
    if ((flags & (WORDS_COUNTED | WORD_OR | WORD_AFTER_DOT)) != 0) {
        count_flags(scan, flags, start);
    }
    if ((flags & WORD_POLITE) != 0) {
        scan->after_polite = begins ? (uint16_t)(index + 1) : NO_WORD;
    }
    scan->follow = (uint16_t)(index + FOLLOW_REACH);
    if (LIKELY(hit_fits(scan, start))) {
        struct word_hit *hit = &f->hits[f->hit_count++];
        hit->word = id;
        hit->index = (uint16_t)index;
        hit->offset = (uint16_t)start;
        hit->place = place;
    }
}

static ALWAYS void word_scan(struct text_scan *scan, const struct block *block, unsigned start,
                             unsigned end, uint64_t begins, const struct scan_kind *kind)
{
    const char *word = scan->features->sample + block->base + start;
    if (UNLIKELY(vocabulary_may_have(scan->vocabulary, kind->word_low(word, end - start)))) {
        unsigned before = bits_count(block->ends & bits_below(start));
        word_known(scan, block, block->base + start, end - start,
                   (uint16_t)(scan->word_index + before), (begins >> start & 1u) != 0);
    }
}

/* The words that begin a sentence. A carry that starts at a sentence's end runs up through the gap
   between two words (all ones in ~word) and comes out at the next word's first bit. */
static ALWAYS uint64_t sentence_starts(struct text_scan *scan, const struct block *block)
{
    if (block->stops == 0 && !scan->sentence_open) {
        return 0;
    }
    uint64_t gap = ~block->masks.word;
    uint64_t sum;
    bool carry = __builtin_add_overflow(gap, (block->stops & gap), &sum);
    uint64_t with = sum + (uint64_t)scan->sentence_open;
    carry |= with < sum;
    scan->sentence_open = carry || (scan->sentence_open && block->masks.word == 0);
    return with & block->masks.word;
}

/* Which words are looked up? All of them near the ends of the text, where the request is; in the
   middle those that begin a sentence; inside a fence none, for they belong to the material. */
static ALWAYS uint64_t wanted_starts(const struct text_scan *scan, const struct block *block,
                                     uint64_t begins)
{
    if (scan->fenced && (block->masks.quote == 0 ||
                         memchr(scan->features->sample + block->base, '`', SCAN_BLOCK) == NULL)) {
        return 0;
    }
    return scan->in_middle ? begins : UINT64_MAX;
}

/* The word that was open at the block's start, if it is to be looked up. */
static SELDOM void block_word_over(struct text_scan *scan, const struct block *block)
{
    if (scan->word_wanted) {
        size_t end = block->base + bits_first(block->ends);
        size_t len = end - scan->word_start;
        uint64_t low = word_low_of(scan->features->sample + scan->word_start, len);
        if (vocabulary_may_have(scan->vocabulary, low)) {
            word_known(scan, block, scan->word_start, len, scan->word_index, scan->word_begins);
        }
    }
}

static ALWAYS void block_words(struct text_scan *scan, const struct block *block,
                               const struct scan_kind *kind)
{
    uint64_t begins = sentence_starts(scan, block);
    uint64_t wanted = wanted_starts(scan, block, begins);
    uint64_t starts = block->starts;
    uint64_t ends = block->ends;
    if (scan->word_open && ends != 0) {
        block_word_over(scan, block);
        ends &= ends - 1;
    }
    if (wanted != UINT64_MAX) {
        /* the ends of the words that are wanted: a carry runs through each from its start */
        starts &= wanted;
        ends &= block->masks.word + starts;
    }
    for (; ends != 0; starts &= starts - 1, ends &= ends - 1) {
        word_scan(scan, block, bits_first(starts), bits_first(ends), begins, kind);
    }
    scan->word_open = block->masks.word >> 63 != 0;
    if (scan->word_open && block->starts != 0) {
        unsigned last = bits_last(block->starts);
        scan->word_start = block->base + last;
        scan->word_begins = (begins >> last & 1u) != 0;
        scan->word_wanted = (wanted >> last & 1u) != 0;
    }
}

/* --- lines --- */

static ALWAYS void block_lines(struct text_scan *scan, const struct block *block)
{
    uint64_t newlines = block->masks.newline;
    uint64_t rest = UINT64_MAX;
    scan->counts.newlines += bits_count(newlines);
    while (newlines != 0) {
        unsigned bit = bits_first(newlines);
        scan->line_marks += bits_count(block->masks.code & rest & bits_below(bit));
        scan->line_formulas += bits_count(block->masks.formula & rest & bits_below(bit));
        scan->line_quotes |= (block->masks.quote & rest & bits_below(bit)) != 0;
        line_end(scan, block->base + bit);
        rest = ~bits_below(bit);
        newlines &= newlines - 1;
    }
    scan->line_quotes |= (block->masks.quote & rest) != 0;
    scan->line_marks += bits_count(block->masks.code & rest);
    scan->line_formulas += bits_count(block->masks.formula & rest);
}

static void scan_begin(struct text_scan *scan, size_t start, size_t end, uint8_t region)
{
    scan->region = region;
    scan->start = start;
    scan->end = end;
    scan->word_open = false;
    scan->word_end = start;
    scan->sentence_open = true;
    scan->last_clause = start;
    scan->after_polite = NO_WORD;
    scan->quoted = false;
    scan->negation = 0;
    scan->begin = 0;
    scan->refused = false;
    scan->follow = 0;
    scan->pending_stop = 0;
    scan->sentence_commas = 0;
    scan->after_colon = false;
    scan->line_start = start;
    scan->line_hits = scan->features->hit_count;
    scan->line_marks = 0;
    scan->line_formulas = 0;
    scan->line_quotes = false;
    scan->fenced = false;
    scan->last_line_code = false;
}

static bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || (unsigned)(c - 'a') < 26 || (unsigned)(c - '0') < 10 || c == '_';
}

/* Passes over a block, but for what the next one must know. */
static ALWAYS void block_skip(struct text_scan *scan, size_t base)
{
    struct features *f = scan->features;
    scan->word_open = is_word_byte((unsigned char)f->sample[base + SCAN_BLOCK - 1]);
    scan->word_wanted = false;
    scan->sentence_open = false;
    if (scan->pending_stop != 0 && scan->region == 0) {
        f->last_sentence = (uint32_t)scan->pending_stop;
        scan->pending_stop = 0;
    }
    f->quoted_bytes += scan->quoted ? SCAN_BLOCK : 0;
    scan->word_index = (uint16_t)(scan->word_index + WORDS_PER_BLOCK);
    scan->blocks_skipped++;
}

static ALWAYS void block_whole(struct text_scan *scan, size_t base, const struct scan_kind *kind)
{
    UNINITIALIZED struct block block;
    block_load(scan, base, &block, kind);
    const struct block_masks *m = &block.masks;
    block_count(scan, &block);
    block_words(scan, &block, kind);
    block_sentences(scan, &block);
    if ((m->newline | m->rare) != 0) {
        block_lines(scan, &block);
    }
    block_finish(scan, &block);
}

/* In the middle of a long text a block is read if it is one in SAMPLE_EVERY, or if there is
   something in it that what follows depends on. */
static ALWAYS void blocks_scan(struct text_scan *scan, const struct scan_kind *kind)
{
    size_t middle = scan->start + HEAD_BYTES;
    size_t tail =
        scan->end - scan->start < HEAD_BYTES + TAIL_BYTES ? middle : scan->end - TAIL_BYTES;
    for (size_t base = scan->start; base < scan->end; base += SCAN_BLOCK) {
        scan->in_middle = base >= middle && base + SCAN_BLOCK <= tail;
        if (scan->in_middle && (base - middle) / SCAN_BLOCK % SAMPLE_EVERY != 0 &&
            !kind->matters(scan->features->sample + base)) {
            block_skip(scan, base);
        } else {
            block_whole(scan, base, kind);
        }
    }
}

#ifdef SCAN_HAS_VECTORS

/* Words of more than 31 bytes come out as something else, which no rule knows either. */
static inline SCAN_WIDE uint64_t word_low_wide(const char *word, size_t len)
{
    uint64_t low;
    memcpy(&low, word, 8);
    return _bzhi_u64(low, (unsigned)len * 8);
}

static SCAN_WIDE void blocks_scan_wide(struct text_scan *scan)
{
    static const struct scan_kind wide = {block_masks_avx2, block_matters_avx2, word_low_wide};
    blocks_scan(scan, &wide);
}

static void blocks_scan_any(struct text_scan *scan)
{
    if (scan_is_wide()) {
        blocks_scan_wide(scan);
    } else {
        static const struct scan_kind narrow = {block_masks_sse2, block_matters_sse2, word_low_of};
        blocks_scan(scan, &narrow);
    }
}

#else

static bool block_matters(char *block)
{
    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        if (block[i] == '\n' || block[i] == '?' || block[i] == '"' || block[i] == '`') {
            return true;
        }
    }
    struct block_masks masks;
    block_scan_portable(block, &masks);
    return false;
}

static void block_masks_portable(char *block, uint64_t inside, struct block_masks *masks)
{
    UNINITIALIZED char copy[SCAN_BLOCK];
    memcpy(copy, block, SCAN_BLOCK);
    block_scan_portable(copy, masks);
    masks_clip(masks, inside);
    for (uint64_t rest = masks->upper; rest != 0; rest &= rest - 1) {
        block[bits_first(rest)] |= 0x20;
    }
}

static void blocks_scan_any(struct text_scan *scan)
{
    static const struct scan_kind portable = {block_masks_portable, block_matters, word_low_of};
    blocks_scan(scan, &portable);
}

#endif

/* A word that ends where the region does, at the end of a block. */
static SELDOM void last_word(struct text_scan *scan)
{
    struct block nothing = {.base = scan->end, .ends = 1};
    block_word_over(scan, &nothing);
    scan->word_index++;
}

void text_scan_region(struct text_scan *scan, size_t start, size_t end, uint8_t region)
{
    uint16_t index_before = scan->word_index;
    size_t skipped_before = scan->blocks_skipped;
    scan_begin(scan, start, end, region);
    blocks_scan_any(scan);
    if (scan->word_open) {
        last_word(scan);
    }
    line_end(scan, end);
    if (scan->after_colon && scan->sentence_commas > scan->features->list_commas) {
        scan->features->list_commas = scan->sentence_commas;
    }
    scan->counts.bytes += end - start;
    size_t skipped = scan->blocks_skipped - skipped_before;
    scan->counts.words +=
        (size_t)(uint16_t)(scan->word_index - index_before) - skipped * WORDS_PER_BLOCK;
    /* what was passed over is estimated, like what is beyond the sample */
    scan->features->sampled_bytes -= skipped * SCAN_BLOCK;
    scan->word_index =
        (uint16_t)(scan->word_index + 16); /* no phrase reaches into the next region */
}

void text_scan_init(struct text_scan *scan, struct features *features)
{
    *scan = (struct text_scan){.features = features, .vocabulary = vocabulary_get()};
}

static uint32_t flag_count(const struct text_scan *scan, unsigned flag)
{
    return scan->flag_counts[__builtin_ctz(flag)];
}

/* What was counted stands for the blocks that were passed over too. */
static void counts_stretch(struct text_scan *scan)
{
    struct features *f = scan->features;
    size_t read = scan->counts.bytes - scan->blocks_skipped * SCAN_BLOCK;
    f->sentences = (uint32_t)(f->sentences * scan->counts.bytes / read);
    f->digits = (uint32_t)(f->digits * scan->counts.bytes / read);
    f->numbers = (uint32_t)(f->numbers * scan->counts.bytes / read);
}

void text_scan_finish(struct text_scan *scan)
{
    struct features *f = scan->features;
    f->words = (uint32_t)(scan->counts.words + scan->blocks_skipped * WORDS_PER_BLOCK);
    if (scan->blocks_skipped > 0) {
        counts_stretch(scan);
    }
    f->constraints = flag_count(scan, WORD_CONSTRAINT);
    f->steps = flag_count(scan, WORD_STEP);
    f->reasoning_words = flag_count(scan, WORD_REASONING);
    f->science_words = flag_count(scan, WORD_SCIENCE);
    f->math_words = flag_count(scan, WORD_MATH);
    f->number_words = flag_count(scan, WORD_NUMBER);
    f->quantity_words = flag_count(scan, WORD_QUANTITY);
    f->english_words = flag_count(scan, WORD_ENGLISH);
    f->code_words += flag_count(scan, WORD_CODE) + 3 * flag_count(scan, WORD_CODE_STRONG);
}
