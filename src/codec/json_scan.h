/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of the JSON reader and writer: how far does plain text reach, where does white
 * space end. Private to the codec layer and inline, because most of the time of a parse is spent
 * here.
 *
 * Plain text is what may stand in a JSON string as it is: valid UTF-8 (RFC 3629) without quote,
 * backslash and characters below U+0020. There are two forms of the search: 16 bytes at a time with
 * SSE2, where the check of UTF-8 is free of branches so that mixed scripts cost no more than pure
 * ones, and 8 bytes at a time in plain C. Both give the same answer for every input
 * (tests/unit/codec/json_scan_test.c); the last bytes always take the second form, so that nothing
 * is read beyond `end`. Long runs of plain text are passed over with wider vectors where there are
 * any.
 */
#ifndef SLUICE_CODEC_JSON_SCAN_H
#define SLUICE_CODEC_JSON_SCAN_H

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define JSON_BLOCK 16 /* an int: differences of pointers are compared with it */

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Is this a byte that a string cannot hold unescaped? (Bytes from 0x80 on are not: they are UTF-8's
 * affair.) */
static inline bool json_is_stop(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static inline bool json_is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length of the valid multi-byte character at p (its first byte is 0x80 or more), or 0. */
static inline size_t json_multibyte(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (u[0] >= 0xE0 && u[0] <= 0xEF) {
        unsigned char low = u[0] == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = u[0] == 0xED ? 0x9F : 0xBF;
        bool ok = left >= 3 && u[1] >= low && u[1] <= high && json_is_continuation(u[2]);
        return ok ? 3 : 0;
    }
    if (u[0] >= 0xC2 && u[0] <= 0xDF) {
        return left >= 2 && json_is_continuation(u[1]) ? 2 : 0;
    }
    if (u[0] >= 0xF0 && u[0] <= 0xF4) {
        unsigned char low = u[0] == 0xF0 ? 0x90 : 0x80;
        unsigned char high = u[0] == 0xF4 ? 0x8F : 0xBF;
        bool ok = left >= 4 && u[1] >= low && u[1] <= high && json_is_continuation(u[2]) &&
                  json_is_continuation(u[3]);
        return ok ? 4 : 0;
    }
    return 0;
}

/* Do these eight bytes hold a stop or a byte from 0x80 on? */
static inline bool json_word_is_plain(const char *p)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t w;
    memcpy(&w, p, sizeof w);
    uint64_t quote = w ^ (ones * '"');
    uint64_t backslash = w ^ (ones * '\\');
    uint64_t hit = w | (w - ones * 0x20) | (quote - ones) | (backslash - ones);
    return (hit & (ones * 0x80)) == 0;
}

/* The first byte that is no plain text (a stop, or the start of an invalid sequence), or end. */
static inline const char *json_text_skip_portable(const char *p, const char *end)
{
    while (p < end) {
        if (end - p >= 8 && json_word_is_plain(p)) {
            p += 8;
            continue;
        }
        unsigned char c = (unsigned char)*p;
        if (c < 0x80) {
            if (json_is_stop(c)) {
                return p;
            }
            p++;
            continue;
        }
        size_t length = json_multibyte(p, end);
        if (length == 0) {
            return p;
        }
        p += length;
    }
    return end;
}

#ifdef __SSE2__
static inline __m128i json_block(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i json_fill(unsigned char byte)
{
    return _mm_set1_epi8((char)byte);
}

/* 0xFF where the byte is a stop or from 0x80 on. The exchange of 0x20 and 0x22 puts the quote
   beside the control characters, and turning the top bit puts the bytes from 0x80 on below them
   all. */
static inline __m128i json_block_hits(__m128i v)
{
    __m128i turned = _mm_xor_si128(v, json_fill(0x82));
    return _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(turned, json_fill(0xA0)), turned),
                        _mm_cmpeq_epi8(v, json_fill('\\')));
}

/* 0xFF where the byte is a stop. */
static inline __m128i json_block_stops(__m128i v)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, json_fill(0x1F)), v);
    __m128i quote = _mm_cmpeq_epi8(v, json_fill('"'));
    __m128i backslash = _mm_cmpeq_epi8(v, json_fill('\\'));
    return _mm_or_si128(control, _mm_or_si128(quote, backslash));
}

/* 0xFF where a second byte does not suit its first: overlong forms, surrogates, values above
   U+10FFFF. */
