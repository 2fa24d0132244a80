/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which words are kept, and what their places are. What is known of a word is bits, the k-th bit
 * for the k-th word, and everything is asked of all words at once: which ones count, which begin a
 * sentence, stand in quotes or are negated. Words that negate are few: what follows from them is
 * done word by word.
 */
#include "route/words.h"

#define NEGATION_REACH 4 /* words */
#define TEXT_END 700
/* Words after a kept one within which the frequent ones (to, in, are) are kept too: they may go on
 * a phrase. */
#define FOLLOW_REACH 2
#define PHRASE_REACH 4     /* no word of a phrase stands further from the one before */
#define FILE_NAME_POINTS 3 /* "main.py" says as much as a word that only programmers use */
#define TALLY_WORDS_MAX (UINT8_MAX - WORDS_MAX)

/* The words as bits, by what they are and where they stand. */
struct word_bits {
    uint64_t anywhere; /* by kind, see vocabulary.h */
    uint64_t at_start;
    uint64_t goes_on;
    uint64_t polite;
    uint64_t counted;
    uint64_t refusing;
    uint64_t kept;
    uint64_t start;
    uint64_t negated;
    unsigned index; /* of the first word */
};

/* --- look-up --- */

void words_list(struct text_scan *scan, size_t count)
{
    struct looked_up *list = &scan->features->looked_up;
    scan->words.unlisted |= count > LOOKED_UP_MAX;
    count = count > LOOKED_UP_MAX ? 0 : count;
    scan->words.listed = (unsigned)count;
    scan->words.lows = list->lows + count;
    scan->words.offsets = list->offsets + count;
    scan->words.lengths = list->lengths + count;
}

static SELDOM const struct known_word *word_find(const struct text_scan *scan,
                                                 const struct words *words, unsigned i)
{
    const char *text = scan->features->sample + words->offsets[i];
    size_t id =
        vocabulary_find(scan->vocabulary, words->ids[i], text, words->lengths[i], words->lows[i]);
    return vocabulary_word(scan->vocabulary, id);
}

/* Returns how many words were looked up. Half of them are known, and nothing tells which: all are
   looked up without a branch, many at once. */
static ALWAYS size_t words_look_up(struct text_scan *scan, const struct bit_kind *kind)
{
    struct words *words = &scan->words;
    size_t count = 0;
    for (size_t block = 0; block < words->blocks; block++) {
        count = kind->note(words, scan->features->sample, block, count);
    }
    uint64_t again = kind->known(scan->vocabulary, words, count);
    for (; again != 0; again &= again - 1) {
        unsigned i = bits_first(again);
        const struct known_word *word = word_find(scan, words, i);
        words->ids[i] = word->id;
        words->kinds[i] = (uint8_t)(word->flags >> WORD_KIND_SHIFT);
    }
    return count;
}

/* --- which words count --- */

/* Polite words leave the start of a sentence where it is: the word after them begins it too. */
static ALWAYS void start_after_polite(struct word_bits *bits)
{
    uint64_t more = (bits->start & bits->polite) << 1 & ~bits->start;
    while (UNLIKELY(more != 0)) {
        bits->start |= more;
        more = (more & bits->polite) << 1 & ~bits->start;
    }
}

/* A word counts where its kind says: anywhere, at a start or soon after a kept word, or only where
   it may go on a phrase. Bits 0..3 stand for the words before the block. */
static ALWAYS void keep_words(const struct text_scan *scan, struct word_bits *bits)
{
    unsigned distance = bits->index + FOLLOW_REACH - scan->follow; /* to the last kept word */
    uint64_t before = distance <= PHRASE_REACH ? UINT64_C(1) << (PHRASE_REACH - distance) : 0;
    uint64_t at_start = bits->at_start << PHRASE_REACH;
    uint64_t goes_on = bits->goes_on << PHRASE_REACH;
    uint64_t kept = (bits->anywhere | (bits->at_start & bits->start)) << PHRASE_REACH | before;
    uint64_t more;
    do {
        uint64_t near = kept << 1 | kept << 2;
        more = (at_start & near) | (goes_on & (near | near << 2));
        more &= ~kept;
        kept |= more;
    } while (more != 0);
    bits->kept = kept >> PHRASE_REACH;
}

