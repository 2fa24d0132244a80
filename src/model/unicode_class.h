/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of characters as the regular expressions of tokenizers tell them apart (Unicode 16.0). */
#ifndef SLUICE_MODEL_UNICODE_CLASS_H
#define SLUICE_MODEL_UNICODE_CLASS_H

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unicode_class {
    CLASS_OTHER,
    CLASS_UPPER,  /* Lu, Lt */
    CLASS_LOWER,  /* Ll */
    CLASS_LETTER, /* Lm, Lo */
    CLASS_MARK,   /* M */
    CLASS_NUMBER, /* N */
    CLASS_SPACE,  /* White_Space, but for: */
    CLASS_NEWLINE /* CR and LF */
};

#define UNICODE_BLOCK 128
#define UNICODE_BLOCKS (0x110000 / UNICODE_BLOCK)

/* Which block of the table a code point's row is; made once, then read-only. */
struct unicode_classes {
    uint8_t ascii[UNICODE_BLOCK];
    uint8_t *rows; /* of UNICODE_BLOCK classes each */
    uint16_t row_of[UNICODE_BLOCKS];
};

/* False: out of memory. */
MUST_USE bool unicode_classes_init(struct unicode_classes *classes);
void unicode_classes_release(struct unicode_classes *classes);

/* `code` is below 0x110000. */
static inline enum unicode_class unicode_class_of(const struct unicode_classes *classes,
                                                  uint32_t code)
{
    size_t row = classes->row_of[code / UNICODE_BLOCK];
    return (enum unicode_class)classes->rows[row * UNICODE_BLOCK + code % UNICODE_BLOCK];
}

#endif
