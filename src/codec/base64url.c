/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64url.h"

#define NO_DIGIT 0xFFu

static unsigned digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : NO_DIGIT;
}

bool base64url_decode(struct slice text, void *out, size_t size, size_t *ret_length)
{
    unsigned char *bytes = out;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned value = digit_value(text.ptr[i]);
        if (value == NO_DIGIT) {
            return false;
        }
        bits = (bits << 6 | value) & 0xFFFF;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (length == size) {
                return false;
            }
            bytes[length++] = (unsigned char)(bits >> have);
        }
    }
    *ret_length = length;
    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}
