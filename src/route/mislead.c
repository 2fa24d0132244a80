/* SPDX-License-Identifier: Apache-2.0 */
#include "route/aside.h"
#include "route/scan.h"
#include "route/vocabulary.h"

#include <string.h>

#define NEAR_HITS 3  /* a group of repeated words is no longer than that */
#define NEAR_WORDS 4 /* a group has no more words, known or not */
#define FEW_HITS 16  /* all of them are counted, not only those that begin a sentence */
#define PLACES_ONE UINT64_C(0x0101010101010101)
#define SELDOM __attribute__((noinline))
#define OFTEN 3        /* times of an order */
#define OFTEN_SHARE 12 /* one word in so many, as repeated_take() asks */
#define LOOKED_AT 512u /* bytes of each end that are searched for other letters */

/* Groups of four rows at once. */
typedef uint32_t four_rows __attribute__((vector_size(16)));

static bool rows_equal(const struct glance *glance, size_t near)
{
    four_rows equal = {0};
    for (size_t i = 0; i + 2 * near + 4 <= glance->words; i += 4) {
        four_rows a;
        four_rows b;
        four_rows c;
        memcpy(&a, glance->rows + i, sizeof(a));
        memcpy(&b, glance->rows + i + near, sizeof(b));
        memcpy(&c, glance->rows + i + 2 * near, sizeof(c));
        equal |= (four_rows)((a == b) & (b == c));
    }
    return (equal[0] | equal[1] | equal[2] | equal[3]) != 0;
}

/* Words of Chinese and Japanese have the rows of pairs between them: there, a group of three or
   four comes again after six or eight. */
bool glance_repeats(const struct glance *glance)
{
    static const uint8_t distances[] = {1, 2, 3, 4, 6, 8};
    bool repeats = false;
    for (size_t i = 0; i < ARRAY_LEN(distances); i++) {
        repeats |= rows_equal(glance, distances[i]);
    }
    return repeats;
}

static bool holds(const struct features *f, struct slice mark)
{
    const char *at = f->sample;
    const char *end = f->sample + f->user_len;
    while ((at = memchr(at, mark.ptr[0], (size_t)(end - at))) != NULL) {
        if (memcmp(at, mark.ptr, mark.len) == 0) { /* zeros follow the sample */
            return true;
        }
        at++;
    }
    return false;
}

/* ">" at a line's start, "</", "~~~": in the sample of the user's turn. */
static bool has_marked_quotes(const struct features *f)
{
    const char *at = f->sample;
    const char *end = f->sample + f->user_len;
    while ((at = memchr(at, '>', (size_t)(end - at))) != NULL) {
        const char *before = at++;
        while (before > f->sample && (before[-1] == ' ' || before[-1] == '\t')) {
            before--;
        }
        if (before == f->sample || before[-1] == '\n') {
            return true;
        }
    }
    return holds(f, SLICE("</")) || holds(f, SLICE("~~~"));
}

static bool is_order(const struct features *f, size_t hit)
{
    const struct known_word *word = vocabulary_word(vocabulary_get(), f->hits.words[hit]);
    return word->first_phrase < word->phrase_end;
}

static uint64_t eight_places(const struct features *f, size_t hit)
{
    uint64_t eight;
    memcpy(&eight, f->hits.places + hit, sizeof(eight));
    size_t left = f->hits.count - hit;
    return left >= 8 ? eight : eight & ((UINT64_C(1) << 8 * left) - 1);
}

static bool any_quoted(const struct features *f)
{
    uint64_t all = 0;
    for (size_t i = 0; i < f->hits.count; i += 8) {
        all |= eight_places(f, i);
    }
    return (all & PLACES_ONE * PLACE_QUOTED) != 0;
}

/* Where a quotation or a sentence in it begins. */
static SELDOM bool quotes_orders(const struct features *f)
{
    for (size_t i = 0; i < f->hits.count; i++) {
        unsigned place = f->hits.places[i];
        if ((place & PLACE_QUOTED) != 0 && (place & (PLACE_SYSTEM | PLACE_EARLIER)) == 0 &&
            ((place & PLACE_START) != 0 || f->sample[f->hits.offsets[i] - 1] == '"') &&
            is_order(f, i)) {
            return true;
        }
    }
    return false;
}

typedef uint16_t eight_hits __attribute__((vector_size(16)));

/* Of eight hits, all bits where one is the same as those `near` and twice as far before it. */
static eight_hits hits_again(const uint16_t *words, size_t near)
{
    eight_hits a;
    eight_hits b;
    eight_hits c;
    memcpy(&a, words, sizeof(a));
    memcpy(&b, words + near, sizeof(b));
    memcpy(&c, words + 2 * near, sizeof(c));
    return (eight_hits)((a == b) & (b == c));
}

/* An order, and as many of those between it and the next one as there are. */
static bool is_run(const struct features *f, size_t first, size_t near)
{
    bool order = false;
    for (size_t i = first; i < first + near; i++) {
        const uint16_t *words = f->hits.words;
        if (i + 2 * near >= f->hits.count || words[i] != words[i + near] ||
            words[i] != words[i + 2 * near] ||
            f->hits.indexes[i + 2 * near] - f->hits.indexes[i] > 2 * NEAR_WORDS) {
            return false;
        }
        order |= is_order(f, i);
    }
    return order;
}

