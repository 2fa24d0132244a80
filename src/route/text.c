/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words and their places. Blocks of up to 64 bytes become bit masks; the starts and ends of words
 * are bits, so the loop over words has no branch per byte. A block ends where its last word begins,
 * if that goes on: no word is cut. Known words (hits) are gathered first; then the masks tell what
 * surrounds each one: punctuation since the word before, open quotes, a negation in the same
 * clause.
 */
#include "route/text.h"

#include "route/scan_vector.h"

#define NEGATION_REACH 4 /* words */
/* The last hits are kept for the end of the text, where the request often stands. */
#define HITS_ANYWHERE (FEATURES_HITS_MAX - 64)
#define TEXT_END 700
#define HEAD_BYTES 192 /* in which every word is looked up */
#define TAIL_BYTES 160
#define SYSTEM_TAIL_BYTES 128
#define SKIP_BYTES 960 /* between two blocks of the middle that are read */
#define WORDS_PER_BLOCK 10
/* Words after a kept one within which the frequent ones (to, in, are) are kept too: they may go on
 * a phrase. */
#define FOLLOW_REACH 2
#define PHRASE_REACH 4     /* no word of a phrase stands further from the one before */
#define FILE_NAME_POINTS 3 /* "main.py" says as much as a word that only programmers use */
#define BLOCK_WORDS_MAX (SCAN_BLOCK / 2 + 1) /* and a free place behind them */

struct block {
    size_t base;
    uint64_t inside; /* the part of it that is looked at */
    struct block_masks masks;
    bool marked;       /* masks.of is filled in */
    uint64_t stops;    /* ends of sentences: . ! ? : before a blank */
    uint64_t commas;   /* , ; */
    uint64_t newlines; /* end sentences too */
    uint64_t quotes;
    uint64_t starts; /* of words */
    uint64_t ends;
    uint64_t sentence_starts; /* words that begin a sentence */
    uint64_t clause_starts;
};

/* A word of a block that the vocabulary may know. */
struct candidate {
    uint16_t slot; /* of the vocabulary */
    uint8_t start; /* in the block */
    uint8_t len;
};

/* What most blocks do not need is done in functions of its own, so that the loop over blocks stays
   short. */
#define SELDOM __attribute__((noinline))
#define ALWAYS inline __attribute__((always_inline))

/* What is written per kind of vector; constant where it is used, so all of it is inlined. */
struct scan_kind {
    bool (*masks)(char *block, uint64_t inside, struct block_masks *masks);
    size_t (*find)(const char *text, size_t len);
    uint64_t (*word_low)(const char *word, size_t len);
    void (*hits)(struct text_scan *scan, const struct block *block,
                 const struct candidate *candidates, size_t count);
};

static ALWAYS uint64_t code_of(const struct block_masks *m)
{
    return m->of[MARK_OPEN] | m->of[MARK_BRACKET] | m->of[MARK_COMPARE] | m->of[MARK_SEMICOLON];
}

/* fooBar: names that only programs have. */
static ALWAYS void count_humps(struct text_scan *scan, const struct block_masks *m)
{
    uint64_t humps = (m->word & ~m->upper & ~m->digit & ~m->high) << 1 & m->upper;
    if (humps != 0) {
        scan->features->code_words += bits_count(humps);
    }
}

/* Leaves a last word that may go on to the next block. Returns the size of what remains. */
static ALWAYS unsigned block_cut(struct text_scan *scan, struct block *block)
{
    struct block_masks *m = &block->masks;
    unsigned last = block->starts == 0 ? 0 : bits_last(block->starts);
    if (last == 0) { /* a word as long as this is in no vocabulary */
        scan->word_open = true;
        block->starts = 0;
        return SCAN_BLOCK;
    }
    uint64_t kept = bits_below(last);
    block->inside = kept;
    block->starts &= kept;
    m->word &= kept;
    m->digit &= kept;
    m->high &= kept;
    return last;
}