/* --- negation --- */

/* Those of the words from the k-th on that are in reach and in the same clause. */
static uint64_t in_clause(const struct words *words, unsigned k, unsigned reach)
{
    uint64_t near = bits_below(reach) << k;
    uint64_t clauses = words->clause & ~bits_below(k);
    return clauses == 0 ? near : near & bits_below(bits_first(clauses));
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
static void note_negation(struct text_scan *scan, struct word_bits *bits, unsigned k,
                          const struct known_word *word, size_t offset)
{
    const char *sample = scan->features->sample;
    unsigned index = bits->index + k;
    uint64_t begun = bits->start & bits->kept & (bits_below(k) << 1 | 1);
    unsigned begin = begun == 0 ? scan->begin : bits->index + bits_last(begun);
    scan->refused |= index - begin <= 1;
    if (word->low == word_low_of("not\0\0\0\0", 3) && is_description(sample, offset)) {
        return;
    }
    scan->negation = (uint16_t)(index + 1);
    bits->negated |= in_clause(&scan->words, k + 1, NEGATION_REACH);
}

static void refuse_at(struct text_scan *scan, struct word_bits *bits, unsigned k)
{
    const struct words *words = &scan->words;
    uint64_t bit = UINT64_C(1) << k;
    if (scan->refused && (words->clause & bit) != 0) {
        scan->refused = false;
        bits->start |= bit;
        start_after_polite(bits);
        keep_words(scan, bits);
    }
    if ((bits->refusing & bit) != 0) {
        unsigned rank = bits_count(words->looked_up & bits_below(k));
        const struct known_word *word = vocabulary_word(scan->vocabulary, words->ids[rank]);
        scan->refused |= (bits->start & bit) != 0 && (word->flags & WORD_NO) != 0;
        if ((word->flags & WORD_NEGATION) != 0) {
            note_negation(scan, bits, k, word, words->offsets[rank]);
        }
    }
}

static SELDOM void refuse_words(struct text_scan *scan, struct word_bits *bits)
{
    uint64_t ahead = UINT64_MAX;
    for (;;) {
        uint64_t here = bits->refusing | (scan->refused ? scan->words.clause : 0);
        here &= bits->kept & ahead;
        if (here == 0) {
            return;
        }
        unsigned k = bits_first(here);
        refuse_at(scan, bits, k);
        ahead = ~UINT64_C(1) << k;
    }
}

/* What an earlier word negates. */
static void negate_on(const struct text_scan *scan, struct word_bits *bits)
{
    unsigned last = scan->negation + NEGATION_REACH; /* index behind the last word in reach */
    if (scan->negation != 0 && bits->index < last) {
        bits->negated |= in_clause(&scan->words, 0, last - bits->index);
    }
}

/* A clause that has begun since ends what the last negating word may reach. */
static void negation_end(struct text_scan *scan, const struct word_bits *bits)
{
    unsigned first = scan->negation > bits->index ? scan->negation - bits->index : 0;
    if ((scan->words.clause & ~bits_below(first)) != 0) {
        scan->negation = 0;
    }
}

/* What follows from words that negate, here and before. */
static SELDOM void words_attend(struct text_scan *scan, struct word_bits *bits)
{
    negate_on(scan, bits);
    refuse_words(scan, bits);
    negation_end(scan, bits);
}

/* --- places in quotes --- */

uint64_t quotes_open(uint64_t marks, uint64_t newlines, bool open_before)
{
    uint64_t open = marks << 1;
    for (unsigned shift = 1; shift < 64; shift *= 2) {
        open ^= open << shift;
    }
    open ^= open_before ? UINT64_MAX : 0;
    for (; newlines != 0; newlines &= newlines - 1) {
        unsigned bit = bits_first(newlines);
        if ((open >> bit & 1u) != 0) {
            open ^= ~UINT64_C(1) << bit;
        }
    }
    return open;
}

/* --- counts --- */

SELDOM void text_tallies_settle(struct text_scan *scan)
{
    for (unsigned i = 0; i < WORD_TALLIES; i++) {
        scan->tallied[i] += (uint8_t)(scan->tallies >> 8 * i);
    }
    scan->tallies = 0;
    scan->tally_words = 0;
}

static SELDOM void count_word_at(struct features *f, unsigned flags, size_t start)
{
    if ((flags & WORD_OR) != 0) {
        f->last_or = (uint32_t)start;
    } else if (start >= 2 && f->sample[start - 1] == '.' && f->sample[start - 2] > ' ') {
        f->code_words += FILE_NAME_POINTS;
    }
}

static ALWAYS void count_words(struct text_scan *scan, uint64_t counted,
                               const struct bit_kind *kind)
{
    uint64_t tallies = scan->tallies;
    unsigned code = 0;
    for (; counted != 0; counted &= counted - 1) {
        unsigned rank = bits_first(counted);
        unsigned flags = vocabulary_word(scan->vocabulary, scan->words.ids[rank])->flags;
        tallies += kind->spread(flags, BYTES_ONE);
        unsigned points = flags >> WORD_CODE_SHIFT & 3u;
        code += points + points / 2; /* a strong one counts three times */
        if (UNLIKELY((flags & (WORD_OR | WORD_AFTER_DOT)) != 0)) {
            count_word_at(scan->features, flags, scan->words.offsets[rank]);
        }
    }
    scan->features->code_words += code;
    scan->tallies = tallies;
    scan->tally_words += WORDS_MAX;
    if (scan->tally_words > TALLY_WORDS_MAX) {
        text_tallies_settle(scan);
    }
}

/* --- hits --- */

static SELDOM void add_place(uint8_t *places, size_t count, uint64_t hits, uint8_t place)
{
    for (hits &= bits_below((unsigned)count); hits != 0; hits &= hits - 1) {
        places[bits_first(hits)] |= place;
    }
}

static ALWAYS void write_places(uint8_t *places, size_t count, const struct word_bits *bits,
                                const struct text_scan *scan, const struct bit_kind *kind)
{
    uint64_t start = kind->gather(bits->start, bits->kept);
    uint64_t clause = kind->gather(scan->words.clause, bits->kept);
    uint64_t region = BYTES_ONE * scan->region;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t bytes = region + kind->spread(start >> i, BYTES_ONE) * PLACE_START +
                         kind->spread(clause >> i, BYTES_ONE) * PLACE_CLAUSE;
        memcpy(places + i, &bytes, sizeof(bytes));
    }
    const struct words *words = &scan->words;
    uint64_t seldom = bits->negated | words->quoted | words->code | words->passage;
    if (UNLIKELY((seldom & bits->kept) != 0)) {
        add_place(places, count, kind->gather(bits->negated, bits->kept), PLACE_NEGATED);
        add_place(places, count, kind->gather(words->quoted, bits->kept), PLACE_QUOTED);
        add_place(places, count, kind->gather(words->code, bits->kept), PLACE_CODE);
        add_place(places, count, kind->gather(words->passage, bits->kept), PLACE_PASSAGE);
    }
}

