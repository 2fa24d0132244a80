/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words and their places. Blocks of 64 bytes become bit masks; the starts and ends of words are
 * bits, so the loop over words has no branch per byte. A known word (a hit) looks at the masks for
 * what surrounds it: punctuation since the word before, open quotes, a negation in the same clause.
 */
#include "route/text.h"

#define NEGATION_REACH 4 /* words */
/* The last hits are kept for the end of the text, where the request often stands. */
#define HITS_ANYWHERE (FEATURES_HITS_MAX - 64)
#define TEXT_END 700
#define HEAD_BYTES 448 /* in which every word is looked up */
#define TAIL_BYTES 320
/* Words after a kept one within which the frequent ones (to, in, are) are kept too: they may go on
 * a phrase. */
#define FOLLOW_REACH 2
#define FILE_NAME_POINTS 3 /* "main.py" says as much as a word that only programmers use */

struct block {
    size_t base;
    struct block_masks masks;
    uint64_t stops; /* ends of sentences: . ! ? : before a blank, and newlines */
    uint64_t clauses;
};

static uint64_t region_mask(const struct text_scan *scan, size_t base)
{
    size_t left = scan->end - base;
    return left >= SCAN_BLOCK ? UINT64_MAX : bits_below((unsigned)left);
}

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

static void block_load(const struct text_scan *scan, size_t base, struct block *block)
{
    struct block_masks *m = &block->masks;
    char *text = scan->features->sample + base;
    block->base = base;
    if (base + SCAN_BLOCK <= scan->end) {
        block_scan(text, m);
    } else {
        /* The next region's first bytes may stand behind this one: they keep their case. */
        char copy[SCAN_BLOCK];
        memcpy(copy, text, SCAN_BLOCK);
        block_scan(copy, m);
        memcpy(text, copy, scan->end - base);
        masks_clip(m, region_mask(scan, base));
    }
    unsigned char after = (unsigned char)text[SCAN_BLOCK];
    bool blank_after = base + SCAN_BLOCK >= scan->end || after <= ' ';
    uint64_t blank = ~(m->word | m->code | m->arithmetic | m->comma | m->stop);
    uint64_t before_blank = blank >> 1 | (uint64_t)blank_after << 63;
    block->stops = (m->stop & before_blank) | m->newline;
    block->clauses = block->stops | m->comma;
}

/* --- counts --- */

/* Between numbers or names: not every hyphen is a minus. */
static uint64_t operators_of(const struct block_masks *m)
{
    uint64_t spaced = m->space << 1 & m->space >> 1;
    uint64_t digits = m->digit << 1 | m->digit >> 1;
    return m->arithmetic & (spaced | digits);
}

static void block_count(struct text_scan *scan, const struct block *block)
{
    struct features *f = scan->features;
    const struct block_masks *m = &block->masks;
    uint64_t inside = region_mask(scan, block->base);
    scan->counts.letters += bits_count(m->word & ~m->digit & ~m->high);
    scan->counts.marks += bits_count(inside & ~(m->word | m->space | m->newline));
    if (m->newline != 0) {
        scan->counts.newlines += bits_count(m->newline);
    }
    if (m->digit != 0) {
        scan->counts.digits += bits_count(m->digit);
        f->digits += bits_count(m->digit);
        f->numbers += bits_count(m->digit & ~(m->word << 1));
    }
    if (m->high != 0) {
        scan->counts.high += bits_count(m->high);
    }
    if (m->arithmetic != 0) {
        f->operators += bits_count(operators_of(m));
    }
    f->sentences += bits_count(m->stop & block->stops);
    /* fooBar, foo_bar, foo(: names that only programs have */
    uint64_t names = (m->word & ~m->upper & ~m->digit & ~m->high) << 1 & m->upper;
    names |= m->underscore & m->word << 1 & m->word >> 1;
    names |= m->call & m->word << 1;
    if (names != 0) {
        f->code_words += bits_count(names);
    }
}

/* "Which of these are planets: Mars, Sun, Pluto": the commas of what a colon or a question mark
 * announces. */
static void block_lists(struct text_scan *scan, const struct block *block)
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
    scan->sentence_commas += commas == 0 ? 0 : bits_count(commas);
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
static void note_last_sentence(struct text_scan *scan, const struct block *block)
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