static inline __m128i json_block_misfits(__m128i v, __m128i before1)
{
    /* signed comparisons: the continuation bytes 0x80..0xBF are the smallest values */
    __m128i below_a0 = _mm_cmplt_epi8(v, json_fill(0xA0));
    __m128i below_90 = _mm_cmplt_epi8(v, json_fill(0x90));
    __m128i e0 = _mm_and_si128(_mm_cmpeq_epi8(before1, json_fill(0xE0)), below_a0);
    __m128i ed = _mm_andnot_si128(below_a0, _mm_cmpeq_epi8(before1, json_fill(0xED)));
    __m128i f0 = _mm_and_si128(_mm_cmpeq_epi8(before1, json_fill(0xF0)), below_90);
    __m128i f4 = _mm_andnot_si128(below_90, _mm_cmpeq_epi8(before1, json_fill(0xF4)));
    __m128i c0 = _mm_cmpeq_epi8(_mm_and_si128(v, json_fill(0xFE)), json_fill(0xC0));
    __m128i f5 = _mm_cmpeq_epi8(_mm_max_epu8(v, json_fill(0xF5)), v);
    return _mm_or_si128(_mm_or_si128(_mm_or_si128(e0, ed), _mm_or_si128(f0, f4)),
                        _mm_or_si128(c0, f5));
}

/* 0xFF at a byte that breaks UTF-8; before1..3 are the bytes one to three places earlier. */
static inline __m128i json_block_faults(__m128i v, __m128i before1, __m128i before2,
                                        __m128i before3)
{
    __m128i continuation = _mm_cmplt_epi8(v, json_fill(0xC0));
    __m128i due = _mm_or_si128(_mm_or_si128(_mm_subs_epu8(before1, json_fill(0xBF)),
                                            _mm_subs_epu8(before2, json_fill(0xDF))),
                               _mm_subs_epu8(before3, json_fill(0xEF)));
    __m128i none_due = _mm_cmpeq_epi8(due, _mm_setzero_si128());
    /* one of the two must hold, never both and never neither */
    return _mm_or_si128(_mm_cmpeq_epi8(none_due, continuation), json_block_misfits(v, before1));
}

/* The start of the character that the bytes before p leave incomplete, or p. */
static inline const char *json_character_start(const char *p)
{
    if ((unsigned char)p[-1] >= 0xC0) {
        return p - 1;
    }
    if ((unsigned char)p[-2] >= 0xE0) {
        return p - 2;
    }
    return (unsigned char)p[-3] >= 0xF0 ? p - 3 : p;
}

/* Text that holds multi-byte characters, from a character's start: the place of the first stop or
   fault, or a place before which all is plain and after which is plain ASCII or little is left.
   *ret_found says which. */
static inline const char *json_multibyte_skip(const char *p, const char *end, bool *ret_found)
{
    const char *start = p;
    __m128i v = json_block(p);
    __m128i faults =
        json_block_faults(v, _mm_slli_si128(v, 1), _mm_slli_si128(v, 2), _mm_slli_si128(v, 3));
    for (;;) {
        __m128i stops = json_block_stops(v);
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_or_si128(stops, faults));
        if (hits != 0) {
            *ret_found = true;
            p += __builtin_ctz(hits);
            bool fault = (_mm_movemask_epi8(faults) & (int)(hits & -hits)) != 0;
            return LIKELY(!fault) ? p : json_text_skip_portable(start, end);
        }
        p += JSON_BLOCK;
        if (end - p < JSON_BLOCK) {
            *ret_found = false;
            return json_character_start(p);
        }
        if (_mm_movemask_epi8(v) == 0) {
            *ret_found = false;
            return p;
        }
        v = json_block(p);
        faults = json_block_faults(v, json_block(p - 1), json_block(p - 2), json_block(p - 3));
    }
}

/* Do four blocks hold a hit? After exchanging as above and turning the top bit, hits are the
   smallest bytes without sign, so that one comparison serves all four. */