static ALWAYS void write_hits(struct text_scan *scan, size_t base, const struct word_bits *bits,
                              const struct bit_kind *kind)
{
    const struct words *words = &scan->words;
    struct word_hits *hits = &scan->features->hits;
    size_t at = hits->count;
    size_t count = bits_count(bits->kept);
    if (UNLIKELY(at + count > HITS_ANYWHERE)) {
        size_t limit = base + TEXT_END >= scan->end ? FEATURES_HITS_MAX : HITS_ANYWHERE;
        size_t room = at > limit ? 0 : limit - at;
        count = count < room ? count : room;
    }
    uint64_t ranks = kind->gather(bits->kept, words->looked_up);
    uint64_t kept = bits->kept;
    for (size_t i = at; kept != 0; kept &= kept - 1, ranks &= ranks - 1, i++) {
        unsigned rank = bits_first(ranks);
        hits->words[i] = words->ids[rank];
        hits->offsets[i] = words->offsets[rank];
        hits->indexes[i] = (uint16_t)(bits->index + bits_first(kept));
    }
    write_places(hits->places + at, count, bits, scan, kind);
    hits->count = (uint32_t)(at + count);
}

/* Where the line's first word is now that the words before it are judged. */
static ALWAYS void line_begin(struct text_scan *scan, size_t hits_before, uint64_t kept)
{
    uint32_t count = scan->features->hits.count;
    uint32_t begin = (uint32_t)hits_before + bits_count(kept & bits_below(scan->line_words));
    scan->line_hits = begin < count ? begin : count;
    scan->line_words = 0;
}

