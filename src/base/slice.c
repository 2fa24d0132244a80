/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "base/slice.h"

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

#define EACH_BYTE 0x0101010101010101ULL

/* Do eight bytes differ in nothing but the case of ASCII letters? A byte's top bit tells after
   adding whether it reached 'a', and whether it passed 'z'. */
static inline bool same_letters(uint64_t a, uint64_t b)
{
    const uint64_t case_bits = EACH_BYTE * 0x20;
    uint64_t apart = a ^ b;
    if ((apart & ~case_bits) != 0) {
        return false;
    }
    uint64_t low = (a | case_bits) & EACH_BYTE * 0x7F;
    uint64_t from_a = low + EACH_BYTE * (0x80 - 'a');
    uint64_t past_z = low + EACH_BYTE * (0x80 - 'z' - 1);
    uint64_t letters = from_a & ~past_z & ~a;
    return (apart << 2 & ~letters) == 0;
}

static uint64_t word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* The first and the last four bytes of 4 to 8. */
static uint64_t halves_at(struct slice s)
{
    uint32_t halves[2];
    memcpy(&halves[0], s.ptr, sizeof(halves[0]));
    memcpy(&halves[1], s.ptr + s.len - sizeof(halves[1]), sizeof(halves[1]));
    return halves[0] | (uint64_t)halves[1] << 32;
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return false;
    }
    if (a.len >= sizeof(uint64_t)) {
        /* the last word may overlap the one before it */
        size_t last = a.len - sizeof(uint64_t);
        for (size_t i = 0; i < last; i += sizeof(uint64_t)) {
            if (!same_letters(word_at(a.ptr + i), word_at(b.ptr + i))) {
                return false;
            }
        }
        return same_letters(word_at(a.ptr + last), word_at(b.ptr + last));
    }
    if (a.len >= sizeof(uint32_t)) {
        return same_letters(halves_at(a), halves_at(b));
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

size_t slice_find(struct slice s, char byte)
{
    const char *hit = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

size_t slice_find_slice(struct slice s, struct slice needle)
{
    if (needle.len == 0) {
        return 0;
    }
    const char *hit = s.len < needle.len ? NULL : memmem(s.ptr, s.len, needle.ptr, needle.len);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = slice_from(s, 1);
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct slice slice_cut(struct slice *rest, char byte)
{
    struct slice whole = *rest;
    size_t at = slice_find(whole, byte);
    if (at == SIZE_MAX) {
        *rest = slice_from(whole, whole.len);
        return whole;
    }
    *rest = slice_from(whole, at + 1);
    return slice_of(whole.ptr, at);
}

/* Appends one decimal digit to a magnitude; false on overflow of 64 bits. */
static bool push_digit(uint64_t *value, unsigned digit)
{
    return !__builtin_mul_overflow(*value, 10u, value) &&
           !__builtin_add_overflow(*value, digit, value);
}

bool slice_to_u64(struct slice s, uint64_t *ret_value)
{
    const size_t never_overflows = 19;
    uint64_t value = 0;
    size_t i = 0;
    for (; i < s.len && i < never_overflows; i++) {
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    for (; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) || !push_digit(&value, (unsigned)(s.ptr[i] - '0'))) {
            return false;
        }
    }
    if (s.len == 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* The parts of a decimal number: the digits of `whole` and `fraction` times 10^exponent. */
struct decimal {
    bool negative;
    struct slice whole;
    struct slice fraction;
    int64_t exponent;
};

static struct slice take_digits(struct slice *s)
{
    size_t n = 0;
    while (n < s->len && is_digit(s->ptr[n])) {
        n++;
    }
    struct slice digits = slice_of(s->ptr, n);
    *s = slice_from(*s, n);
    return digits;
}

static bool take_char(struct slice *s, char a, char b)
{
    if (s->len == 0 || (s->ptr[0] != a && s->ptr[0] != b)) {
        return false;
    }
    *s = slice_from(*s, 1);
    return true;
}

/* No text that fits in memory has so many digits that an exponent beyond this could be made good by
 * them. */
#define EXPONENT_CEILING ((uint64_t)1 << 60)

static bool take_exponent(struct slice *s, int64_t *ret_exponent)
{
    bool negative = take_char(s, '-', '-');
    if (!negative) {
        take_char(s, '+', '+');
    }
    struct slice digits = take_digits(s);
    uint64_t magnitude = 0;
    if (digits.len == 0) {
        return false;
    }
    if (!slice_to_u64(digits, &magnitude) || magnitude > EXPONENT_CEILING) {
        magnitude = EXPONENT_CEILING;
    }
    *ret_exponent = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static bool decimal_parse(struct slice s, struct decimal *d)
{
    *d = (struct decimal){0};
    d->negative = take_char(&s, '-', '-');
    d->whole = take_digits(&s);
    if (d->whole.len == 0) {
        return false;
    }
    if (take_char(&s, '.', '.')) {
        d->fraction = take_digits(&s);
        if (d->fraction.len == 0) {
            return false;
        }
    }
    if (take_char(&s, 'e', 'E') && !take_exponent(&s, &d->exponent)) {
        return false;
    }
    return s.len == 0;
}

static unsigned decimal_digit(const struct decimal *d, size_t i)
{
    char c = i < d->whole.len ? d->whole.ptr[i] : d->fraction.ptr[i - d->whole.len];
    return (unsigned)(c - '0');
}

/* The first `kept` digits as a magnitude (zeros follow the last digit), rounded half away from
 * zero. */
static bool decimal_magnitude(const struct decimal *d, int64_t kept, uint64_t *ret_value)
{
    size_t total = d->whole.len + d->fraction.len;
    uint64_t value = 0;
    *ret_value = 0;
    if (kept < 0) {
        return true;
    }
    for (size_t i = 0; i < total && (uint64_t)i < (uint64_t)kept; i++) {
        if (!push_digit(&value, decimal_digit(d, i))) {
            return false;
        }
    }
    for (uint64_t i = total; i < (uint64_t)kept && value != 0; i++) {
        if (!push_digit(&value, 0)) {
            return false;
        }
    }
    bool up = (uint64_t)kept < total && decimal_digit(d, (size_t)kept) >= 5;
    return !__builtin_add_overflow(value, up ? 1u : 0u, ret_value);
}

bool slice_to_scaled(struct slice s, int scale, int64_t *ret_value)
{
    struct decimal d;
    uint64_t magnitude = 0;
    if (!decimal_parse(s, &d)) {
        return false;
    }
    int64_t kept = (int64_t)d.whole.len + d.exponent + scale;
    if (!decimal_magnitude(&d, kept, &magnitude)) {
        return false;
    }
    if (magnitude > (uint64_t)INT64_MAX + (d.negative ? 1u : 0u)) {
        return false;
    }
    *ret_value = d.negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

char *slice_to_cstr(struct slice s, char *buffer, size_t size)
{
    if (size == 0) {
        return buffer;
    }
    size_t len = s.len < size - 1 ? s.len : size - 1;
    if (len > 0) {
        memcpy(buffer, s.ptr, len);
    }
    buffer[len] = '\0';
    return buffer;
}

bool slice_eq_constant_time(struct slice a, struct slice b)
{
    /* volatile keeps the compiler from leaving the loop early */
    volatile unsigned char difference = a.len != b.len;
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        difference = (unsigned char)(difference | (a.ptr[i] ^ b.ptr[i]));
    }
    return difference == 0;
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* RFC 3629, section 4: what the lead byte says of the second byte excludes overlong forms and
 * surrogates. */
static bool second_byte_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return is_continuation(second);
    }
}

size_t slice_utf8_length(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (s.len == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xC2 || p[0] > 0xF4) {
        return 0;
    }
    size_t len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (s.len < len || !second_byte_fits(p[0], p[1])) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_continuation(p[i])) {
            return 0;
        }
    }
    return len;
}