static inline bool json_four_blocks_hit(const char *p)
{
    __m128i turn = json_fill(0x82);
    __m128i backslash = json_fill('\\');
    __m128i v0 = json_block(p);
    __m128i v1 = json_block(p + JSON_BLOCK);
    __m128i v2 = json_block(p + JSON_BLOCK * 2);
    __m128i v3 = json_block(p + JSON_BLOCK * 3);
    __m128i least = _mm_min_epu8(_mm_min_epu8(_mm_xor_si128(v0, turn), _mm_xor_si128(v1, turn)),
                                 _mm_min_epu8(_mm_xor_si128(v2, turn), _mm_xor_si128(v3, turn)));
    __m128i escapes =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v0, backslash), _mm_cmpeq_epi8(v1, backslash)),
                     _mm_or_si128(_mm_cmpeq_epi8(v2, backslash), _mm_cmpeq_epi8(v3, backslash)));
    __m128i plain = _mm_cmpeq_epi8(_mm_max_epu8(least, json_fill(0xA1)), least);
    return _mm_movemask_epi8(_mm_andnot_si128(escapes, plain)) != 0xFFFF;
}

#define JSON_NEAR_BLOCKS 4
#define JSON_WIDE_BLOCK 32
/* json_plain_skip() with AVX2, for where the processor has it: with less than a wide block left. */
const char *json_wide_skip(const char *p, const char *end);

/* The first stop or byte from 0x80 on, or a place with less than a block left after it. */
static inline const char *json_plain_skip(const char *p, const char *end)
{
    if (end - p >= JSON_WIDE_BLOCK && __builtin_cpu_supports("avx2")) {
        p = json_wide_skip(p, end);
        if (end - p >= JSON_WIDE_BLOCK) {
            return p;
        }
    }
    while (end - p >= JSON_BLOCK * 4 && !json_four_blocks_hit(p)) {
        p += JSON_BLOCK * 4;
    }
    for (; end - p >= JSON_BLOCK; p += JSON_BLOCK) {
        unsigned hits = (unsigned)_mm_movemask_epi8(json_block_hits(json_block(p)));
        if (hits != 0) {
            return p + __builtin_ctz(hits);
        }
    }
    return p;
}

static inline const char *json_text_skip(const char *p, const char *end)
{
    while (end - p >= JSON_BLOCK) {
        p = json_plain_skip(p, end);
        if (p < end && json_is_stop((unsigned char)*p)) {
            return p;
        }
        if (end - p < JSON_BLOCK) {
            break;
        }
        bool found;
        p = json_multibyte_skip(p, end, &found);
        if (found) {
            return p;
        }
    }
    return json_text_skip_portable(p, end);
}
#else
static inline const char *json_text_skip(const char *p, const char *end)
{
    return json_text_skip_portable(p, end);
}
#endif

/* What follows a backslash: 2 or 6, the length of the escape, or 0. */
extern const uint8_t json_escape_lengths[256];
/* 1 for hexadecimal digits. */
extern const uint8_t json_hex_digits[256];

static inline bool json_four_hex(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (json_hex_digits[u[0]] & json_hex_digits[u[1]] & json_hex_digits[u[2]] &
            json_hex_digits[u[3]]) != 0;
}

/* After the escape whose backslash is at p, or NULL when it is a wrong one. */
static inline const char *json_escape_skip(const char *p, const char *end)
{
    if (end - p < 2) {
        return NULL;
    }
    unsigned length = json_escape_lengths[(unsigned char)p[1]];
    if (LIKELY(length == 2)) {
        return p + 2;
    }
    return length == 6 && end - p >= 6 && json_four_hex(p + 2) ? p + 6 : NULL;
}

#ifdef __SSE2__
/* 0xFF where a byte may follow a backslash. */
static inline __m128i json_block_letters(__m128i v)
{
    __m128i marks =
        _mm_or_si128(_mm_cmpeq_epi8(v, json_fill('"')), _mm_cmpeq_epi8(v, json_fill('\\')));
    __m128i bf = _mm_or_si128(_mm_cmpeq_epi8(v, json_fill('b')), _mm_cmpeq_epi8(v, json_fill('f')));
    __m128i nr = _mm_or_si128(_mm_cmpeq_epi8(v, json_fill('n')), _mm_cmpeq_epi8(v, json_fill('r')));
    __m128i tu = _mm_or_si128(_mm_cmpeq_epi8(v, json_fill('t')), _mm_cmpeq_epi8(v, json_fill('u')));
    __m128i slash = _mm_cmpeq_epi8(v, json_fill('/'));
    return _mm_or_si128(_mm_or_si128(marks, slash), _mm_or_si128(bf, _mm_or_si128(nr, tu)));
}