/* Words with a bit of `breaks` between them and the word before; `open`: one stands before the
   block's first word, updated for the next block. A carry that starts at a break runs up through
   the gap between two words (all ones in ~word) and comes out at the next word's first bit. */
static ALWAYS uint64_t words_after(uint64_t breaks, uint64_t word, bool *open)
{
    if (breaks == 0 && !*open) {
        return 0;
    }
    uint64_t gap = ~word;
    uint64_t sum;
    bool carry = __builtin_add_overflow(gap, breaks, &sum);
    uint64_t with = sum + (uint64_t)*open;
    carry |= with < sum;
    *open = carry || (*open && word == 0);
    return with & word;
}

/* Returns the block's size: the next one begins there. */
static ALWAYS unsigned block_load(struct text_scan *scan, size_t base, struct block *block,
                                  const struct scan_kind *kind)
{
    struct block_masks *m = &block->masks;
    size_t left = scan->end - base;
    unsigned size = left >= SCAN_BLOCK ? SCAN_BLOCK : (unsigned)left;
    bool open = scan->word_open;
    block->base = base;
    block->inside = left >= SCAN_BLOCK ? UINT64_MAX : bits_below(size);
    block->marked = kind->masks(scan->features->sample + base, block->inside, m);
    if (m->upper != 0) {
        count_humps(scan, m);
    }
    block->starts = m->word & ~(m->word << 1 | (uint64_t)open);
    scan->word_open = false;
    if (m->word >> 63 != 0) {
        size = block_cut(scan, block);
    }
    block->ends = ~m->word & (m->word << 1 | (uint64_t)open);
    if (open && block->ends != 0) {
        block->ends &= block->ends - 1;
    }
    return size;
}

/* Ends of sentences: the stops before anything that is no word, bracket, sign, comma or stop. */
static ALWAYS uint64_t stops_of(const struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    uint64_t stops = m->of[MARK_DOT] | m->of[MARK_ASK];
    size_t next = block->base + SCAN_BLOCK;
    bool blank_after = next >= scan->end || (unsigned char)scan->features->sample[next] <= ' ';
    uint64_t solid = m->word | stops | block->commas | code_of(m) | m->of[MARK_SUM];
    return stops & (~solid >> 1 | (uint64_t)blank_after << 63);
}

/* Where sentences and clauses begin. */
static ALWAYS void block_breaks(struct text_scan *scan, struct block *block)
{
    const struct block_masks *m = &block->masks;
    uint64_t ends = 0;
    uint64_t clauses = 0;
    if (block->marked) {
        block->commas = m->of[MARK_COMMA] | m->of[MARK_SEMICOLON];
        block->newlines = m->of[MARK_NEWLINE];
        block->quotes = m->of[MARK_QUOTE];
        block->stops = stops_of(scan, block);
        ends = block->stops | block->newlines;
        clauses = ends | block->commas;
    } else {
        block->commas = block->newlines = block->quotes = block->stops = 0;
    }
    block->sentence_starts = words_after(ends, m->word, &scan->sentence_open);
    block->clause_starts = words_after(clauses, m->word, &scan->clause_open);
}

/* --- counts --- */

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

/* Between numbers or names: not every hyphen is a minus. */
static ALWAYS uint64_t operators_of(const struct block_masks *m)
{
    uint64_t spaced = m->space << 1 & m->space >> 1;
    uint64_t digits = m->digit << 1 | m->digit >> 1;
    return (m->of[MARK_SUM] | m->of[MARK_COMPARE]) & (spaced | digits);
}

/* foo_bar, foo(: more such names */
static ALWAYS uint64_t names_of(const struct block_masks *m)
{
    return (m->of[MARK_UNDERSCORE] & m->word << 1 & m->word >> 1) |
           (m->of[MARK_OPEN] & m->word << 1);
}

