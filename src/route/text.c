/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words and their places. Blocks of up to 64 bytes become bit masks; the starts and ends of words
 * are bits, and so is where sentences, clauses and quotes begin. A block ends where its last word
 * begins, if that goes on: no word is cut. The words of a few blocks are noted (words.h) and then
 * looked up and judged together (hits.c).
 */
#include "route/text.h"

#include "route/words.h"

#define HEAD_BYTES 192 /* in which every word is looked up */
#define TAIL_BYTES 160
#define SYSTEM_TAIL_BYTES 128
#define SKIP_BYTES 960 /* between two blocks of the middle that are read */
#define WORDS_PER_BLOCK 10

/* What is written per kind of vector; constant where it is used, so all of it is inlined. */
struct scan_kind {
    bool (*masks)(char *block, uint64_t inside, struct block_masks *masks);
    size_t (*find)(const char *text, size_t len);
    void (*judge)(struct text_scan *scan, size_t base);
    struct bit_kind bits;
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
        scan->words.unlisted = true;
        block->starts = 0;
        return SCAN_BLOCK;
    }
    uint64_t kept = bits_below(last);
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
    uint64_t sum;
    *open = __builtin_add_overflow(~word, breaks | (uint64_t)*open, &sum);
    return sum & word;
}

/* Returns the block's size: the next one begins there. */
static ALWAYS unsigned block_load(struct text_scan *scan, size_t base, struct block *block,
                                  const struct scan_kind *kind)
{
    struct block_masks *m = &block->masks;
    size_t left = scan->end - base;
    unsigned size = SCAN_BLOCK;
    uint64_t inside = UINT64_MAX;
    if (UNLIKELY(left < SCAN_BLOCK)) {
        size = (unsigned)left;
        inside = bits_below(size);
    }
    bool open = scan->word_open;
    block->base = base;
    block->marked = kind->masks(scan->features->sample + base, inside, m);
    if (m->upper != 0) {
        count_humps(scan, m);
    }
    if (UNLIKELY(scan->features->sample[base] == '\'')) { /* whatever is before it */
        scan->words.unlisted = true;
    }
    block->starts = m->word & ~(m->word << 1 | (uint64_t)open);
    scan->word_open = false;
    if (m->word >> 63 != 0) {
        size = block_cut(scan, block);
    }
    block->ends = ~m->word & (m->word << 1 | (uint64_t)open);
    if (UNLIKELY(open)) {
        scan->words.unlisted |= (~m->word & bits_below(SCAN_BLOCK / 2)) == 0;
        block->ends &= block->ends - 1;
    }
    return size;
}

/* Ends of sentences: the stops before anything that is no word, bracket, sign, comma or stop. */
static ALWAYS uint64_t stops_of(const struct text_scan *scan, const struct block *block,
                                uint64_t stops)
{
    const struct block_masks *m = &block->masks;
    size_t next = block->base + SCAN_BLOCK;
    bool blank_after = next >= scan->end || (unsigned char)scan->features->sample[next] <= ' ';
    uint64_t solid = m->word | stops | block->commas | code_of(m) | m->of[MARK_SUM];
    return stops & (~solid >> 1 | (uint64_t)blank_after << 63);
}

