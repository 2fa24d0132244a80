/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scan only adds: to counters, to hits. So what it found is the difference between after and
 * before, with the places of hits told from the region's start. Not remembered is what depends on
 * more than the region's bytes: hits that did not fit, and a "not" as its first word, which looks
 * at what stands before it.
 */
#include "route/memo.h"

#include "route/score.h"

#define MEMO_ENTRIES 16
#define MEMO_TEXT_MAX 512
#define MEMO_HITS_MAX 64
/* The scan's counters of the features: from here up to here, all of one type. Some are of others,
   who do not change them meanwhile. */
#define COUNTERS_BEGIN offsetof(struct features, user_turns)
#define COUNTERS_END offsetof(struct features, last_line)
#define COUNTERS ((COUNTERS_END - COUNTERS_BEGIN) / sizeof(uint32_t))
#define BYTE_COUNTS (sizeof(struct byte_counts) / sizeof(size_t))

struct memo {
    uint64_t key;     /* of the text that was seen last */
    uint32_t len;     /* 0: seen once, not remembered */
    uint32_t last_or; /* 1 + place; 0: none */
    uint32_t list_commas;
    uint16_t words; /* how many indexes it takes */
    uint16_t hits;
    uint32_t counters[COUNTERS];
    size_t counts[BYTE_COUNTS];
    uint32_t tallied[WORD_TALLIES];
    uint16_t hit_words[MEMO_HITS_MAX];
    uint16_t hit_indexes[MEMO_HITS_MAX];
    uint16_t hit_offsets[MEMO_HITS_MAX];
    uint8_t hit_places[MEMO_HITS_MAX];
    bool has_found;
    struct found_phrases found; /* that the hits hold */
    bool by_inner;              /* `text` is the JSON text, else the sample, not yet lower-cased */
    uint16_t sample_len;
    char text[MEMO_TEXT_MAX];
};

static _Thread_local struct memo memos[MEMO_ENTRIES];

/* What a scan adds to. */
struct sums {
    uint32_t counters[COUNTERS];
    size_t counts[BYTE_COUNTS];
    uint32_t tallied[WORD_TALLIES];
};

static uint64_t text_at(const char *text)
{
    uint64_t eight;
    memcpy(&eight, text, sizeof(eight));
    return eight;
}

/* Tells most texts apart; which it is, all bytes decide. */
static uint64_t memo_key(const char *text, size_t len)
{
    uint64_t key = len * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t quarter = 0; quarter < 4; quarter++) {
        key = (key ^ text_at(text + (len - 8) * quarter / 3)) * UINT64_C(0xff51afd7ed558ccd);
        key ^= key >> 32;
    }
    return key;
}

static void sums_read(const struct text_scan *scan, struct sums *sums)
{
    memcpy(sums->counters, (const char *)scan->features + COUNTERS_BEGIN, sizeof(sums->counters));
    memcpy(sums->counts, &scan->counts, sizeof(sums->counts));
    memcpy(sums->tallied, scan->tallied, sizeof(sums->tallied));
}

/* --- remembering --- */

static void memo_take_hits(struct memo *memo, const struct text_scan *scan, size_t first,
                           uint16_t index, size_t start)
{
    const struct word_hits *hits = &scan->features->hits;
    memo->hits = (uint16_t)(hits->count - first);
    for (size_t i = 0; i < memo->hits; i++) {
        memo->hit_words[i] = hits->words[first + i];
        memo->hit_indexes[i] = (uint16_t)(hits->indexes[first + i] - index);
        memo->hit_offsets[i] = (uint16_t)(hits->offsets[first + i] - start);
        memo->hit_places[i] = hits->places[first + i];
    }
}

static void memo_take_sums(struct memo *memo, const struct text_scan *scan,
                           const struct sums *before)
{
    struct sums after;
    sums_read(scan, &after);
    for (size_t i = 0; i < COUNTERS; i++) {
        memo->counters[i] = after.counters[i] - before->counters[i];
    }
    for (size_t i = 0; i < BYTE_COUNTS; i++) {
        memo->counts[i] = after.counts[i] - before->counts[i];
    }
    for (size_t i = 0; i < WORD_TALLIES; i++) {
        memo->tallied[i] = after.tallied[i] - before->tallied[i];
    }
}

/* Scans, and notes what that adds. The two that are no sums begin at 0. */
static SELDOM void memo_fill(struct memo *memo, struct text_scan *scan, size_t start, size_t end,
                             struct slice text)
{
    struct features *f = scan->features;
    uint16_t index = scan->word_index;
    size_t first = f->hits.count;
    uint32_t last_or = f->last_or;
    uint32_t list_commas = f->list_commas;
    struct sums before;
    memcpy(memo->text, text.ptr, text.len);
    f->last_or = f->list_commas = 0;
    text_tallies_settle(scan);
    sums_read(scan, &before);
    text_scan_region(scan, start, end, PLACE_SYSTEM);
    text_tallies_settle(scan);
    memo->last_or = f->last_or == 0 ? 0 : f->last_or - (uint32_t)start + 1;
    memo->list_commas = f->list_commas;
    f->last_or = f->list_commas = 0;
    if (f->hits.count <= HITS_ANYWHERE && f->hits.count - first <= MEMO_HITS_MAX) {
        memo_take_sums(memo, scan, &before);
        memo_take_hits(memo, scan, first, index, start);
        memo->has_found =
            phrases_find(f, scan->vocabulary, (uint32_t)first, f->hits.count, &memo->found);
        memo->words = (uint16_t)(scan->word_index - index);
        memo->sample_len = (uint16_t)(end - start);
        memo->len = (uint32_t)text.len;
    }
    f->last_or = memo->last_or == 0 ? last_or : (uint32_t)start + memo->last_or - 1;
    f->list_commas = memo->list_commas > list_commas ? memo->list_commas : list_commas;
}

