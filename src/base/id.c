/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUID version 7 (RFC 9562, section 5.7). The 12 bits after the millisecond hold its fraction
 * (section 6.2, method 3), so identifiers of one process sort in the order of creation to a quarter
 * of a microsecond.
 */
#include "base/id.h"

#include <endian.h>

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

/* The eight digits of four bytes, all at once: nibbles are spread over the bytes of a word, and
   those above 9 get the distance to the letters added. */
static void digits_put(const uint8_t *bytes, char *out)
{
    uint32_t four;
    memcpy(&four, bytes, sizeof(four));
    uint64_t word = le32toh(four);
    word = (word | word << 16) & 0x0000FFFF0000FFFF;
    word = (word | word << 8) & 0x00FF00FF00FF00FF;
    uint64_t nibbles = (word >> 4 & 0x000F000F000F000F) | (word & 0x000F000F000F000F) << 8;
    uint64_t letters = (nibbles + 0x0606060606060606) >> 4 & 0x0101010101010101;
    uint64_t digits = nibbles + 0x3030303030303030 + letters * ('a' - '0' - 10);
    digits = htole64(digits);
    memcpy(out, &digits, sizeof(digits));
}

char *id_format(struct id id, char *buffer)
{
    char digits[2 * sizeof(id.bytes)];
    for (size_t i = 0; i < sizeof(id.bytes); i += 4) {
        digits_put(id.bytes + i, digits + 2 * i);
    }
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
