/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors as an array of numbers or as base64 of little-endian IEEE 754 floats of 32 bits. Written
 * as numbers they have nine digits, which is what it takes to read the same float again.
 */
#include "dialect/base64.h"
#include "dialect/embeddings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_MAX 64u
#define FLOAT_BYTES 4u
#define BYTES_MAX ((size_t)16 << 20)

static bool number_of(struct slice raw, float *ret_value)
{
    char text[NUMBER_MAX];
    if (raw.len >= sizeof text) {
        return false;
    }
    slice_to_cstr(raw, text, sizeof text);
    *ret_value = strtof(text, NULL);
    return isfinite(*ret_value);
}

/* --- numbers to base64 --- */

static void append_base64(const unsigned char *bytes, size_t length, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        const char quad[4] = {digits[group >> 18], digits[group >> 12 & 63],
                              left > 1 ? digits[group >> 6 & 63] : '=',
                              left > 2 ? digits[group & 63] : '='};
        buf_append(out, slice_of(quad, sizeof quad));
    }
}

static bool append_float(const struct json_doc *doc, uint32_t value, struct buf *bytes)
{
    float number = 0;
    uint32_t bits;
    if (json_kind(doc, value) != JSON_NUMBER || !number_of(json_raw(doc, value), &number)) {
        return false;
    }
    memcpy(&bits, &number, sizeof bits);
    const char little[FLOAT_BYTES] = {(char)(bits & 0xFF), (char)(bits >> 8 & 0xFF),
                                      (char)(bits >> 16 & 0xFF), (char)(bits >> 24)};
    return buf_append(bytes, slice_of(little, sizeof little));
}

static bool numbers_to_base64(const struct json_doc *doc, struct buf *out)
{
    struct buf bytes = BUF_INIT(BYTES_MAX);
    bool ok = true;
    for (uint32_t i = json_first(doc, JSON_ROOT); ok && i != JSON_ABSENT;
         i = json_next(doc, JSON_ROOT, i)) {
        ok = append_float(doc, i, &bytes);
    }
    if (ok) {
        buf_append_char(out, '"');
        append_base64((const unsigned char *)bytes.ptr, bytes.len, out);
        buf_append_char(out, '"');
    }
    buf_release(&bytes);
    return ok;
}

/* --- base64 to numbers --- */

static bool append_number(const unsigned char *at, struct buf *out)
{
    char text[NUMBER_MAX];
    float number;
    uint32_t bits =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number)) {
        return false; /* JSON has no such number */
    }
    (void)snprintf(text, sizeof text, "%.9g", (double)number);
    return buf_append_cstr(out, text);
}

static bool base64_to_numbers(const struct json_doc *doc, struct buf *out)
{
    struct buf text = BUF_INIT(BYTES_MAX * 2);
    struct buf bytes = BUF_INIT(BYTES_MAX);
    bool ok = json_unescape(json_inner(doc, JSON_ROOT), &text) &&
              base64_decode(buf_slice(&text), &bytes) && bytes.len % FLOAT_BYTES == 0;
    buf_append_char(out, '[');
    for (size_t i = 0; ok && i < bytes.len; i += FLOAT_BYTES) {
        buf_append(out, i == 0 ? SLICE("") : SLICE(","));
        ok = append_number((const unsigned char *)bytes.ptr + i, out);
    }
    buf_append_char(out, ']');
    buf_release(&text);
    buf_release(&bytes);
    return ok;
}

bool embeddings_write_vector(struct slice raw, bool base64, struct buf *out)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool ok = json_parse(&doc, raw, &json_default_limits, NULL);
    if (ok && json_kind(&doc, JSON_ROOT) == JSON_ARRAY) {
        ok = base64 ? numbers_to_base64(&doc, out) : buf_append(out, raw);
    } else if (ok && json_kind(&doc, JSON_ROOT) == JSON_STRING) {
        ok = base64 ? buf_append(out, raw) : base64_to_numbers(&doc, out);
    } else {
        ok = false;
    }
    json_doc_release(&doc);
    return ok;
}