static void block_finish(struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    if ((m->quote | m->newline) != 0) {
        scan->quoted = open_at(m->quote, m->newline, 63, scan->quoted) != (m->quote >> 63 != 0);
    }
    if (scan->quoted) {
        scan->features->quoted_bytes += SCAN_BLOCK;
    }
    note_last_sentence(scan, block);
    if (block->clauses != 0) {
        scan->last_clause = block->base + bits_last(block->clauses) + 1;
    }
}

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

static void note_negation(struct text_scan *scan, uint16_t flags, size_t start, size_t len)
{
    const char *sample = scan->features->sample;
    if ((flags & WORD_NEGATION) == 0) {
        return;
    }
    if (len == 3 && memcmp(sample + start, "not", 3) == 0 && is_description(sample, start)) {
        return;
    }
    scan->negation = (uint16_t)(scan->word_index + 1);
    scan->negation_offset = start;
}

static bool is_negated(const struct text_scan *scan, size_t clause)
{
    return scan->negation != 0 && clause <= scan->negation_offset &&
           scan->word_index + 1 - scan->negation <= NEGATION_REACH &&
           scan->word_index + 1 != scan->negation;
}

static void count_flags(struct text_scan *scan, unsigned flags, size_t start)
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

static uint8_t place_of(const struct text_scan *scan, const struct block *block, unsigned bit)
{
    const struct block_masks *m = &block->masks;
    size_t clause = break_before(block, block->clauses, bit, scan->last_clause);
    uint8_t place = scan->region;
    place |= scan->at_start ? PLACE_START : 0;
    place |= clause >= scan->word_end ? PLACE_CLAUSE : 0;
    place |= is_negated(scan, clause) ? PLACE_NEGATED : 0;
    if ((scan->quoted || m->quote != 0) && open_at(m->quote, m->newline, bit, scan->quoted)) {
        place |= PLACE_QUOTED;
    }
    return place;
}

static void hit_add(struct text_scan *scan, const struct block *block, uint16_t word, size_t start,
                    size_t len)
{
    struct features *f = scan->features;
    uint16_t flags = scan->vocabulary->flags[word];
    unsigned bit = start > block->base ? (unsigned)(start - block->base) : 0;
    uint8_t place = place_of(scan, block, bit);
    note_negation(scan, flags, start, len);
    count_flags(scan, flags, start);
    scan->follow = (uint16_t)(scan->word_index + FOLLOW_REACH);
    if (hit_fits(scan, start)) {
        f->hits[f->hit_count++] = (struct word_hit){
            .word = word, .index = scan->word_index, .offset = (uint16_t)start, .place = place};
    }
}

/* --- words --- */

/* A word that the vocabulary (almost certainly) has. Polite words leave the start of a sentence
 * where it is. */
static void word_known(struct text_scan *scan, const struct block *block, size_t start, size_t len,
                       struct word_key key, uint64_t hash)
{
    uint16_t word = vocabulary_find(scan->vocabulary, key, hash);
    uint16_t flags = 0;
    if (word != WORD_UNKNOWN) {
        flags = scan->vocabulary->flags[word];
        hit_add(scan, block, word, start, len);
    }
    scan->at_start = scan->at_start && (flags & WORD_POLITE) != 0;
}

/* The words that begin a sentence. A carry that starts at a sentence's end runs up through the gap
   between two words (all ones in ~word) and comes out at the next word's first bit. */
static uint64_t sentence_starts(struct text_scan *scan, const struct block *block)
{
    uint64_t gap = ~block->masks.word;
    uint64_t sum;
    bool carry = __builtin_add_overflow(gap, (block->stops & gap), &sum);
    uint64_t with = sum + (uint64_t)scan->sentence_open;
    carry |= with < sum;
    scan->sentence_open = carry || (scan->sentence_open && block->masks.word == 0);
    return with & block->masks.word;
}

/* One word; the state that changes with every word is kept in registers and written back only where
 * somebody looks. */
struct word_state {
    size_t end;
    uint16_t index;
    bool at_start;
};

static inline void word_scan(struct text_scan *scan, const struct block *block, size_t start,
                             size_t end, bool begins, struct word_state *state)
{
    struct word_key key = word_key_of(scan->features->sample + start, end - start);
    uint64_t hash = word_key_hash(key);
    bool at_start = state->at_start | begins;
    bool near = at_start | (state->index <= scan->follow);
    state->at_start = false;
    if (vocabulary_may_have(scan->vocabulary, hash, near)) {
        scan->at_start = at_start;
        scan->word_end = state->end;
        scan->word_index = state->index;
        word_known(scan, block, start, end - start, key, hash);
        state->at_start = scan->at_start;
    }
    state->end = end;
    state->index++;
}