/* --- all words --- */

static ALWAYS void bits_load(struct text_scan *scan, struct word_bits *bits,
                             const struct bit_kind *kind)
{
    const struct words *words = &scan->words;
    uint64_t masks[8];
    kind->kinds(words->kinds, words_look_up(scan, kind), masks);
    bits->anywhere = kind->spread(masks[7], words->looked_up);
    bits->at_start = kind->spread(masks[6], words->looked_up);
    bits->goes_on = kind->spread(masks[5], words->looked_up);
    bits->polite = kind->spread(masks[4], words->looked_up);
    bits->counted = masks[3];
    bits->refusing = kind->spread(masks[2], words->looked_up);
    bits->start = words->start | scan->polite_open;
    bits->negated = 0;
    bits->index = scan->word_index;
}

static ALWAYS void words_kept(struct text_scan *scan, struct word_bits *bits,
                              const struct bit_kind *kind)
{
    uint64_t begun = bits->start & bits->kept;
    if (begun != 0) {
        scan->begin = (uint16_t)(bits->index + bits_last(begun));
    }
    uint64_t counted = bits->counted & kind->gather(bits->kept, scan->words.looked_up);
    if (counted != 0) {
        count_words(scan, counted, kind);
    }
    scan->follow = (uint16_t)(bits->index + bits_last(bits->kept) + FOLLOW_REACH);
}

static ALWAYS void words_judge(struct text_scan *scan, size_t base, const struct bit_kind *kind)
{
    struct words *words = &scan->words;
    struct word_bits bits;
    bits_load(scan, &bits, kind);
    start_after_polite(&bits);
    keep_words(scan, &bits);
    if (UNLIKELY(((bits.refusing & bits.kept) | scan->negation | scan->refused) != 0)) {
        words_attend(scan, &bits);
    }
    uint64_t last = UINT64_C(1) << (words->all - 1);
    scan->polite_open = (bits.start & bits.polite & last) != 0;
    size_t hits_before = scan->features->hits.count;
    if (bits.kept != 0) {
        words_kept(scan, &bits, kind);
        write_hits(scan, base, &bits, kind);
    }
    if (scan->line_words != 0) {
        line_begin(scan, hits_before, bits.kept);
    }
    scan->word_index = (uint16_t)(scan->word_index + words->all);
    if (scan->region == 0) {
        words_list(scan, words->listed + bits_count(words->looked_up));
    }
    words->looked_up = words->start = words->clause = 0;
    words->quoted = words->code = words->passage = 0;
    words->all = 0;
    words->blocks = 0;
}

static void kinds_narrow(const uint8_t *kinds, size_t count, uint64_t masks[8])
{
    memset(masks, 0, 8 * sizeof(masks[0]));
    for (size_t i = 0; i < count; i++) {
        for (unsigned kind = kinds[i]; kind != 0; kind &= kind - 1) {
            masks[__builtin_ctz(kind)] |= UINT64_C(1) << i;
        }
    }
}