/* --- remembered --- */

typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint16_t eight __attribute__((vector_size(16), aligned(2), may_alias));

static inline void add_counters(uint32_t *to, const uint32_t *from, size_t count)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i += 4) {
        *(four *)(void *)(to + i) += *(const four *)(const void *)(from + i);
    }
}

static void add_to_all(uint16_t *to, const uint16_t *from, uint16_t plus)
{
    *(eight *)(void *)to = *(const eight *)(const void *)from + plus;
}

/* Several at once: there is room behind the last. */
static void memo_add_hits(const struct memo *memo, struct word_hits *hits, uint16_t index,
                          size_t start)
{
    size_t at = hits->count;
    for (size_t i = 0; i < memo->hits; i += 8) {
        memcpy(hits->words + at + i, memo->hit_words + i, 8 * sizeof(hits->words[0]));
        memcpy(hits->places + at + i, memo->hit_places + i, 8);
        add_to_all(hits->indexes + at + i, memo->hit_indexes + i, index);
        add_to_all(hits->offsets + at + i, memo->hit_offsets + i, (uint16_t)start);
    }
    hits->count += memo->hits;
}

static void memo_add_found(const struct memo *memo, struct features *f)
{
    struct found_phrases *found = &f->found;
    found->first = f->hits.count - memo->hits;
    found->end = f->hits.count;
    found->count = memo->found.count;
    for (size_t i = 0; i < found->count; i += 4) {
        memcpy(found->phrases + i, memo->found.phrases + i, 4 * sizeof(found->phrases[0]));
    }
}

static void memo_add(const struct memo *memo, struct text_scan *scan, size_t start)
{
    struct features *f = scan->features;
    uint32_t *counters = (uint32_t *)(void *)((char *)f + COUNTERS_BEGIN);
    size_t *counts = (size_t *)(void *)&scan->counts;
    add_counters(counters, memo->counters, COUNTERS);
    add_counters(scan->tallied, memo->tallied, WORD_TALLIES);
#pragma GCC unroll 8
    for (size_t i = 0; i < BYTE_COUNTS; i++) {
        counts[i] += memo->counts[i];
    }
    f->last_or = memo->last_or == 0 ? f->last_or : (uint32_t)start + memo->last_or - 1;
    f->list_commas = memo->list_commas > f->list_commas ? memo->list_commas : f->list_commas;
    memo_add_hits(memo, &f->hits, scan->word_index, start);
    if (memo->has_found) {
        memo_add_found(memo, f);
    }
    scan->word_index = (uint16_t)(scan->word_index + memo->words);
}

_Static_assert(sizeof(struct byte_counts) == BYTE_COUNTS * sizeof(size_t) && COUNTERS % 4 == 0 &&
                   WORD_TALLIES % 4 == 0 && FEATURES_HITS_ROOM >= HITS_ANYWHERE + 8 &&
                   MEMO_HITS_MAX % 8 == 0 && FOUND_PHRASES_MAX % 4 == 0,
               "counters have one type and are added four at a time, hits eight at a time, phrases "
               "four at a time");

static bool memo_holds(const struct memo *memo, const struct text_scan *scan, struct slice text,
                       bool by_inner)
{
    return memo->len == text.len && memo->by_inner == by_inner &&
           memcmp(memo->text, text.ptr, text.len) == 0 &&
           scan->features->hits.count + memo->hits <= HITS_ANYWHERE;
}

static bool has_size(size_t len)
{
    return len >= SCAN_BLOCK && len <= MEMO_TEXT_MAX;
}

static bool may_remember(struct slice sample)
{
    return has_size(sample.len) && (sample.ptr[sample.ptr[0] == '\n' ? 1 : 0] | 0x20) != 'n';
}

bool memo_recall(struct text_scan *scan, struct slice inner)
{
    struct features *f = scan->features;
    if (!has_size(inner.len)) {
        return false;
    }
    uint64_t key = memo_key(inner.ptr, inner.len);
    const struct memo *memo = &memos[key % MEMO_ENTRIES];
    if (memo->key != key || !memo_holds(memo, scan, inner, true)) {
        return false;
    }
    memo_add(memo, scan, f->sample_len);
    f->sample_len += memo->sample_len;
    f->sampled_bytes += inner.len; /* no more than what is sampled: all of it */
    return true;
}

void memo_scan_system(struct text_scan *scan, size_t start, size_t end, struct slice inner)
{
    struct slice text = slice_of(scan->features->sample + start, end - start);
    if (!may_remember(text)) {
        text_scan_region(scan, start, end, PLACE_SYSTEM);
        return;
    }
    bool by_inner = has_size(inner.len);
    text = by_inner ? inner : text;
    uint64_t key = memo_key(text.ptr, text.len);
    struct memo *memo = &memos[key % MEMO_ENTRIES];
    if (memo->key != key) { /* seen for the first time, or long ago */
        memo->key = key;
        memo->len = 0;
        text_scan_region(scan, start, end, PLACE_SYSTEM);
    } else if (memo_holds(memo, scan, text, by_inner)) {
        memo_add(memo, scan, start);
    } else {
        memo->len = 0;
        memo->by_inner = by_inner;
        memo_fill(memo, scan, start, end, text);
    }
}
