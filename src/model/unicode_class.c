/* SPDX-License-Identifier: Apache-2.0 */
#include "model/unicode_class.h"

#include "base/memory.h"

#define UPPER CLASS_UPPER
#define LOWER CLASS_LOWER
#define LETTER CLASS_LETTER
#define MARK CLASS_MARK
#define NUMBER CLASS_NUMBER
#define SPACE CLASS_SPACE

static const struct range {
    uint32_t first;
    uint32_t last;
    uint8_t class;
} ranges[] = {
#include "model/unicode_class_ranges.h"
};

static void fill_ascii(uint8_t *ascii)
{
    for (unsigned c = 0; c < UNICODE_BLOCK; c++) {
        ascii[c] = c >= 'A' && c <= 'Z'              ? CLASS_UPPER
                   : c >= 'a' && c <= 'z'            ? CLASS_LOWER
                   : c >= '0' && c <= '9'            ? CLASS_NUMBER
                   : c == '\r' || c == '\n'          ? CLASS_NEWLINE
                   : c == ' ' || (c >= 9 && c <= 12) ? CLASS_SPACE
                                                     : CLASS_OTHER;
    }
}

/* The classes of one block; `*at` is the first range that ends in it or behind. */
static void fill_block(uint8_t *row, uint32_t begin, size_t *at)
{
    memset(row, CLASS_OTHER, UNICODE_BLOCK);
    for (size_t i = *at; i < ARRAY_LEN(ranges) && ranges[i].first < begin + UNICODE_BLOCK; i++) {
        uint32_t first = ranges[i].first > begin ? ranges[i].first : begin;
        uint32_t last = ranges[i].last;
        last = last < begin + UNICODE_BLOCK ? last : begin + UNICODE_BLOCK - 1;
        memset(row + (first - begin), ranges[i].class, last - first + 1);
    }
    while (*at < ARRAY_LEN(ranges) && ranges[*at].last < begin + UNICODE_BLOCK) {
        ++*at;
    }
}

/* Blocks that are alike share a row; those behind one another mostly are. */
static uint16_t find_row(const struct unicode_classes *classes, size_t count, const uint8_t *row)
{
    for (size_t i = count; i > 0; i--) {
        if (memcmp(classes->rows + (i - 1) * UNICODE_BLOCK, row, UNICODE_BLOCK) == 0) {
            return (uint16_t)(i - 1);
        }
    }
    return (uint16_t)count;
}

bool unicode_classes_init(struct unicode_classes *classes)
{
    size_t count = 0;
    size_t at = 0;
    memset(classes, 0, sizeof(*classes));
    fill_ascii(classes->ascii);
    for (uint32_t block = 0; block < UNICODE_BLOCKS; block++) {
        uint8_t row[UNICODE_BLOCK];
        fill_block(row, block * UNICODE_BLOCK, &at);
        if (block == 0) {
            memcpy(row, classes->ascii, sizeof(row));
        }
        uint16_t found = find_row(classes, count, row);
        if (found == count) {
            uint8_t *rows = memory_resize(classes->rows, (count + 1) * UNICODE_BLOCK);
            if (rows == NULL) {
                unicode_classes_release(classes);
                return false;
            }
            memcpy(rows + count * UNICODE_BLOCK, row, sizeof(row));
            classes->rows = rows;
            count++;
        }
        classes->row_of[block] = found;
    }
    return true;
}

void unicode_classes_release(struct unicode_classes *classes)
{
    memory_free(classes->rows);
    classes->rows = NULL;
}