static ALWAYS size_t note_narrow(struct words *words, const char *sample, size_t block,
                                 size_t count)
{
    uint64_t starts = words->block[block].starts;
    uint64_t ends = words->block[block].ends;
    size_t base = words->block[block].base;
    for (; starts != 0; starts &= starts - 1, ends &= ends - 1, count++) {
        size_t offset = base + bits_first(starts);
        size_t len = base + bits_first(ends) - offset;
        words->offsets[count] = (uint16_t)offset;
        words->lows[count] = word_low_of(sample + offset, len);
        words->lengths[count] = (uint8_t)len;
    }
    return count;
}

static uint64_t known_narrow(const struct vocabulary *vocabulary, struct words *words, size_t count)
{
    uint64_t again = 0;
    for (size_t i = 0; i < count; i++) {
        size_t id = vocabulary_first(vocabulary, words->lows[i], words->lengths[i]);
        words->ids[i] = (uint16_t)id;
        words->kinds[i] = 0;
        again |= (uint64_t)(id != WORD_UNKNOWN) << i;
    }
    return again;
}

void words_judge_narrow(struct text_scan *scan, size_t base)
{
    static const struct bit_kind narrow = {word_low_of,  gather_narrow, spread_narrow,
                                           kinds_narrow, note_narrow,   known_narrow};
    words_judge(scan, base, &narrow);
}

#ifdef SCAN_HAS_VECTORS

/* A kind is a byte; its bits are moved to where a mask is made of them, one after the other. Bytes
   behind the last word make bits that nothing asks for. */
static ALWAYS SCAN_WIDE void kinds_wide(const uint8_t *kinds, size_t count, uint64_t masks[8])
{
    __m256i first = load_32((const char *)kinds);
    __m256i second = load_32((const char *)kinds + 32);
    (void)count;
#define KIND_MASK(shift)                                                                           \
    MASK_64(_mm256_slli_epi16(first, (shift)), _mm256_slli_epi16(second, (shift)))
    masks[7] = KIND_MASK(0);
    masks[6] = KIND_MASK(1);
    masks[5] = KIND_MASK(2);
    masks[4] = KIND_MASK(3);
    masks[3] = KIND_MASK(4);
    masks[2] = KIND_MASK(5);
#undef KIND_MASK
}

/* Those of 8 bytes or more. No word is longer than a block; what is behind the last word, nobody
   asks for. */
static ALWAYS SCAN_WIDE uint64_t longer_wide(const uint8_t *lengths)
{
    const __m256i seven = _mm256_set1_epi8(7);
    return MASK_64(_mm256_cmpgt_epi8(load_32((const char *)lengths), seven),
                   _mm256_cmpgt_epi8(load_32((const char *)lengths + 32), seven));
}

/* Two at a time: a search that finds nothing leads to the bytes behind the block, and what it notes
   is written over by the next one. */
static ALWAYS SCAN_WIDE size_t note_wide(struct words *words, const char *sample, size_t block,
                                         size_t count)
{
    uint64_t starts = words->block[block].starts;
    uint64_t ends = words->block[block].ends;
    size_t base = words->block[block].base;
    const char *text = sample + base;
    uint16_t *offsets = words->offsets;
    uint8_t *lengths = words->lengths;
    uint64_t *lows = words->lows;
    size_t end = count + bits_count(starts);
    do {
#pragma GCC unroll 2
        for (unsigned k = 0; k < 2; k++) {
            uint64_t start = _tzcnt_u64(starts);
            uint64_t len = _tzcnt_u64(ends) - start;
            offsets[count + k] = (uint16_t)(base + start);
            lengths[count + k] = (uint8_t)len;
            lows[count + k] = word_low_wide(text + start, len);
            starts &= starts - 1;
            ends &= ends - 1;
        }
        count += 2;
    } while (count < end);
    return end;
}

