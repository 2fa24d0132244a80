/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row's lanes are bytes; sums of them are kept as 16 bits, two ways: of the lanes in pairs, as if
 * a pair were one number, and of the same bytes in the pairs that begin one byte before. Each sum
 * tells modulo 256 what the lower bytes of its pairs have come to, which are the upper bytes of the
 * other: two instructions a row, and no widening.
 */
#include "route/lanes.h"

#include "route/words.h"

#include <math.h>
#include <stddef.h>

#define LOWEST (-20.0F) /* e^x of less is nothing here */
#define LOG2_E 1.44269504F
#define EXP_1 0.69583354F
#define EXP_2 0.22606716F
#define EXP_3 0.07809985F
#define EXPONENT_BIAS 127
#define MANTISSA_BITS 23

/* No sum of that many bytes leaves 16 bits. */
_Static_assert(GLANCE_WORDS_MAX * 255 <= UINT16_MAX && GLANCE_FACTS_MAX * 255 <= UINT16_MAX,
               "the two kinds of rows are summed apart");
_Static_assert(GLANCE_STEP == TEXT_LANES, "a row's lanes are bytes");

static float word_value(const struct text_model *model, const struct glance *glance)
{
    return model->header.word_value / sqrtf((float)glance->words + 4);
}

static float coverage_of(const struct glance *glance, int seen)
{
    return glance->words == 0 ? 0 : (float)seen / (float)glance->words;
}

/* --- one by one --- */

static void sum_rows(const struct text_model *model, const uint32_t *rows, size_t count,
                     int32_t sums[TEXT_LANES])
{
    const uint8_t *table = model->table[0];
    for (unsigned lane = 0; lane < TEXT_LANES; lane++) {
        sums[lane] = -(int32_t)count * TEXT_ZERO;
    }
    for (size_t i = 0; i < count; i++) {
        for (unsigned lane = 0; lane < TEXT_LANES; lane++) {
            sums[lane] += table[rows[i] + lane];
        }
    }
}

void lanes_score_narrow(const struct text_model *model, const struct glance *glance,
                        float scores[TEXT_LANES], float *ret_coverage)
{
    int32_t words[TEXT_LANES];
    int32_t facts[TEXT_LANES];
    float value = word_value(model, glance);
    sum_rows(model, glance->rows, glance->words, words);
    sum_rows(model, glance->rows + glance->words, glance->count - glance->words, facts);
    for (unsigned i = 0; i < TEXT_LANES; i++) {
        scores[i] = model->header.scales[i] *
                    ((float)words[i] * value + (float)facts[i] * model->header.fact_value);
    }
    *ret_coverage = coverage_of(glance, words[LANE_SEEN]);
}

/* e^x for LOWEST <= x <= 0 within 0.1 %: 2^n by its exponent bits, the rest by a polynomial. */
static float quick_exp(float x)
{
    float y = x * LOG2_E;
    int32_t n = (int32_t)y - 1;
    float f = y - (float)n; /* 0 .. 1, or 1 .. 2 at whole numbers */
    float p = 1 + f * (EXP_1 + f * (EXP_2 + f * EXP_3));
    uint32_t bits = (uint32_t)(n + EXPONENT_BIAS) << MANTISSA_BITS;
    float power;
    memcpy(&power, &bits, sizeof(power));
    return p * power;
}

