/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a few blocks, noted by the loop over blocks (words_append(), inlined there) and then
 * looked up and judged at once (hits.c). Bit k of a mask is the k-th of them. Inside the layer
 * only.
 */
#ifndef SLUICE_ROUTE_WORDS_H
#define SLUICE_ROUTE_WORDS_H

#include "route/scan_vector.h"
#include "route/text.h"

/* What is written per kind of processor; constant where it is used, so all of it is inlined. */
struct bit_kind {
    uint64_t (*word_low)(const char *word, size_t len);
    uint64_t (*gather)(uint64_t bits, uint64_t of); /* those of `of`, one beside the other */
    uint64_t (*spread)(uint64_t bits, uint64_t to); /* the reverse */
    /* a mask per bit of a kind */
    void (*kinds)(const uint8_t *kinds, size_t count, uint64_t masks[8]);
    /* Notes the words of a block, `count` before them; returns how many there are with those. */
    size_t (*note)(struct words *words, const char *sample, size_t block, size_t count);
    /* Fills in what is known of them; those that must be looked for again, one by one, as bits. */
    uint64_t (*known)(const struct vocabulary *vocabulary, struct words *words, size_t count);
};

/* Eight bits become the lowest bits of eight bytes by spreading them to this. */
#define BYTES_ONE UINT64_C(0x0101010101010101)

static ALWAYS uint64_t gather_narrow(uint64_t bits, uint64_t of)
{
    uint64_t gathered = 0;
    if ((of & (of + 1)) == 0) {
        return bits & of;
    }
    for (bits &= of; bits != 0; bits &= bits - 1) {
        gathered |= UINT64_C(1) << bits_count(of & bits_below(bits_first(bits)));
    }
    return gathered;
}

static ALWAYS uint64_t spread_narrow(uint64_t bits, uint64_t to)
{
    uint64_t spread = 0;
    if ((to & (to + 1)) == 0) {
        return bits & to;
    }
    if (to == BYTES_ONE) {
        uint64_t bytes = (bits & 0xff) * BYTES_ONE & UINT64_C(0x8040201008040201);
        return (bytes + BYTES_ONE * 0x7f) >> 7 & BYTES_ONE;
    }
    for (; to != 0; to &= to - 1, bits >>= 1) {
        spread |= (bits & 1u) != 0 ? to & (0 - to) : 0;
    }
    return spread;
}

#ifdef SCAN_HAS_VECTORS

/* Words of more than 31 bytes come out as something else, which no rule knows either. */
static ALWAYS SCAN_WIDE uint64_t word_low_wide(const char *word, size_t len)
{
    uint64_t low;
    memcpy(&low, word, 8);
    return _bzhi_u64(low, (unsigned)len * 8);
}

/* Upper halves of the products of 32 bits. */
static ALWAYS SCAN_WIDE __m256i high_product(__m256i a, __m256i factor)
{
    __m256i even = _mm256_mul_epu32(a, factor);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), factor);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

/* The upper halves of the products of 64 bits, which are given by halves; no more than 64 count. */
static ALWAYS SCAN_WIDE __m256i upper_of(__m256i low, __m256i high, uint64_t factor)
{
    const __m256i factor_low = _mm256_set1_epi32((int)(uint32_t)factor);
    const __m256i factor_high = _mm256_set1_epi32((int)(uint32_t)(factor >> 32));
    __m256i cross = _mm256_add_epi32(_mm256_mullo_epi32(low, factor_high),
                                     _mm256_mullo_epi32(high, factor_low));
    return _mm256_add_epi32(high_product(low, factor_low), cross);
}

static ALWAYS SCAN_WIDE uint64_t gather_wide(uint64_t bits, uint64_t of)
{
    return _pext_u64(bits, of);
}

static ALWAYS SCAN_WIDE uint64_t spread_wide(uint64_t bits, uint64_t to)
{
    return _pdep_u64(bits, to);
}

#endif

/* Adds the block's words; those are looked up that begin at a bit of `wanted`. */
static ALWAYS void words_append(struct text_scan *scan, const struct block *block, uint64_t wanted,
                                const struct bit_kind *kind)
{
    struct words *words = &scan->words;
    uint64_t starts = block->starts;
    uint64_t looked_up = starts & wanted;
    unsigned before = words->all;
    words->all = before + bits_count(starts);
    words->start |= kind->gather(block->sentence_starts, starts) << before;
    words->clause |= kind->gather(block->clause_starts, starts) << before;
    if (UNLIKELY(block->quoted != 0)) {
        words->quoted |= kind->gather(block->quoted, starts) << before;
    }
    if (looked_up != 0) {
        words->looked_up |= kind->gather(looked_up, starts) << before;
        words->block[words->blocks].starts = looked_up;
        /* the ends of the words that are wanted: a carry runs through each from its start */
        words->block[words->blocks].ends = block->ends & (block->masks.word + looked_up);
        words->block[words->blocks++].base = block->base;
    }
}

#endif