/* The slots of eight words, in their order. */
static ALWAYS SCAN_WIDE __m256i slots_8(const struct vocabulary *vocabulary, __m256i first,
                                        __m256i second, const uint8_t *lengths)
{
    __m128i eight = _mm_loadl_epi64((const __m128i *)(const void *)lengths);
    first = _mm256_add_epi64(first, _mm256_cvtepu8_epi64(eight));
    second = _mm256_add_epi64(second, _mm256_cvtepu8_epi64(_mm_srli_si128(eight, 4)));
    __m256 a = _mm256_castsi256_ps(first);
    __m256 b = _mm256_castsi256_ps(second);
    __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)); /* quarters 0 2 1 3 */
    __m256i high = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
    __m256i hash =
        _mm256_srli_epi32(upper_of(low, high, VOCABULARY_FACTOR), VOCABULARY_HASH_SHIFT - 32);
    hash = _mm256_permute4x64_epi64(hash, 0xd8);
    return _mm256_i32gather_epi32((const int *)(const void *)vocabulary->slots, hash, 4);
}

/* Which of eight words are what their slots' first words begin like? A mask for each. */
static ALWAYS SCAN_WIDE __m256i same_8(const struct vocabulary *vocabulary, __m256i ids,
                                       __m256i first, __m256i second)
{
    const long long *lows = (const long long *)(const void *)&vocabulary->words[0].low;
    __m256i low_1 = _mm256_i32gather_epi64(lows, _mm256_castsi256_si128(ids), 8);
    __m256i low_2 = _mm256_i32gather_epi64(lows, _mm256_extracti128_si256(ids, 1), 8);
    __m256 same_1 = _mm256_castsi256_ps(_mm256_cmpeq_epi64(low_1, first));
    __m256 same_2 = _mm256_castsi256_ps(_mm256_cmpeq_epi64(low_2, second));
    __m256i same = _mm256_castps_si256(_mm256_shuffle_ps(same_1, same_2, 0x88));
    return _mm256_permute4x64_epi64(same, 0xd8);
}

/* Of eight numbers below 2^16. */
static ALWAYS SCAN_WIDE __m128i halves_8(__m256i numbers)
{
    __m256i halves = _mm256_packus_epi32(numbers, numbers);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0xd8));
}

/* A word of less than 8 bytes is the one that it begins like; of longer ones the rest is to be
   compared. */
static ALWAYS SCAN_WIDE uint64_t known_wide(const struct vocabulary *vocabulary,
                                            struct words *words, size_t count)
{
    const __m256i id_mask = _mm256_set1_epi32((int)SLOT_ID_MASK);
    uint64_t same = 0;
    uint64_t chained = 0;
    for (size_t i = 0; i < count; i += 8) {
        __m256i first = load_32((const char *)(words->lows + i));
        __m256i second = load_32((const char *)(words->lows + i + 4));
        __m256i slots = slots_8(vocabulary, first, second, words->lengths + i);
        __m256i ids = _mm256_and_si256(slots, id_mask);
        __m256i is_same = same_8(vocabulary, ids, first, second);
        __m256i is_chained = _mm256_slli_epi32(slots, 15);
        __m256i kept = _mm256_or_si256(is_same, _mm256_srai_epi32(is_chained, 31));
        __m256i kinds = _mm256_srli_epi32(_mm256_and_si256(slots, is_same), SLOT_KIND_SHIFT);
        __m128i halves = halves_8(kinds);
        _mm_storeu_si128((__m128i *)(void *)(words->ids + i),
                         halves_8(_mm256_and_si256(ids, kept)));
        _mm_storel_epi64((__m128i *)(void *)(words->kinds + i), _mm_packus_epi16(halves, halves));
        same |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_same)) << i;
        chained |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is_chained)) << i;
    }
    return ((same & longer_wide(words->lengths)) | (chained & ~same)) & bits_below((unsigned)count);
}

SCAN_WIDE void words_judge_wide(struct text_scan *scan, size_t base)
{
    static const struct bit_kind wide = {word_low_wide, gather_wide, spread_wide,
                                         kinds_wide,    note_wide,   known_wide};
    words_judge(scan, base, &wide);
}

#endif