/* Hits that come three times, one group behind the other, orders among them. */
static bool repeats_near(const struct features *f)
{
    const struct word_hits *hits = &f->hits;
    for (size_t near = 1; near <= NEAR_HITS; near++) {
        for (size_t i = 0; i + 2 * near < hits->count; i += 8) {
            eight_hits again = hits_again(hits->words + i, near);
            uint64_t halves[2];
            memcpy(halves, &again, sizeof(halves));
            for (size_t k = 0; (halves[0] | halves[1]) != 0 && k < 8; k++) {
                if (is_run(f, i + k, near)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* Which of eight hits are counted, one bit in a byte each: those that begin a sentence, or all
   where the hits are few. */
static uint64_t counted_places(const struct features *f, size_t hit)
{
    uint64_t all = f->hits.count > FEW_HITS ? 0 : PLACES_ONE;
    size_t left = f->hits.count - hit;
    all = left >= 8 ? all : all & ((UINT64_C(1) << 8 * left) - 1);
    return (eight_places(f, hit) & PLACES_ONE * PLACE_START) | all;
}

static SELDOM bool comes_often(const struct features *f, size_t hit)
{
    unsigned times = 0;
    for (size_t i = 0; i < f->hits.count; i++) {
        times += f->hits.words[i] == f->hits.words[hit] &&
                 (f->hits.count <= FEW_HITS || (f->hits.places[i] & PLACE_START) != 0);
    }
    return times >= OFTEN && times * OFTEN_SHARE >= f->words && is_order(f, hit);
}

/* The same order at many sentences' starts: a hash of 64 tells when there could be any. */
static bool repeats_orders(const struct features *f)
{
    uint64_t once = 0;
    uint64_t twice = 0;
    for (size_t i = 0; i < f->hits.count; i += 8) {
        for (uint64_t rest = counted_places(f, i); rest != 0; rest &= rest - 1) {
            size_t hit = i + bits_first(rest) / 8;
            uint64_t bit = UINT64_C(1) << f->hits.words[hit] / WORD_ID_STEP % 64;
            if (UNLIKELY((twice & bit) != 0) && comes_often(f, hit)) {
                return true;
            }
            twice |= once & bit;
            once |= bit;
        }
    }
    return false;
}

static bool is_letter(unsigned char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26;
}

/* Does a letter of another look, or a character that is not seen, begin here: of Greek, Cyrillic
   and hidden ones, beside a Latin letter; or a quotation mark that is no ASCII? Three bytes follow.
 */
static bool is_lookalike(const unsigned char *at, bool after_letter)
{
    switch (at[0]) {
    case 0xc2: /* soft hyphen; guillemets */
        return (at[1] == 0xad && after_letter) || at[1] == 0xab || at[1] == 0xbb;
    case 0xe2: /* not seen; in circles */
        return (at[1] == 0x80 && ((at[2] >= 0x8b && at[2] <= 0x8f) || (at[2] - 0xaau) < 5)) ||
               (at[1] == 0x81 && at[2] >= 0xa0) || ((at[1] | 1) == 0x93 && after_letter);
    case 0xe3: /* corner brackets */
        return at[1] == 0x80 && (at[2] & ~2) == 0x8c;
    case 0xef: /* full width; a blank of no width */
        return ((at[1] | 1) == 0xbd && (at[2] & 0x3f) - 1u < 0x3au) ||
               (at[1] == 0xbb && at[2] == 0xbf);
    case 0xf0: /* mathematical */
        return at[1] == 0x9d;
    default: /* accents by themselves, Greek, Cyrillic */
        return at[0] >= 0xcc && at[0] <= 0xd4 && (after_letter || is_letter(at[2]));
    }
}

static bool has_lookalike(const unsigned char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t eight;
        memcpy(&eight, text + i, sizeof(eight)); /* zeros follow the sample */
        if ((eight & PLACES_ONE * 0x80) == 0) {
            i += sizeof(eight) - 1;
        } else if (text[i] >= 0xc2 && is_lookalike(text + i, i > 0 && is_letter(text[i - 1]))) {
            return true;
        }
    }
    return false;
}

static bool has_lookalikes(const struct features *f)
{
    const unsigned char *text = (const unsigned char *)f->sample;
    size_t tail = f->user_len < LOOKED_AT ? f->user_len : LOOKED_AT;
    size_t head = f->user_len - tail < LOOKED_AT ? f->user_len - tail : LOOKED_AT;
    return has_lookalike(text, head) || has_lookalike(text + f->user_len - tail, tail);
}

bool text_may_mislead(const struct features *f, bool repeats)
{
    return repeats || f->code_fences > 0 || repeats_near(f) || repeats_orders(f) ||
           (any_quoted(f) && quotes_orders(f)) || (f->seldom_marks > 0 && has_marked_quotes(f)) ||
           (f->beyond_ascii > 0 && has_lookalikes(f));
}