/* Where sentences and clauses begin. */
static ALWAYS void block_breaks(struct text_scan *scan, struct block *block)
{
    const struct block_masks *m = &block->masks;
    block->commas = block->newlines = block->quotes = block->stops = 0;
    if (block->marked) {
        uint64_t stops = m->of[MARK_DOT] | m->of[MARK_ASK];
        block->commas = m->of[MARK_COMMA] | m->of[MARK_SEMICOLON];
        block->newlines = m->of[MARK_NEWLINE];
        block->quotes = m->of[MARK_QUOTE];
        block->stops = stops == 0 ? 0 : stops_of(scan, block, stops);
    }
    block->quoted = 0;
    if (UNLIKELY(scan->quoted || block->quotes != 0)) {
        block->quoted = quotes_open(block->quotes, block->newlines, scan->quoted);
    }
    uint64_t ends = block->stops | block->newlines;
    block->sentence_starts = words_after(ends, m->word, &scan->sentence_open);
    block->clause_starts = words_after(ends | block->commas, m->word, &scan->clause_open);
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

/* Where the last sentence begins; 0 for the first one. */
static ALWAYS void note_last_sentence(struct text_scan *scan, const struct block *block)
{
    if (scan->region != 0 || block->sentence_starts == 0) {
        return;
    }
    unsigned last = bits_last(block->sentence_starts);
    if (scan->word_index + scan->words.all > 0 || (block->starts & bits_below(last)) != 0) {
        scan->features->last_sentence = (uint32_t)(block->base + last);
    }
}

static ALWAYS void block_finish(struct text_scan *scan, const struct block *block, unsigned size)
{
    if ((block->quotes | block->quoted) != 0) {
        scan->quoted = (block->quoted ^ block->quotes) >> 63 != 0;
    }
    if (scan->quoted) {
        scan->features->quoted_bytes += size;
    }
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

static ALWAYS void words_end(struct text_scan *scan, size_t base, const struct scan_kind *kind)
{
    if (scan->words.all > 0) {
        kind->judge(scan, base);
    }
}

/* Words are judged before there are too many, and after each block where hits may get scarce. */
static ALWAYS bool has_room(const struct words *words, const struct block *block)
{
    return words->all + bits_count(block->starts) <= WORDS_MAX && words->blocks < WORDS_BLOCKS_MAX;
}

static ALWAYS void block_words(struct text_scan *scan, const struct block *block,
                               const struct scan_kind *kind)
{
    if (UNLIKELY((block->clause_starts & ~block->starts) != 0)) {
        /* a clause begins with the rest of a word that nobody looks up */
        words_end(scan, block->base, kind);
        scan->negation = 0;
    }
    if (block->starts != 0) {
        if (UNLIKELY(!has_room(&scan->words, block))) {
            kind->judge(scan, block->base);
        }
        words_append(scan, block, wanted_starts(scan, block), &kind->bits);
    }
    if (UNLIKELY(scan->features->hits.count > HITS_AMPLE)) {
        words_end(scan, block->base, kind);
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
    scan->features->seldom_marks += (m->of[MARK_COMPARE] | m->of[MARK_OTHER]) != 0;
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
    scan->polite_open = false;
    scan->quoted = false;
    scan->negation = 0;
    scan->begin = 0;
    scan->refused = false;
    scan->follow = 0;
    scan->sentence_commas = 0;
    scan->after_colon = false;
    scan->line_start = start;
    scan->line_hits = scan->features->hits.count;
    scan->line_words = 0;
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

/* So many words are passed over. As words that nobody knows they keep those before and after them
   apart; none at all would not. */
static ALWAYS void words_pass(struct text_scan *scan, size_t base, size_t count,
                              const struct scan_kind *kind)
{
    struct words *words = &scan->words;
    if (words->all > 0 && count > 0 && words->all + count <= WORDS_MAX) {
        words->all += (unsigned)count;
        return;
    }
    words_end(scan, base, kind);
    scan->word_index = (uint16_t)(scan->word_index + count);
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
    words_pass(scan, base, skipped * WORDS_PER_BLOCK / SCAN_BLOCK, kind);
    scan->word_open = is_word_byte((unsigned char)f->sample[base + skipped - 1]);
    scan->sentence_open = false;
    scan->polite_open = false;
    f->quoted_bytes += scan->quoted ? (uint32_t)skipped : 0;
    scan->bytes_skipped += skipped;
    return base + skipped;
}

static ALWAYS unsigned block_whole(struct text_scan *scan, size_t base,
                                   const struct scan_kind *kind)
{
    struct block block;
    unsigned size = block_load(scan, base, &block, kind);
    const struct block_masks *m = &block.masks;
    block_count(scan, &block);
    block_breaks(scan, &block);
    note_last_sentence(scan, &block);
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
    /* blocks that begin in [middle, middle + span) end before the tail */
    size_t span = tail - middle < SCAN_BLOCK ? 0 : tail - middle - SCAN_BLOCK + 1;
    for (size_t base = scan->start; base < scan->end;) {
        if (base - middle < span && !system) {
            base = middle_skip(scan, base, tail, kind);
        }
        scan->in_middle = base - middle < span;
        base += block_whole(scan, base, kind);
    }
    words_end(scan, scan->end, kind);
}

#ifdef SCAN_HAS_VECTORS

static SCAN_WIDE void blocks_scan_wide(struct text_scan *scan)
{
    static const struct scan_kind wide = {block_masks_avx2,
                                          block_find_avx2,
                                          words_judge_wide,
                                          {.word_low = word_low_wide, .gather = gather_wide}};
    blocks_scan(scan, &wide);
}

static void blocks_scan_any(struct text_scan *scan)
{
    if (scan->vocabulary->wide) {
        blocks_scan_wide(scan);
    } else {
        static const struct scan_kind narrow = {block_masks_sse2,
                                                block_find_sse2,
                                                words_judge_narrow,
                                                {.word_low = word_low_of, .gather = gather_narrow}};
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
    char copy[SCAN_BLOCK];
    memcpy(copy, block, SCAN_BLOCK);
    (void)block_scan_portable(copy, masks);
    memset(masks->of, 0, sizeof(masks->of));
    masks_clip(masks, inside);
    lower_some(block, masks->upper);
    return block_marks(block, inside, masks);
}

static void blocks_scan_any(struct text_scan *scan)
{
    static const struct scan_kind portable = {block_masks_portable,
                                              find_portable,
                                              words_judge_narrow,
                                              {.word_low = word_low_of, .gather = gather_narrow}};
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
    if (region == 0) {
        struct looked_up *list = &scan->features->looked_up;
        list->count = scan->words.listed;
        list->whole = !scan->words.unlisted && scan->features->code_fences == 0;
        memset(scan->words.offsets, INT8_MAX, LOOKED_UP_BEHIND * sizeof(list->offsets[0]));
    }
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
    memset(scan, 0, offsetof(struct text_scan, words.block));
    scan->features = features;
    scan->vocabulary = vocabulary_get();
    words_list(scan, 0);
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

static uint32_t tally(const struct text_scan *scan, unsigned flag)
{
    unsigned i = (unsigned)__builtin_ctz(flag);
    return scan->tallied[i] + (uint8_t)(scan->tallies >> 8 * i);
}

void text_scan_finish(struct text_scan *scan)
{
    struct features *f = scan->features;
    f->words = (uint32_t)(scan->counts.words + scan->bytes_skipped * WORDS_PER_BLOCK / SCAN_BLOCK);
    if (scan->bytes_skipped > 0) {
        counts_stretch(scan);
    }
    f->constraints = tally(scan, WORD_CONSTRAINT);
    f->steps = tally(scan, WORD_STEP);
    f->reasoning_words = tally(scan, WORD_REASONING);
    f->science_words = tally(scan, WORD_SCIENCE);
    f->math_words = tally(scan, WORD_MATH);
    f->number_words = tally(scan, WORD_NUMBER);
    f->quantity_words = tally(scan, WORD_QUANTITY);
    f->english_words = tally(scan, WORD_ENGLISH);
}
