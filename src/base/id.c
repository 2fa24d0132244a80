/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUID version 7 (RFC 9562, section 5.7). The 12 bits after the millisecond hold its fraction
 * (section 6.2, method 3), so identifiers of one process sort in the order of creation to a quarter
 * of a microsecond.
 */
#include "base/id.h"

#define MS_BYTES 6
#define FRACTION_STEPS 4096

struct id id_make_at(int64_t wall_ns, struct random *random)
{
    uint64_t ns = wall_ns < 0 ? 0 : (uint64_t)wall_ns;
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
    uint64_t word = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 32 |
                    (uint64_t)bytes[3] << 48;
    uint64_t nibbles = (word >> 4 & 0x000F000F000F000F) | (word & 0x000F000F000F000F) << 8;
    uint64_t letters = (nibbles + 0x0606060606060606) >> 4 & 0x0101010101010101;
    uint64_t digits = nibbles + 0x3030303030303030 + letters * ('a' - '0' - 10);
#pragma GCC unroll 8 /* then it is one store */
    for (int i = 0; i < 8; i++) {
        out[i] = (char)(digits >> (8 * i));
    }
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
