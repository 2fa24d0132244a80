/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUID version 7 (RFC 9562, section 5.7). The 12 bits after the millisecond hold its fraction
 * (section 6.2, method 3), so identifiers of one process sort in the order of creation to a quarter
 * of a microsecond.
 */
#include "base/id.h"

#include <endian.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define FRACTION_STEPS 4096

struct id id_make_at(int64_t wall_ns, struct random *random)
{
    uint64_t ns = wall_ns < 0 ? 0 : (uint64_t)wall_ns;
    uint64_t ms = ns / NS_PER_MS;
    uint64_t fraction = ns % NS_PER_MS * FRACTION_STEPS / NS_PER_MS;
    uint64_t noise = random_next(random);
    struct id id;
    uint64_t front = htobe64(ms << 16 | 0x7000 | fraction);
    uint64_t back = htole64(0x80 | (noise & ~UINT64_C(0xC0)));
    memcpy(id.bytes, &front, sizeof(front));
    memcpy(id.bytes + sizeof(front), &back, sizeof(back));
    return id;
}

struct id id_make(const struct clock *clock, struct random *random)
{
    return id_make_at(clock_wall(clock), random);
}

/* A hyphen stands before these bytes. */
static bool hyphen_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

#ifdef __SSE2__
static void digits_put(struct id id, char *out)
{
    const __m128i nibble = _mm_set1_epi8(15);
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)id.bytes);
    __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
    __m128i low = _mm_and_si128(bytes, nibble);
    __m128i halves[2] = {_mm_unpacklo_epi8(high, low), _mm_unpackhi_epi8(high, low)};
    for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
        __m128i letters = _mm_cmpgt_epi8(halves[i], _mm_set1_epi8(9));
        __m128i more = _mm_and_si128(letters, _mm_set1_epi8('a' - '0' - 10));
        __m128i digits = _mm_add_epi8(_mm_add_epi8(halves[i], _mm_set1_epi8('0')), more);
        _mm_storeu_si128((__m128i *)(void *)(out + i * sizeof(digits)), digits);
    }
}
#else
static void digits_put(struct id id, char *out)
{
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        out[2 * i] = "0123456789abcdef"[id.bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[id.bytes[i] & 15];
    }
}
#endif

char *id_format(struct id id, char *buffer)
{
    char digits[2 * sizeof(id.bytes)];
    digits_put(id, digits);
    memcpy(buffer, digits, 8);
    memcpy(buffer + 9, digits + 8, 4);
    memcpy(buffer + 14, digits + 12, 4);
    memcpy(buffer + 19, digits + 16, 4);
    memcpy(buffer + 24, digits + 20, 12);
    buffer[8] = buffer[13] = buffer[18] = buffer[23] = '-';
    buffer[ID_TEXT_LEN] = '\0';
    return buffer;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool id_parse(struct slice text, struct id *ret_id)
{
    struct id id;
    const char *in = text.ptr;
    if (text.len != ID_TEXT_LEN) {
        return false;
    }
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (hyphen_before(i) && *in++ != '-') {
            return false;
        }
        int high = hex_value(*in++);
        int low = hex_value(*in++);
        if (high < 0 || low < 0) {
            return false;
        }
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_id = id;
    return true;
}