/* In the order of vectors of eight, which are added up by halves. */
static float sum_of(const float tasks[TEXT_LANES])
{
    float sums[8];
    for (unsigned i = 0; i < 8; i++) {
        sums[i] = (tasks[i] + tasks[i + 8]) + (tasks[i + 16] + tasks[i + 24]);
    }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

enum task lanes_soften_narrow(const float scores[TEXT_LANES], float tasks[TEXT_LANES])
{
    unsigned best = 0;
    for (unsigned i = 1; i < TASK_COUNT; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    for (unsigned i = 0; i < TEXT_LANES; i++) {
        float below = scores[i] - scores[best];
        tasks[i] = i < TASK_COUNT ? quick_exp(below < LOWEST ? LOWEST : below) : 0;
    }
    float share = 1 / sum_of(tasks);
    for (unsigned i = 0; i < TEXT_LANES; i++) {
        tasks[i] *= share;
    }
    return (enum task)best;
}

/* --- eight at a time --- */

#ifdef SCAN_HAS_VECTORS

#define VECTORS (TEXT_LANES / 8)

#define ADD_ROW(at)                                                                                \
    do {                                                                                           \
        pairs = _mm256_add_epi16(pairs, _mm256_load_si256((const __m256i *)(const void *)(at)));   \
        apart = _mm256_add_epi16(apart, load_32((const char *)(at)-1));                            \
    } while (0)

/* Sums of the upper bytes of each pair, from those of pairs and of bytes one further to the front:
   there each upper byte is the lower one of the next pair, whose own lower byte's sum is known by
   its lower half. The last lane has no next pair; its neighbour is always TEXT_ZERO. */
static ALWAYS SCAN_WIDE __m256i odd_sums(__m256i pairs, __m256i apart, size_t count)
{
    __m256i before = _mm256_sub_epi16(apart, _mm256_slli_epi16(pairs, 8));
    __m256i above = _mm256_permute2x128_si256(before, before, 0x81);
    __m256i odd = _mm256_alignr_epi8(above, before, 2);
    unsigned zero = (unsigned)count * TEXT_ZERO;
    unsigned last = ((unsigned)_mm256_extract_epi16(pairs, LANE_SEEN / 2) - zero) >> 8;
    return _mm256_insert_epi16(odd, (short)(zero + ((last - zero) & 0xff)), LANE_SEEN / 2);
}

/* Four rows at a time are written out: the compiler would not keep them in their registers. */
static ALWAYS SCAN_WIDE void sum_rows_wide(const struct text_model *model, const uint32_t *rows,
                                           size_t count, __m256i sums[VECTORS])
{
    const uint8_t *table = (const uint8_t *)model + offsetof(struct text_model, table);
    __m256i pairs = _mm256_setzero_si256();
    __m256i apart = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        ADD_ROW(table + rows[i]);
        ADD_ROW(table + rows[i + 1]);
        ADD_ROW(table + rows[i + 2]);
        ADD_ROW(table + rows[i + 3]);
    }
    for (; i < count; i++) {
        ADD_ROW(table + rows[i]);
    }
#undef ADD_ROW
    __m256i odd = odd_sums(pairs, apart, count);
    __m256i even = _mm256_sub_epi16(pairs, _mm256_slli_epi16(odd, 8));
    __m256i first = _mm256_unpacklo_epi16(even, odd); /* lanes 0 .. 7, 16 .. 23 */
    __m256i second = _mm256_unpackhi_epi16(even, odd);
    __m256i zero = _mm256_set1_epi32((int)count * TEXT_ZERO);
    sums[0] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(first));
    sums[1] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(second));
    sums[2] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(first, 1));
    sums[3] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(second, 1));
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        sums[vector] = _mm256_sub_epi32(sums[vector], zero);
    }
}

SCAN_WIDE void lanes_score_wide(const struct text_model *model, const struct glance *glance,
                                float scores[TEXT_LANES], float *ret_coverage)
{
    if (UNLIKELY(glance->words > UINT8_MAX)) { /* all seen or none: odd_sums() cannot tell */
        lanes_score_narrow(model, glance, scores, ret_coverage);
        return;
    }
    __m256i words[VECTORS];
    __m256i facts[VECTORS];
    const __m256 word = _mm256_set1_ps(word_value(model, glance));
    const __m256 fact = _mm256_set1_ps(model->header.fact_value);
    sum_rows_wide(model, glance->rows, glance->words, words);
    sum_rows_wide(model, glance->rows + glance->words, glance->count - glance->words, facts);
    for (unsigned i = 0; i < VECTORS; i++) {
        __m256 both = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(words[i]), word),
                                    _mm256_mul_ps(_mm256_cvtepi32_ps(facts[i]), fact));
        __m256 scale = _mm256_loadu_ps(model->header.scales + (size_t)i * 8);
        _mm256_storeu_ps(scores + (size_t)i * 8, _mm256_mul_ps(scale, both));
    }
    *ret_coverage = coverage_of(glance, _mm256_extract_epi32(words[3], LANE_SEEN % 8));
}

