/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as bytes, the lowest first, at any address. Writing returns the place behind; who calls
 * has the room, and for reading the bytes. Pure; any thread.
 */
#ifndef SLUICE_BASE_LITTLE_ENDIAN_H
#define SLUICE_BASE_LITTLE_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline char *little_put_16(char *out, uint16_t value)
{
    value = htole16(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

static inline char *little_put_32(char *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

static inline char *little_put_64(char *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

static inline uint16_t little_get_16(const void *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return le16toh(value);
}

static inline uint32_t little_get_32(const void *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static inline uint64_t little_get_64(const void *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

#endif