static struct word_state word_state_load(const struct text_scan *scan)
{
    return (struct word_state){scan->word_end, scan->word_index, scan->at_start};
}

static void word_state_store(struct text_scan *scan, const struct word_state *state)
{
    scan->word_end = state->end;
    scan->word_index = state->index;
    scan->at_start = state->at_start;
}

/* Which words are looked up? All of them near the ends of the text, where the request is; in the
   middle those that begin a sentence; inside a fence none, for they belong to the material. */
static uint64_t wanted_starts(const struct text_scan *scan, const struct block *block,
                              uint64_t begins)
{
    if (scan->fenced && (block->masks.quote == 0 ||
                         memchr(scan->features->sample + block->base, '`', SCAN_BLOCK) == NULL)) {
        return 0;
    }
    bool middle = block->base > scan->start + HEAD_BYTES && block->base + TAIL_BYTES < scan->end;
    return middle ? begins : UINT64_MAX;
}

/* Passes over the words of a block but for those whose start is wanted. */
static void block_words_few(struct text_scan *scan, const struct block *block, uint64_t starts,
                            uint64_t ends, uint64_t wanted, struct word_state *state)
{
    uint16_t index = state->index;
    for (uint64_t rest = starts & wanted; rest != 0; rest &= rest - 1) {
        unsigned start = bits_first(rest);
        uint64_t after = ends & ~bits_below(start);
        if (after != 0) {
            state->index = (uint16_t)(index + bits_count(starts & bits_below(start)));
            word_scan(scan, block, block->base + start, block->base + bits_first(after), true,
                      state);
        }
    }
    state->index = (uint16_t)(index + bits_count(ends));
    state->end = ends == 0 ? state->end : block->base + bits_last(ends);
    state->at_start = false;
}

static void block_words(struct text_scan *scan, const struct block *block)
{
    uint64_t word = block->masks.word;
    uint64_t starts = word & ~(word << 1 | (uint64_t)scan->word_open);
    uint64_t ends = ~word & (word << 1 | (uint64_t)scan->word_open);
    uint64_t begins = sentence_starts(scan, block);
    uint64_t wanted = wanted_starts(scan, block, begins);
    struct word_state state = word_state_load(scan);
    if (scan->word_open && ends != 0) {
        size_t end = block->base + bits_first(ends);
        word_scan(scan, block, scan->word_start, end, scan->word_begins, &state);
        ends &= ends - 1;
        scan->word_open = false;
    }
    if (wanted != UINT64_MAX) {
        block_words_few(scan, block, starts, ends, wanted, &state);
        uint64_t closed = starts & (ends == 0 ? 0 : bits_below(bits_last(ends)));
        starts &= ~closed;
        ends = 0;
    }
    while (ends != 0) {
        unsigned start = bits_first(starts);
        bool begin = (begins >> start & 1u) != 0;
        word_scan(scan, block, block->base + start, block->base + bits_first(ends), begin, &state);
        starts &= starts - 1;
        ends &= ends - 1;
    }
    if (starts != 0) {
        scan->word_open = true;
        scan->word_start = block->base + bits_first(starts);
        scan->word_begins = (begins >> bits_first(starts) & 1u) != 0;
    }
    word_state_store(scan, &state);
}

/* --- lines --- */

static void block_lines(struct text_scan *scan, const struct block *block)
{
    uint64_t newlines = block->masks.newline;
    uint64_t rest = UINT64_MAX;
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
    if (block->masks.code != 0) {
        scan->line_marks += bits_count(block->masks.code & rest);
    }
    if (block->masks.formula != 0) {
        scan->line_formulas += bits_count(block->masks.formula & rest);
    }
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
    scan->at_start = true;
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

void text_scan_region(struct text_scan *scan, size_t start, size_t end, uint8_t region)
{
    uint16_t index_before = scan->word_index;
    scan_begin(scan, start, end, region);
    for (size_t base = start; base < end; base += SCAN_BLOCK) {
        UNINITIALIZED struct block block;
        block_load(scan, base, &block);
        block_count(scan, &block);
        block_words(scan, &block);
        block_lists(scan, &block);
        block_lines(scan, &block);
        block_finish(scan, &block);
    }
    if (scan->word_open) {
        struct block nothing = {.base = end};
        struct word_state state = word_state_load(scan);
        word_scan(scan, &nothing, scan->word_start, end, scan->word_begins, &state);
        word_state_store(scan, &state);
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
