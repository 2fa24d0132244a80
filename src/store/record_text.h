/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of records, as the encoder puts them: cut between two characters, copied without a call.
 * Any thread. */
#ifndef SLUICE_STORE_RECORD_TEXT_H
#define SLUICE_STORE_RECORD_TEXT_H

#include "base/slice.h"

#include <stdint.h>
#include <string.h>

/* What is kept of a text that may be too long. */
static inline size_t cut_length(struct slice text, size_t max)
{
    size_t len = text.len;
    if (UNLIKELY(len > max)) {
        len = max;
        /* Not inside a character: back over its continuation bytes. */
        while (len > 0 && (text.ptr[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    return len;
}

/* Names are short: a call would take longer than they do. */
static inline void copy_few(char *out, const char *bytes, size_t len)
{
    if (len >= 8) {
        uint64_t first;
        uint64_t last;
        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + len - sizeof(last), sizeof(last));
        memcpy(out, &first, sizeof(first));
        memcpy(out + len - sizeof(last), &last, sizeof(last));
        return;
    }
    if (len >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + len - sizeof(last), sizeof(last));
        memcpy(out, &first, sizeof(first));
        memcpy(out + len - sizeof(last), &last, sizeof(last));
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = bytes[i];
    }
}

/* `out` has room for it. */
static inline char *put_bytes(char *out, const char *bytes, size_t len)
{
    if (len <= 16) {
        copy_few(out, bytes, len);
    } else {
        memcpy(out, bytes, len);
    }
    return out + len;
}

#endif
