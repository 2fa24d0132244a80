/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers from the text of a JSON number, exactly: 1e3 and 2.0 are whole, 2.5 and 1e-1 are
   not. */
#include "codec/json.h"

/* No text of 2^31 bytes can shift a number this far back, and it adds up without overflow. */
#define EXPONENT_MAX ((int64_t)1 << 40)
#define PLAIN_DIGITS_MAX 18 /* always below 2^63 */

/* value = digits * 10^exponent; the digits are those of integer and fraction, which a dot may
   separate. */
struct decimal {
    bool negative;
    struct slice integer;
    struct slice fraction;
    int64_t exponent;
};

static struct slice digits_cut(struct slice *rest)
{
    size_t count = 0;
    while (count < rest->len && rest->ptr[count] >= '0' && rest->ptr[count] <= '9') {
        count++;
    }
    struct slice cut = slice_of(rest->ptr, count);
    *rest = slice_of(rest->ptr + count, rest->len - count);
    return cut;
}

static bool char_cut(struct slice *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) {
        return false;
    }
    *rest = slice_of(rest->ptr + 1, rest->len - 1);
    return true;
}

static int64_t exponent_cut(struct slice *rest)
{
    bool negative = char_cut(rest, '-');
    (void)char_cut(rest, '+');
    struct slice digits = digits_cut(rest);
    int64_t exponent = 0;
    for (size_t i = 0; i < digits.len && exponent < EXPONENT_MAX; i++) {
        exponent = exponent * 10 + (digits.ptr[i] - '0');
    }
    return negative ? -exponent : exponent;
}

/* The text is a valid JSON number. */
static struct decimal decimal_of(struct slice text)
{
    struct decimal d = {.negative = char_cut(&text, '-')};
    d.integer = digits_cut(&text);
    if (char_cut(&text, '.')) {
        d.fraction = digits_cut(&text);
    }
    if (char_cut(&text, 'e') || char_cut(&text, 'E')) {
        d.exponent = exponent_cut(&text);
    }
    return d;
}

/* Appends a digit; false when the value exceeds `max`. */
static bool digit_push(uint64_t *value, unsigned digit, uint64_t max)
{
    if (*value > (max - digit) / 10) {
        return false;
    }
    *value = *value * 10 + digit;
    return true;
}

/* Appends the digits that lie before the point when it stands `whole` digits in; false on overflow
   and when a digit after the point is not 0. *whole is reduced by what was consumed. */
static bool digits_push(uint64_t *value, struct slice digits, int64_t *whole, uint64_t max)
{
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)(digits.ptr[i] - '0');
        if (*whole > 0) {
            (*whole)--;
            if (!digit_push(value, digit, max)) {
                return false;
            }
        } else if (digit != 0) {
            return false;
        }
    }
    return true;
}

/* Most whole numbers are a few digits and nothing else. False: it needs the long way. */
static bool plain_digits(struct slice text, int64_t *ret_value)
{
    int64_t sum = 0;
    if (text.len > PLAIN_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit > 9) {
            return false;
        }
        sum = sum * 10 + (int64_t)digit;
    }
    *ret_value = sum;
    return true;
}

__attribute__((noinline)) static bool whole_number(struct slice text, int64_t *ret_value)
{
    struct decimal d = decimal_of(text);
    uint64_t max = (uint64_t)INT64_MAX + d.negative;
    uint64_t sum = 0;
    int64_t whole = (int64_t)d.integer.len + d.exponent;
    if (!digits_push(&sum, d.integer, &whole, max) || !digits_push(&sum, d.fraction, &whole, max)) {
        return false;
    }
    for (; whole > 0 && sum > 0; whole--) {
        if (!digit_push(&sum, 0, max)) {
            return false;
        }
    }
    *ret_value = d.negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

bool json_int64(const struct json_doc *doc, uint32_t value, int64_t *ret_value)
{
    if (!json_is(doc, value, JSON_NUMBER)) {
        return false;
    }
    struct slice text = json_raw(doc, value);
    return LIKELY(plain_digits(text, ret_value)) || whole_number(text, ret_value);
}
