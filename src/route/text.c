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
#define TAIL_BYTES 192
/* Words after a kept one within which the frequent ones (to, in, are) are kept too: they may go on
 * a phrase. */
#define FOLLOW_REACH 2
#define FILE_NAME_POINTS 3 /* "main.py" says as much as a word that only programmers use */

struct block {
    size_t base;
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

typedef void (*masks_function)(char *block, struct block_masks *masks);

static void masks_clip(struct block_masks *m, uint64_t inside)
{
    m->word &= inside;
    m->upper &= inside;
    m->digit &= inside;
    m->high &= inside;
    m->space &= inside;
    m->newline &= inside;
    m->stop &= inside;
    m->comma &= inside;
    m->quote &= inside;
    m->code &= inside;
    m->formula &= inside;
    m->arithmetic &= inside;
    m->underscore &= inside;
    m->call &= inside;
}

/* The next region's first bytes may stand behind this one: they keep their case. */
static SELDOM void masks_of_part(char *text, size_t len, struct block_masks *m)
{
    UNINITIALIZED char copy[SCAN_BLOCK];
    memcpy(copy, text, SCAN_BLOCK);
    block_scan(copy, m);
    memcpy(text, copy, len);
    masks_clip(m, bits_below((unsigned)len));
}

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
                              masks_function masks)
{
    struct block_masks *m = &block->masks;
    char *text = scan->features->sample + base;
    block->base = base;
    if (base + SCAN_BLOCK <= scan->end) {
        masks(text, m);
    } else {
        masks_of_part(text, scan->end - base, m);
    }
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

static SELDOM void count_digits(struct text_scan *scan, const struct block_masks *m)
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
    size_t left = scan->end - block->base;
    uint64_t inside = left >= SCAN_BLOCK ? UINT64_MAX : bits_below((unsigned)left);
    scan->counts.letters += bits_count(m->word);
    scan->counts.marks += bits_count(inside & ~(m->word | m->space | m->newline));
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
static SELDOM void block_lists(struct text_scan *scan, const struct block *block)
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
        block_lists(scan, block);
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
static SELDOM void note_last_sentence(struct text_scan *scan, const struct block *block)
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

/* A word that rules or features know. */
struct known_word {
    size_t start;
    size_t len;
    uint16_t index;
    bool begins; /* a sentence, polite words aside */
};

/* Offset after the last of `breaks` before `bit`, else what it was at the block's start. */
static size_t break_before(const struct block *block, uint64_t breaks, unsigned bit, size_t earlier)
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

static SELDOM void note_negation(struct text_scan *scan, const struct known_word *word)
{
    const char *sample = scan->features->sample;
    size_t start = word->start;
    if (word->len == 3 && memcmp(sample + start, "not", 3) == 0 && is_description(sample, start)) {
        return;
    }
    scan->negation = (uint16_t)(word->index + 1);
    scan->negation_offset = start;
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

static uint8_t place_of(const struct text_scan *scan, const struct block *block,
                        const struct known_word *word)
{
    const struct block_masks *m = &block->masks;
    unsigned bit = word->start > block->base ? (unsigned)(word->start - block->base) : 0;
    size_t clause = break_before(block, block->clauses, bit, scan->last_clause);
    uint64_t ends = block->ends & bits_below(bit);
    size_t word_end = ends == 0 ? scan->word_end : block->base + bits_last(ends);
    uint8_t place = scan->region;
    place |= word->begins ? PLACE_START : 0;
    place |= clause >= word_end ? PLACE_CLAUSE : 0;
    place |= is_negated(scan, clause, word->index) ? PLACE_NEGATED : 0;
    if ((scan->quoted || m->quote != 0) && open_at(m->quote, m->newline, bit, scan->quoted)) {
        place |= PLACE_QUOTED;
    }
    return place;
}

static void hit_add(struct text_scan *scan, const struct block *block, uint16_t id,
                    const struct known_word *word)
{
    struct features *f = scan->features;
    unsigned flags = scan->vocabulary->flags[id];
    uint8_t place = place_of(scan, block, word);
    if ((flags & WORD_NEGATION) != 0) {
        note_negation(scan, word);
    }
    if ((flags & (WORDS_COUNTED | WORD_OR | WORD_AFTER_DOT)) != 0) {
        count_flags(scan, flags, word->start);
    }
    if ((flags & WORD_POLITE) != 0) {
        scan->after_polite = word->begins ? (uint16_t)(word->index + 1) : 0;
    }
    scan->follow = (uint16_t)(word->index + FOLLOW_REACH);
    if (hit_fits(scan, word->start)) {
        f->hits[f->hit_count++] = (struct word_hit){
            .word = id, .index = word->index, .offset = (uint16_t)word->start, .place = place};
    }
}

/* --- words --- */

/* A word that the vocabulary's filter lets pass. Polite words leave the start of a sentence where
 * it is. */
static SELDOM void word_known(struct text_scan *scan, const struct block *block, size_t start,
                              size_t end, bool begins)
{
    unsigned bit = start > block->base ? (unsigned)(start - block->base) : 0;
    unsigned before = bits_count(block->ends & bits_below(bit));
    struct known_word word = {.start = start,
                              .len = end - start,
                              .index = (uint16_t)(scan->word_index + before),
                              .begins = begins};
    struct word_key key = word_key_of(scan->features->sample + start, end - start);
    word.begins |= scan->after_polite != 0 && scan->after_polite == word.index;
    bool near = word.begins || word.index <= scan->follow;
    if (!near && !vocabulary_may_have(scan->vocabulary, key.low, false)) {
        return;
    }
    uint16_t id = vocabulary_find(scan->vocabulary, key, word_key_hash(key));
    if (id != WORD_UNKNOWN && (near || (scan->vocabulary->flags[id] & WORD_AT_START) == 0)) {
        hit_add(scan, block, id, &word);
    }
}

static ALWAYS void word_scan(struct text_scan *scan, const struct block *block, size_t start,
                             size_t end, bool begins)
{
    uint64_t low = word_low_of(scan->features->sample + start, end - start);
    if (vocabulary_may_have(scan->vocabulary, low, true)) {
        word_known(scan, block, start, end, begins);
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
    bool middle = block->base > scan->start + HEAD_BYTES && block->base + TAIL_BYTES < scan->end;
    return middle ? begins : UINT64_MAX;
}

/* Looks up those words of a block whose start is wanted. */
static SELDOM void block_words_few(struct text_scan *scan, const struct block *block,
                                   uint64_t wanted, uint64_t begins)
{
    for (uint64_t rest = block->starts & wanted; rest != 0; rest &= rest - 1) {
        unsigned start = bits_first(rest);
        uint64_t after = block->ends & ~bits_below(start);
        if (after != 0) {
            word_scan(scan, block, block->base + start, block->base + bits_first(after),
                      (begins >> start & 1u) != 0);
        }
    }
}

/* The word that was open at the block's start, if it is to be looked up. */
static SELDOM void block_word_over(struct text_scan *scan, const struct block *block)
{
    word_scan(scan, block, scan->word_start, block->base + bits_first(block->ends),
              scan->word_begins);
}

static ALWAYS void block_words(struct text_scan *scan, const struct block *block)
{
    uint64_t begins = sentence_starts(scan, block);
    uint64_t wanted = wanted_starts(scan, block, begins);
    uint64_t starts = block->starts;
    uint64_t ends = block->ends;
    if (scan->word_open && ends != 0) {
        if (scan->word_wanted) {
            block_word_over(scan, block);
        }
        ends &= ends - 1;
    }
    if (wanted == UINT64_MAX) {
        for (; ends != 0; starts &= starts - 1, ends &= ends - 1) {
            unsigned start = bits_first(starts);
            word_scan(scan, block, block->base + start, block->base + bits_first(ends),
                      (begins >> start & 1u) != 0);
        }
    } else if ((starts & wanted) != 0) {
        block_words_few(scan, block, wanted, begins);
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

static SELDOM void block_lines(struct text_scan *scan, const struct block *block)
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
    scan->after_polite = 0;
    scan->quoted = false;
    scan->negation = 0;
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

static ALWAYS void blocks_scan(struct text_scan *scan, masks_function masks)
{
    for (size_t base = scan->start; base < scan->end; base += SCAN_BLOCK) {
        UNINITIALIZED struct block block;
        block_load(scan, base, &block, masks);
        const struct block_masks *m = &block.masks;
        block_count(scan, &block);
        block_words(scan, &block);
        block_sentences(scan, &block);
        if ((m->newline | m->quote | m->code | m->formula) != 0) {
            block_lines(scan, &block);
        }
        block_finish(scan, &block);
    }
}

#ifdef SCAN_HAS_VECTORS

static SCAN_WIDE void blocks_scan_wide(struct text_scan *scan)
{
    blocks_scan(scan, block_masks_avx2);
}

static void blocks_scan_any(struct text_scan *scan)
{
    if (scan_is_wide()) {
        blocks_scan_wide(scan);
    } else {
        blocks_scan(scan, block_masks_sse2);
    }
}

#else

static void blocks_scan_any(struct text_scan *scan)
{
    blocks_scan(scan, block_scan);
}

#endif

/* A word that ends where the region does, at the end of a block. */
static SELDOM void last_word(struct text_scan *scan)
{
    struct block nothing = {.base = scan->end, .ends = 1};
    if (scan->word_wanted) {
        block_word_over(scan, &nothing);
    }
    scan->word_index++;
}

void text_scan_region(struct text_scan *scan, size_t start, size_t end, uint8_t region)
{
    uint16_t index_before = scan->word_index;
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
    scan->counts.words += (size_t)(scan->word_index - index_before);
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

void text_scan_finish(struct text_scan *scan)
{
    struct features *f = scan->features;
    f->words = (uint32_t)scan->counts.words;
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
