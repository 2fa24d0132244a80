/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows and columns for people. Cells are copied and made harmless: control characters and direction
 * marks in names that came from outside become '?'. Columns are as wide as their widest cell;
 * trailing space is not written.
 */
#ifndef SLUICE_CLI_TABLE_H
#define SLUICE_CLI_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

struct table_column {
    const char *title;
    bool right; /* numbers */
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct arena arena;
    struct buf cells; /* of struct slice */
    struct buf scratch;
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_release(struct table *table);
/* The next cell of the row; a row is full after as many cells as there are columns. */
void table_put(struct table *table, struct slice text);
void table_cstr(struct table *table, const char *text);
void table_count(struct table *table, int64_t value); /* with thousands separators */
void table_usd(struct table *table, int64_t nd);
void table_printf(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
/* Titles (when there are any) and rows, each line indented by `indent` spaces. */
void table_write(const struct table *table, unsigned indent, struct buf *out);

/* Appends text from outside, made harmless as cells are. */
void put_harmless(struct buf *out, struct slice text);

#endif