/* Which of 16 bytes, and of the one after them (bit 16), follow a backslash that is not escaped
   itself? `carry`: is the first one so because of the byte before it? A row of backslashes that
   begins at an odd place escapes even ones and the other way round; the sum carries through each
   row of the first kind, and so turns its alternating bits over. */
static inline unsigned json_escaped_bits(unsigned backslashes, unsigned carry)
{
    const unsigned even = 0x55555;
    backslashes &= ~carry;
    unsigned follows = backslashes << 1 | carry;
    unsigned odd_starts = backslashes & ~even & ~follows;
    unsigned turned = (odd_starts + backslashes) << 1;
    return (even ^ turned) & follows;
}

/* Are there four hexadecimal digits after each letter u of a "\uXXXX" (`bits` of the block)? The
   digits of the last ones may lie beyond the block. */
static inline bool json_unicode_ok(const char *block, const char *end, unsigned bits)
{
    for (; bits != 0; bits &= bits - 1) {
        const char *digits = block + __builtin_ctz(bits) + 1;
        if (end - digits < 4 || !json_four_hex(digits)) {
            return false;
        }
    }
    return true;
}

/* One block of a string with escapes. *carry as above, updated. The end of the block, or the first
   place in it where neither escapes nor ASCII go on; NULL when an escape before it is wrong. */
static inline const char *json_block_escapes(const char *p, const char *end, __m128i v,
                                             unsigned backslashes, unsigned *carry)
{
    unsigned escaped = json_escaped_bits(backslashes, *carry);
    unsigned stops = (unsigned)_mm_movemask_epi8(json_block_stops(v));
    unsigned letters = (unsigned)_mm_movemask_epi8(json_block_letters(v));
    unsigned wrong = escaped & 0xFFFF & ~letters;
    unsigned ends = (stops & ~backslashes & ~escaped) | (unsigned)_mm_movemask_epi8(v) | wrong;
    unsigned before_end = ends == 0 ? 0xFFFF : (ends & -ends) - 1;
    unsigned unicode = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, json_fill('u')));
    unicode &= escaped & before_end;
    if (UNLIKELY(unicode != 0) && !json_unicode_ok(p, end, unicode)) {
        return NULL;
    }
    if (ends != 0) {
        *carry = 0;
        return (ends & -ends & wrong) != 0 ? NULL : p + __builtin_ctz(ends);
    }
    *carry = escaped >> JSON_BLOCK;
    return p + JSON_BLOCK;
}

/* From an escape (its backslash is at p) over those that follow closely and the ASCII text between
   them, to a place outside of an escape; NULL when one of them is wrong. */
static inline const char *json_escapes_skip(const char *p, const char *end)
{
    unsigned carry = 0;
    p = json_escape_skip(p, end);
    while (p != NULL && end - p >= JSON_BLOCK) {
        __m128i v = json_block(p);
        unsigned backslashes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, json_fill('\\')));
        if ((backslashes | carry) == 0) {
            return p;
        }
        const char *next = json_block_escapes(p, end, v, backslashes, &carry);
        if (next != p + JSON_BLOCK) {
            return next;
        }
        p = next;
    }
    return p == NULL ? NULL : p - carry;
}
#else
static inline const char *json_escapes_skip(const char *p, const char *end)
{
    return json_escape_skip(p, end);
}
#endif

/* json_text_skip() behind an escape, where another one is likely to be near: a few blocks are
   looked at one by one before many at once. */
static inline const char *json_text_skip_near(const char *p, const char *end)
{
#ifdef __SSE2__
    for (int i = 0; i < JSON_NEAR_BLOCKS && end - p >= JSON_BLOCK; i++) {
        unsigned hits = (unsigned)_mm_movemask_epi8(json_block_hits(json_block(p)));
        if (hits != 0) {
            const char *hit = p + __builtin_ctz(hits);
            return LIKELY((signed char)*hit >= 0) ? hit : json_text_skip(p, end);
        }
        p += JSON_BLOCK;
    }
#endif
    return json_text_skip(p, end);
}

/* The closing quote of the string whose text begins at p, or NULL when the string breaks a rule.
   Sets *ret_escaped when it holds an escape, else leaves it alone. */
