/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUID version 7 (RFC 9562, section 5.7). The 12 bits after the millisecond hold its fraction
 * (section 6.2, method 3), so identifiers of one process sort in the order of creation to a quarter
 * of a microsecond.
 */
#include "base/id.h"

#define MS_BYTES 6
#define FRACTION_STEPS 4096

struct id id_make(const struct clock *clock, struct random *random)
{
    int64_t wall = clock_wall(clock);
    uint64_t ns = wall < 0 ? 0 : (uint64_t)wall;
    uint64_t ms = ns / NS_PER_MS;
    uint64_t fraction = ns % NS_PER_MS * FRACTION_STEPS / NS_PER_MS;
    uint64_t noise = random_next(random);
    struct id id;
    for (int i = 0; i < MS_BYTES; i++) {
        id.bytes[i] = (uint8_t)(ms >> (8 * (MS_BYTES - 1 - i)));
    }
    id.bytes[6] = (uint8_t)(0x70 | fraction >> 8);
    id.bytes[7] = (uint8_t)fraction;
    for (int i = 0; i < 8; i++) {
        id.bytes[8 + i] = (uint8_t)(noise >> (8 * i));
    }
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3F));
    return id;
}

/* A hyphen stands before these bytes. */
static bool hyphen_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *id_format(struct id id, char *buffer)
{
    static const char digits[] = "0123456789abcdef";
    char *out = buffer;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (hyphen_before(i)) {
            *out++ = '-';
        }
        *out++ = digits[id.bytes[i] >> 4];
        *out++ = digits[id.bytes[i] & 15];
    }
    *out = '\0';
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