static ALWAYS SCAN_WIDE __m256 quick_exp_wide(__m256 x)
{
    __m256 y = _mm256_mul_ps(x, _mm256_set1_ps(LOG2_E));
    __m256i n = _mm256_add_epi32(_mm256_cvttps_epi32(y), _mm256_set1_epi32(-1));
    __m256 f = _mm256_sub_ps(y, _mm256_cvtepi32_ps(n));
    __m256 p = _mm256_add_ps(_mm256_set1_ps(EXP_2), _mm256_mul_ps(f, _mm256_set1_ps(EXP_3)));
    p = _mm256_add_ps(_mm256_set1_ps(EXP_1), _mm256_mul_ps(f, p));
    p = _mm256_add_ps(_mm256_set1_ps(1), _mm256_mul_ps(f, p));
    __m256i bits =
        _mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(EXPONENT_BIAS)), MANTISSA_BITS);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(bits));
}

static ALWAYS SCAN_WIDE __m256 most_of(__m256 v)
{
    v = _mm256_max_ps(v, _mm256_permute2f128_ps(v, v, 1));
    v = _mm256_max_ps(v, _mm256_permute_ps(v, 0x4e));
    return _mm256_max_ps(v, _mm256_permute_ps(v, 0xb1));
}

static ALWAYS SCAN_WIDE __m256 sum_wide(__m256 v)
{
    v = _mm256_add_ps(v, _mm256_permute2f128_ps(v, v, 1));
    v = _mm256_add_ps(v, _mm256_permute_ps(v, 0x4e));
    return _mm256_add_ps(v, _mm256_permute_ps(v, 0xb1));
}

/* The lanes behind the last task. */
static ALWAYS SCAN_WIDE __m256 no_tasks(void)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i last = _mm256_set1_epi32(TASK_COUNT % 8 - 1);
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(lanes, last));
}

SCAN_WIDE enum task lanes_soften_wide(const float scores[TEXT_LANES], float tasks[TEXT_LANES])
{
    __m256 v[VECTORS];
    uint32_t best = 0;
    for (unsigned i = 0; i < VECTORS; i++) {
        v[i] = _mm256_loadu_ps(scores + (size_t)i * 8);
    }
    v[3] = _mm256_blendv_ps(v[3], v[0], no_tasks()); /* as if there was nothing new */
    __m256 most = most_of(_mm256_max_ps(_mm256_max_ps(v[0], v[1]), _mm256_max_ps(v[2], v[3])));
    for (unsigned i = 0; i < VECTORS; i++) {
        __m256 equal = _mm256_cmp_ps(v[i], most, _CMP_EQ_OQ);
        best |= (uint32_t)_mm256_movemask_ps(equal) << (8 * i);
        v[i] = quick_exp_wide(_mm256_max_ps(_mm256_sub_ps(v[i], most), _mm256_set1_ps(LOWEST)));
    }
    v[3] = _mm256_andnot_ps(no_tasks(), v[3]);
    __m256 sum = sum_wide(_mm256_add_ps(_mm256_add_ps(v[0], v[1]), _mm256_add_ps(v[2], v[3])));
    __m256 share = _mm256_div_ps(_mm256_set1_ps(1), sum);
    for (unsigned i = 0; i < VECTORS; i++) {
        _mm256_storeu_ps(tasks + (size_t)i * 8, _mm256_mul_ps(v[i], share));
    }
    return best == 0 ? (enum task)0 : (enum task)__builtin_ctz(best);
}

#endif
