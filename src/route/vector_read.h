/* SPDX-License-Identifier: Apache-2.0 */
/* What both ways to read a text for its vector share. Inside the layer only. */
#ifndef SLUICE_ROUTE_VECTOR_READ_H
#define SLUICE_ROUTE_VECTOR_READ_H

#include "base/check.h"
#include "route/vector.h"

#include <string.h>

#define FIRST_WORDS 8u /* how a request begins says what it is */
#define FIRST_SALT 0x5bd1e9955bd1e995u
#define PAIR_SALT 0x9e3779b97f4a7c15u
#define WORD_SALT 0xcbf29ce484222325u
#define WORD_SPREAD 0xd6e8feb86659fd93u
_Static_assert(VECTOR_BUCKETS == 1u << 16, "a bucket is the upper sixteen bits of a product");

/* What is counted while the text is read. */
struct counts {
    uint32_t of[VECTOR_SHAPES]; /* SHAPE_BYTES: marks that are no shape */
    uint32_t word_bytes;
    uint32_t repeated;
    uint32_t line_bytes;
    bool blank; /* the line so far */
};

struct reading {
    struct text_vector *vector;
    struct counts counts;
    uint64_t seen[VECTOR_BUCKETS / 64];
    uint64_t before; /* hash of the word before; 0: there is none */
};

extern const uint8_t mark_shapes[256];
extern const float vector_logs[128]; /* log(1 + n) */

/* Reads the part as a whole; false: it has characters that are words by themselves, and nothing was
 * counted. */
bool vector_read_part(struct reading *reading, struct slice text);

static inline void end_line(struct counts *counts)
{
    uint32_t *longest = &counts->of[SHAPE_LONGEST_LINE];
    counts->of[SHAPE_LINES]++;
    counts->of[SHAPE_PARAGRAPHS] += counts->blank;
    *longest = counts->line_bytes > *longest ? counts->line_bytes : *longest;
    counts->line_bytes = 0;
    counts->blank = true;
}

static inline __attribute__((always_inline)) uint64_t word_load(const char bytes[8])
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Of eight bytes in lower case; the last ones of a word have zeros behind. */
static inline __attribute__((always_inline)) uint64_t word_hash_step(uint64_t hash, uint64_t bytes)
{
    hash = (hash ^ bytes) * WORD_SPREAD;
    return hash ^ hash >> 32;
}

/* False: it was there already. Written without a branch: nothing tells which words come again. */
static inline bool add_bucket(struct reading *reading, uint64_t hash)
{
    struct text_vector *vector = reading->vector;
    uint32_t bucket = (uint32_t)(hash * WORD_SPREAD >> 48);
    uint64_t *cell = &reading->seen[bucket / 64];
    uint64_t before = *cell;
    bool is_new = (before >> bucket % 64 & 1u) == 0;
    *cell = before | UINT64_C(1) << bucket % 64;
    vector->buckets[vector->count] = (uint16_t)bucket; /* there is room for one more */
    vector->count += is_new;
    return is_new;
}

static inline __attribute__((always_inline)) void add_word(struct reading *reading, uint64_t hash,
                                                           size_t len)
{
    struct counts *counts = &reading->counts;
    if (counts->of[SHAPE_WORDS] >= VECTOR_WORDS_MAX) {
        return;
    }
    counts->of[SHAPE_WORDS]++;
    counts->word_bytes += (uint32_t)len;
    counts->of[SHAPE_LONG_WORDS] += len > 8;
    bool is_new = add_bucket(reading, hash);
    counts->of[SHAPE_DISTINCT_WORDS] += is_new;
    counts->repeated += !is_new;
    if (counts->of[SHAPE_WORDS] <= FIRST_WORDS) {
        add_bucket(reading, hash ^ FIRST_SALT);
    }
    if (reading->before != 0) {
        add_bucket(reading, reading->before * PAIR_SALT + hash);
    }
    reading->before = hash;
}

#endif
