/* SPDX-License-Identifier: Apache-2.0 */
#include "store/offer.h"

#define EXPECTED_BITS 48 /* with the success */
#define EXPECTED_MASK ((UINT64_C(1) << EXPECTED_BITS) - 1)

static char *put_varint(char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}

size_t candidates_split(struct slice candidates, char *menu, char *expected, size_t *ret_expected)
{
    size_t count = candidates.len / CANDIDATE_BYTES;
    char *to = menu;
    char *end = expected;
    for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
        const char *from = candidates.ptr + i * CANDIDATE_BYTES;
        uint64_t packed;
        memcpy(&packed, from + sizeof(uint64_t), sizeof(packed));
        packed = le64toh(packed);
        uint16_t rest = htole16((uint16_t)(packed >> EXPECTED_BITS));
        memcpy(to, from, sizeof(uint64_t));
        memcpy(to + sizeof(uint64_t), &rest, sizeof(rest));
        to += MENU_BYTES;
        end = put_varint(end, packed & EXPECTED_MASK);
    }
    *ret_expected = (size_t)(end - expected);
    return (size_t)(to - menu);
}

/* 0 bytes are taken when there is no number. */
static size_t get_varint(struct slice bytes, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len && i < EXPECTED_BYTES; i++) {
        unsigned byte = (unsigned char)bytes.ptr[i];
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *ret_value = value & EXPECTED_MASK;
            return i + 1;
        }
    }
    return 0;
}

bool candidates_join(struct slice menu, struct slice expected, char *out)
{
    for (size_t at = 0; at + MENU_BYTES <= menu.len; at += MENU_BYTES) {
        uint64_t value;
        uint16_t rest;
        size_t used = get_varint(expected, &value);
        if (used == 0) {
            return false;
        }
        expected = slice_from(expected, used);
        memcpy(out, menu.ptr + at, sizeof(uint64_t));
        memcpy(&rest, menu.ptr + at + sizeof(uint64_t), sizeof(rest));
        value = htole64(value | (uint64_t)le16toh(rest) << EXPECTED_BITS);
        memcpy(out + sizeof(uint64_t), &value, sizeof(value));
        out += CANDIDATE_BYTES;
    }
    return menu.len % MENU_BYTES == 0 && expected.len == 0;
}