static ALWAYS void block_count(struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    scan->counts.letters += bits_count(m->word);
    if ((m->digit | m->high) != 0) {
        count_digits(scan, m);
    }
    if (block->marked) {
        scan->counts.marks += bits_count(m->marks & ~(m->of[MARK_NEWLINE] | m->of[MARK_BLANK]));
    }
}

/* "Which of these are planets: Mars, Sun, Pluto": the commas of what a colon or a question mark
 * announces. */
static ALWAYS void block_lists(struct text_scan *scan, const struct block *block)
{
    struct features *f = scan->features;
    uint64_t stops = block->stops;
    uint64_t commas = block->commas;
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
    uint64_t stops = block->stops;
    if (stops == 0) {
        scan->sentence_commas += bits_count(block->commas);
        return;
    }
    scan->features->sentences += bits_count(stops);
    if (scan->after_colon || (block->masks.of[MARK_ASK] & stops) != 0) {
        block_lists(scan, block);
    } else {
        /* full stops announce nothing */
        scan->sentence_commas = bits_count(block->commas & ~bits_below(bits_last(stops)));
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

/* Where the last sentence begins; 0 for the first one. */
static ALWAYS void note_last_sentence(struct text_scan *scan, const struct block *block)
{
    if (scan->region != 0 || block->sentence_starts == 0) {
        return;
    }
    unsigned last = bits_last(block->sentence_starts);
    if (scan->word_index > 0 || (block->starts & bits_below(last)) != 0) {
        scan->features->last_sentence = (uint32_t)(block->base + last);
    }
}

static ALWAYS void block_finish(struct text_scan *scan, const struct block *block, unsigned size)
{
    if ((block->quotes | block->newlines) != 0) {
        scan->quoted =
            open_at(block->quotes, block->newlines, 63, scan->quoted) != (block->quotes >> 63 != 0);
    }
    if (scan->quoted) {
        scan->features->quoted_bytes += size;
    }
    note_last_sentence(scan, block);
    if (block->clause_starts != 0) {
        scan->last_clause = block->base + bits_last(block->clause_starts);
    }
    scan->word_index = (uint16_t)(scan->word_index + bits_count(block->starts));
}

/* "does not work" describes, "do not summarize" tells: a bare "not" negates unless such a verb
 * stands before it. */
static bool is_description(const char *sample, size_t word_start)
{
    static const char verbs[][8] = {"is",   "are",   "was", "were", "does", "did", "can",   "could",
                                    "will", "would", "has", "have", "had",  "i'm", "should"};
    size_t end = word_start < 1 ? 0 : word_start - 1;
    size_t start = end;
    while (start > 0 && end - start < sizeof(verbs[0]) && sample[start - 1] != ' ') {
        start--;
    }
    uint64_t before = word_low_of(sample + start, end - start);
    for (size_t i = 0; i < ARRAY_LEN(verbs) && start > 0; i++) {
        if (memcmp(&before, verbs[i], sizeof(before)) == 0) {
            return true;
        }
    }
    return false;
}

/* A word that negates, at the start of a sentence or soon after: "do not X, Y", "no need to X, just
 * Y". The order comes after the comma, so a sentence begins there once more. */
static SELDOM void note_negation(struct text_scan *scan, size_t start, size_t len, unsigned index)
{
    const char *sample = scan->features->sample;
    scan->refused |= index - scan->begin <= 1;
    if (len == 3 && memcmp(sample + start, "not", 3) == 0 && is_description(sample, start)) {
        return;
    }
    scan->negation = (uint16_t)(index + 1);
    scan->negation_offset = start;
}

/* Within reach after a negating word, and in the same clause. */
static bool is_negated(struct text_scan *scan, const struct block *block, unsigned bit,
                       unsigned index)
{
    if (index + 1 - scan->negation > NEGATION_REACH) {
        scan->negation = 0; /* out of reach for all that follow */
        return false;
    }
    uint64_t begun = block->clause_starts & (bits_below(bit) << 1 | 1);
    size_t clause = begun == 0 ? scan->last_clause : block->base + bits_last(begun);
    return clause <= scan->negation_offset && index + 1 != scan->negation;
}

/* Is there more to a word's place than bits tell? */
static ALWAYS bool needs_attention(const struct text_scan *scan, const struct block *block)
{
    return scan->negation != 0 || scan->refused || scan->quoted || block->quotes != 0;
}

static SELDOM unsigned place_attend(struct text_scan *scan, const struct block *block, unsigned bit,
                                    unsigned index, unsigned place)
{
    if (scan->negation != 0 && is_negated(scan, block, bit, index)) {
        place |= PLACE_NEGATED;
    }
    if ((scan->quoted || block->quotes != 0) &&
        open_at(block->quotes, block->newlines, bit, scan->quoted)) {
        place |= PLACE_QUOTED;
    }
    if (scan->refused && (place & PLACE_CLAUSE) != 0) {
        scan->refused = false;
        place |= PLACE_START;
    }
    return place;
}

static SELDOM void count_file_name(struct features *f, size_t start)
{
    if (start >= 2 && f->sample[start - 1] == '.' && f->sample[start - 2] > ' ') {
        f->code_words += FILE_NAME_POINTS;
    }
}

static ALWAYS void count_flags(struct text_scan *scan, unsigned flags, size_t start)
{
    for (unsigned rest = flags & WORDS_COUNTED; rest != 0; rest &= rest - 1) {
        scan->flag_counts[__builtin_ctz(rest)]++;
    }
    if ((flags & WORD_OR) != 0) {
        scan->features->last_or = (uint32_t)start;
    } else if ((flags & WORD_AFTER_DOT) != 0) {
        count_file_name(scan->features, start);
    }
}

/* --- hits --- */

/* What words do whose flags are not 0, and those that begin a sentence. */
#define WORDS_SPECIAL (WORDS_COUNTED | WORD_OR | WORD_AFTER_DOT | WORD_NEGATION)

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

/* Polite words leave the start of a sentence where it is: the word after them begins it too. */
static ALWAYS uint64_t begins_after_polite(struct text_scan *scan, const struct block *block,
                                           unsigned bit)
{
    uint64_t after = block->starts & ~(bits_below(bit) << 1 | 1);
    scan->polite_open = after == 0;
    return after & (0 - after);
}

/* What a word does that begins a sentence. */
static ALWAYS void note_start(struct text_scan *scan, unsigned flags, unsigned index)
{
    scan->begin = (uint16_t)index;
    scan->refused |= (flags & WORD_NO) != 0;
}

/* Notes the known words among the candidates, where they count. */
static ALWAYS void block_hits(struct text_scan *scan, const struct block *block,
                              const struct candidate *candidates, size_t count,
                              uint64_t (*word_low)(const char *word, size_t len))
{
    struct features *f = scan->features;
    struct word_hit *hit = &f->hits[f->hit_count];
    const struct word_hit *hits_end =
        f->hits + (block->base + TEXT_END >= scan->end ? FEATURES_HITS_MAX : HITS_ANYWHERE);
    uint64_t begins = block->sentence_starts;
    begins |= scan->polite_open ? block->starts & (0 - block->starts) : 0;
    scan->polite_open = false;
    bool attention = needs_attention(scan, block);
    for (const struct candidate *candidate = candidates; candidate < candidates + count;
         candidate++) {
        unsigned bit = candidate->start;
        size_t offset = block->base + bit;
        uint64_t low = word_low(f->sample + offset, candidate->len);
        const struct known_word *word = vocabulary_find(scan->vocabulary, candidate->slot,
                                                        f->sample + offset, candidate->len, low);
        unsigned flags = word->flags;
        unsigned index = scan->word_index + bits_count(block->starts & bits_below(bit));
        unsigned place = (unsigned)(begins >> bit & 1u) * PLACE_START;
        if (word->id == WORD_UNKNOWN || !word_counts(scan, flags, index, place != 0)) {
            continue;
        }
        place |= scan->region | (unsigned)(block->clause_starts >> bit & 1u) * PLACE_CLAUSE;
        if (UNLIKELY(attention)) {
            place = place_attend(scan, block, bit, index, place);
        }
        if ((place & PLACE_START) != 0) {
            note_start(scan, flags, index);
            begins |= (flags & WORD_POLITE) == 0 ? 0 : begins_after_polite(scan, block, bit);
            attention |= scan->refused;
        }
        if ((flags & WORDS_SPECIAL) != 0) {
            count_flags(scan, flags, offset);
            if ((flags & WORD_NEGATION) != 0) {
                note_negation(scan, offset, candidate->len, index);
                attention = true;
            }
        }
        scan->follow = (uint16_t)(index + FOLLOW_REACH);
        if (LIKELY(hit < hits_end)) {
            hit->word = word->id;
            hit->index = (uint16_t)index;
            hit->offset = (uint16_t)offset;
            hit->place = (uint8_t)place;
            hit++;
        }
    }
    f->hit_count = (uint32_t)(hit - f->hits);
}

/* --- words --- */

/* Which words are looked up? All of them near the ends of the text, where the request is; in the
   middle those that begin a sentence; inside a fence none, for they belong to the material. */
static ALWAYS uint64_t wanted_starts(const struct text_scan *scan, const struct block *block)
{
    if (scan->fenced && (block->quotes == 0 ||
                         memchr(scan->features->sample + block->base, '`', SCAN_BLOCK) == NULL)) {
        return 0;
    }
    return scan->in_middle ? block->sentence_starts : UINT64_MAX;
}

/* Gathers without a branch per word: half of them are known, and nothing tells which. Returns how
   many it found. */
static ALWAYS size_t words_gather(const struct text_scan *scan, const struct block *block,
                                  const struct scan_kind *kind, struct candidate *candidates)
{
    const char *text = scan->features->sample + block->base;
    const struct vocabulary *vocabulary = scan->vocabulary;
    uint64_t wanted = wanted_starts(scan, block);
    uint64_t starts = block->starts & wanted;
    uint64_t ends = block->ends;
    if (wanted != UINT64_MAX) {
        /* the ends of the words that are wanted: a carry runs through each from its start */
        ends &= block->masks.word + starts;
    }
    size_t count = 0;
    for (; starts != 0; starts &= starts - 1, ends &= ends - 1) {
        unsigned start = bits_first(starts);
        unsigned len = bits_first(ends) - start;
        uint16_t slot = vocabulary_slot(vocabulary, kind->word_low(text + start, len), len);
        candidates[count] = (struct candidate){slot, (uint8_t)start, (uint8_t)len};
        count += slot != WORD_UNKNOWN;
    }
    return count;
}

static ALWAYS void block_words(struct text_scan *scan, const struct block *block,
                               const struct scan_kind *kind)
{
    UNINITIALIZED struct candidate candidates[BLOCK_WORDS_MAX];
    size_t count = words_gather(scan, block, kind, candidates);
    if (count > 0) {
        kind->hits(scan, block, candidates, count);
    } else if (block->starts != 0) {
        scan->polite_open = false;
    }
}

/* --- lines --- */

static ALWAYS void block_lines(struct text_scan *scan, const struct block *block)
{
    uint64_t newlines = block->newlines;
    uint64_t code = code_of(&block->masks);
    uint64_t formula = block->masks.of[MARK_FORMULA];
    uint64_t rest = UINT64_MAX;
    scan->counts.newlines += bits_count(newlines);
    while (newlines != 0) {
        unsigned bit = bits_first(newlines);
        scan->line_marks += bits_count(code & rest & bits_below(bit));
        scan->line_formulas += bits_count(formula & rest & bits_below(bit));
        scan->line_quotes |= (block->quotes & rest & bits_below(bit)) != 0;
        line_end(scan, block->base + bit);
        rest = ~bits_below(bit);
        newlines &= newlines - 1;
    }
    scan->line_quotes |= (block->quotes & rest) != 0;
    scan->line_marks += bits_count(code & rest);
    scan->line_formulas += bits_count(formula & rest);
}

/* Marks that prose has few of. */
static ALWAYS void block_rare(struct text_scan *scan, const struct block *block)
{
    const struct block_masks *m = &block->masks;
    scan->features->operators += bits_count(operators_of(m));
    scan->features->code_words += bits_count(names_of(m));
    block_lines(scan, block);
}

static void scan_begin(struct text_scan *scan, size_t start, size_t end, uint8_t region)
{
    scan->region = region;
    scan->start = start;
    scan->end = end;
    scan->word_open = false;
    scan->sentence_open = true;
    scan->clause_open = true;
    scan->last_clause = start;
    scan->polite_open = false;
    scan->quoted = false;
    scan->negation = 0;
    scan->begin = 0;
    scan->refused = false;
    scan->follow = 0;
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
    return c >= 0x80 || (unsigned)((c | 0x20) - 'a') < 26 || (unsigned)(c - '0') < 10 || c == '_';
}

/* Passes over part of the middle of a long text, but not over anything that what follows depends
   on: ends of lines, quotes, question marks. Returns where to go on. */
static SELDOM size_t middle_skip(struct text_scan *scan, size_t base, size_t limit,
                                 const struct scan_kind *kind)
{
    struct features *f = scan->features;
    size_t len = limit - base < SKIP_BYTES ? limit - base : SKIP_BYTES;
    size_t skipped = kind->find(f->sample + base, len);
    if (skipped == 0) {
        return base;
    }
    scan->word_open = is_word_byte((unsigned char)f->sample[base + skipped - 1]);
    scan->sentence_open = false;
    scan->polite_open = false;
    f->quoted_bytes += scan->quoted ? (uint32_t)skipped : 0;
    scan->word_index = (uint16_t)(scan->word_index + skipped * WORDS_PER_BLOCK / SCAN_BLOCK);
    scan->bytes_skipped += skipped;
    return base + skipped;
}

static ALWAYS unsigned block_whole(struct text_scan *scan, size_t base,
                                   const struct scan_kind *kind)
{
    UNINITIALIZED struct block block;
    unsigned size = block_load(scan, base, &block, kind);
    const struct block_masks *m = &block.masks;
    block_count(scan, &block);
    block_breaks(scan, &block);
    block_words(scan, &block, kind);
    if (block.marked) {
        block_sentences(scan, &block);
        if ((m->marks & ~(m->of[MARK_DOT] | m->of[MARK_COMMA])) != 0 ||
            m->of[MARK_UNDERSCORE] != 0) {
            block_rare(scan, &block);
        }
    }
    block_finish(scan, &block, size);
    return size;
}

/* In the middle of a long text a block is read now and then, and where there is something in it
   that what follows depends on. A system prompt begins with who the model is to be; there every
   block is read, but all words are looked up only where it ends. */
static ALWAYS void blocks_scan(struct text_scan *scan, const struct scan_kind *kind)
{
    bool system = scan->region == PLACE_SYSTEM;
    size_t head_bytes = system ? 0 : HEAD_BYTES;
    size_t tail_bytes = system ? SYSTEM_TAIL_BYTES : TAIL_BYTES;
    size_t middle = scan->start + head_bytes;
    size_t tail =
        scan->end - scan->start < head_bytes + tail_bytes ? middle : scan->end - tail_bytes;
    for (size_t base = scan->start; base < scan->end;) {
        if (base >= middle && base + SCAN_BLOCK <= tail && !system) {
            base = middle_skip(scan, base, tail, kind);
        }
        scan->in_middle = base >= middle && base + SCAN_BLOCK <= tail;
        base += block_whole(scan, base, kind);
    }
}

static SELDOM void block_hits_narrow(struct text_scan *scan, const struct block *block,
                                     const struct candidate *candidates, size_t count)
{
    block_hits(scan, block, candidates, count, word_low_of);
}

#ifdef SCAN_HAS_VECTORS

/* Words of more than 31 bytes come out as something else, which no rule knows either. */
static inline SCAN_WIDE uint64_t word_low_wide(const char *word, size_t len)
{
    uint64_t low;
    memcpy(&low, word, 8);
    return _bzhi_u64(low, (unsigned)len * 8);
}

static SELDOM SCAN_WIDE void block_hits_wide(struct text_scan *scan, const struct block *block,
                                             const struct candidate *candidates, size_t count)
{
    block_hits(scan, block, candidates, count, word_low_wide);
}

static SCAN_WIDE void blocks_scan_wide(struct text_scan *scan)
{
    static const struct scan_kind wide = {block_masks_avx2, block_find_avx2, word_low_wide,
                                          block_hits_wide};
    blocks_scan(scan, &wide);
}

static void blocks_scan_any(struct text_scan *scan)
{
    if (scan_is_wide()) {
        blocks_scan_wide(scan);
    } else {
        static const struct scan_kind narrow = {block_masks_sse2, block_find_sse2, word_low_of,
                                                block_hits_narrow};
        blocks_scan(scan, &narrow);
    }
}

#else

static size_t find_portable(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && text[i] != '\n' && text[i] != '?' && text[i] != '"' && text[i] != '`') {
        i++;
    }
    return i;
}

static bool block_masks_portable(char *block, uint64_t inside, struct block_masks *masks)
{
    UNINITIALIZED char copy[SCAN_BLOCK];
    memcpy(copy, block, SCAN_BLOCK);
    (void)block_scan_portable(copy, masks);
    memset(masks->of, 0, sizeof(masks->of));
    masks_clip(masks, inside);
    lower_some(block, masks->upper);
    return block_marks(block, inside, masks);
}

static void blocks_scan_any(struct text_scan *scan)
{
    static const struct scan_kind portable = {block_masks_portable, find_portable, word_low_of,
                                              block_hits_narrow};
    blocks_scan(scan, &portable);
}

#endif

void text_scan_region(struct text_scan *scan, size_t start, size_t end, uint8_t region)
{
    uint16_t index_before = scan->word_index;
    size_t skipped_before = scan->bytes_skipped;
    scan_begin(scan, start, end, region);
    blocks_scan_any(scan);
    line_end(scan, end);
    if (scan->after_colon && scan->sentence_commas > scan->features->list_commas) {
        scan->features->list_commas = scan->sentence_commas;
    }
    scan->counts.bytes += end - start;
    size_t skipped = scan->bytes_skipped - skipped_before;
    scan->counts.words += (size_t)(uint16_t)(scan->word_index - index_before) -
                          skipped * WORDS_PER_BLOCK / SCAN_BLOCK;
    /* what was passed over is estimated, like what is beyond the sample */
    scan->features->sampled_bytes -= skipped;
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
    size_t read = scan->counts.bytes - scan->bytes_skipped;
    f->sentences = (uint32_t)(f->sentences * scan->counts.bytes / read);
    f->digits = (uint32_t)(f->digits * scan->counts.bytes / read);
    f->numbers = (uint32_t)(f->numbers * scan->counts.bytes / read);
}

void text_scan_finish(struct text_scan *scan)
{
    struct features *f = scan->features;
    f->words = (uint32_t)(scan->counts.words + scan->bytes_skipped * WORDS_PER_BLOCK / SCAN_BLOCK);
    if (scan->bytes_skipped > 0) {
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