static inline const char *json_string_end(const char *p, const char *end, bool *ret_escaped)
{
    p = json_text_skip(p, end);
    while (p < end && *p == '\\') {
        *ret_escaped = true;
        p = json_escapes_skip(p, end);
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
        p = json_text_skip_near(p, end);
    }
    return p < end && *p == '"' ? p : NULL;
}

/* The closing quote when it is the first stop within a block and no multi-byte character comes
   before it, as of most names; else NULL. */
static inline const char *json_string_end_near(const char *p, const char *end)
{
#ifdef __SSE2__
    if (end - p >= JSON_BLOCK) {
        unsigned hits = (unsigned)_mm_movemask_epi8(json_block_hits(json_block(p)));
        const char *hit = p + (hits == 0 ? 0 : __builtin_ctz(hits));
        return *hit == '"' ? hit : NULL;
    }
#endif
    (void)p;
    (void)end;
    return NULL;
}

/* json_string_end_near() where at least JSON_BLOCK + 1 bytes follow p; the string may have a whole
   block. */
static inline const char *json_short_string_end(const char *p)
{
#ifdef __SSE2__
    unsigned hits = (unsigned)_mm_movemask_epi8(json_block_hits(json_block(p)));
    const char *hit = p + (unsigned)__builtin_ctz(hits | 1u << JSON_BLOCK);
    return *hit == '"' ? hit : NULL;
#else
    (void)p;
    return NULL;
#endif
}

/* json_short_string_end() for names, some of which have more than one block. */
static inline const char *json_name_end(const char *p, const char *end)
{
#ifdef __SSE2__
    unsigned hits = (unsigned)_mm_movemask_epi8(json_block_hits(json_block(p)));
    if (UNLIKELY(hits == 0 && end - p > JSON_BLOCK * 2 + 2)) {
        p += JSON_BLOCK;
        hits = (unsigned)_mm_movemask_epi8(json_block_hits(json_block(p)));
    }
    const char *hit = p + (unsigned)__builtin_ctz(hits | 1u << JSON_BLOCK);
    return *hit == '"' ? hit : NULL;
#else
    (void)p;
    (void)end;
    return NULL;
#endif
}

/* The first byte that may begin U+0085 (0xC2) or U+2028 and U+2029 (0xE2), or end. */
static inline const char *json_separator_lead(const char *p, const char *end)
{
#ifdef __SSE2__
    while (end - p >= JSON_BLOCK) {
        __m128i either = _mm_or_si128(json_block(p), json_fill(0xC2 ^ 0xE2));
        int leads = _mm_movemask_epi8(_mm_cmpeq_epi8(either, json_fill(0xE2)));
        if (leads != 0) {
            return p + __builtin_ctz((unsigned)leads);
        }
        p += JSON_BLOCK;
    }
#endif
    while (p < end && *p != '\xC2' && *p != '\xE2') {
        p++;
    }
    return p;
}

/* After a run of white space: the indentation of pretty-printed text. */
static inline const char *json_space_run(const char *p, const char *end)
{
#ifdef __SSE2__
    while (end - p >= JSON_BLOCK) {
        __m128i v = json_block(p);
        __m128i blank =
            _mm_or_si128(_mm_cmpeq_epi8(v, json_fill(' ')), _mm_cmpeq_epi8(v, json_fill('\n')));
        __m128i other =
            _mm_or_si128(_mm_cmpeq_epi8(v, json_fill('\r')), _mm_cmpeq_epi8(v, json_fill('\t')));
        unsigned spaces = (unsigned)_mm_movemask_epi8(_mm_or_si128(blank, other));
        if (spaces != 0xFFFF) {
            return p + __builtin_ctz(~spaces);
        }
        p += JSON_BLOCK;
    }
#endif
    while (p < end && json_is_space(*p)) {
        p++;
    }
    return p;
}

/* json_space_skip() where there is a space, or the end. */
static inline const char *json_space_skip_some(const char *p, const char *end)
{
    if (end - p >= 2 && json_is_space(p[0]) && (unsigned char)p[1] > ' ') {
        return p + 1;
    }
    return json_space_run(p, end);
}

/* Most tokens follow each other directly or after one space, so these come first. */
__attribute__((always_inline)) static inline const char *json_space_skip(const char *p,
                                                                         const char *end)
{
    return LIKELY(p < end && (unsigned char)*p > ' ') ? p : json_space_skip_some(p, end);
}

#endif
