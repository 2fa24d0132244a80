/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "cli/terminal.h"
#include "codec/utf8.h"

#include <stdarg.h>
#include <stdio.h>

#define TABLE_BYTES_MAX (256u << 20)
#define COLUMNS_MAX 16
#define GAP 2

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
    CHECK(column_count <= COLUMNS_MAX);
    *table = (struct table){.columns = columns, .column_count = column_count};
    arena_init(&table->arena, TABLE_BYTES_MAX);
    buf_init(&table->cells, TABLE_BYTES_MAX);
    buf_init(&table->scratch, 1u << 16);
}

void table_release(struct table *table)
{
    arena_release(&table->arena);
    buf_release(&table->cells);
    buf_release(&table->scratch);
}

static bool is_harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void put_harmless(struct buf *out, struct slice text)
{
    while (text.len > 0) {
        uint32_t point;
        size_t len = utf8_decode(text, &point);
        if (len == 0 || is_harmful(point)) {
            buf_append_char(out, '?');
            len = len == 0 ? 1 : len;
        } else {
            buf_append(out, slice_of(text.ptr, len));
        }
        text = slice_from(text, len);
    }
}

void table_put(struct table *table, struct slice text)
{
    buf_clear(&table->scratch);
    put_harmless(&table->scratch, text);
    struct slice cell = arena_copy(&table->arena, buf_slice(&table->scratch));
    buf_append(&table->cells, slice_of((const char *)&cell, sizeof(cell)));
}

void table_cstr(struct table *table, const char *text)
{
    table_put(table, slice_from_cstr(text));
}

void table_count(struct table *table, int64_t value)
{
    struct buf text = BUF_INIT(64);
    put_count(&text, value);
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

void table_usd(struct table *table, int64_t nd)
{
    struct buf text = BUF_INIT(64);
    put_usd(&text, nd);
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

void table_printf(struct table *table, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    table_cstr(table, text);
}

static struct slice cell_at(const struct table *table, size_t index)
{
    struct slice cell;
    memcpy(&cell, table->cells.ptr + index * sizeof(cell), sizeof(cell));
    return cell;
}

static size_t width_of(struct slice text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

static void put_spaces(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_char(out, ' ');
    }
}

static void put_line(const struct table *table, const struct slice *cells, const size_t *widths,
                     unsigned indent, struct buf *out)
{
    put_spaces(out, indent);
    for (size_t c = 0; c < table->column_count; c++) {
        size_t pad = widths[c] - width_of(cells[c]);
        bool right = table->columns[c].right;
        put_spaces(out, right ? pad : 0);
        buf_append(out, cells[c]);
        put_spaces(out, right ? GAP : pad + GAP);
    }
    while (out->len > 0 && out->ptr[out->len - 1] == ' ') {
        out->len--;
    }
    buf_append_char(out, '\n');
}

void table_write(const struct table *table, unsigned indent, struct buf *out)
{
    struct slice cells[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    size_t columns = table->column_count;
    size_t count = table->cells.len / sizeof(struct slice) / columns;
    bool titled = false;
    for (size_t c = 0; c < columns; c++) {
        cells[c] = slice_from_cstr(table->columns[c].title);
        titled = titled || cells[c].len > 0;
        widths[c] = width_of(cells[c]);
        for (size_t r = 0; r < count; r++) {
            size_t width = width_of(cell_at(table, r * columns + c));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    if (titled) {
        put_line(table, cells, widths, indent, out);
    }
    for (size_t r = 0; r < count; r++) {
        for (size_t c = 0; c < columns; c++) {
            cells[c] = cell_at(table, r * columns + c);
        }
        put_line(table, cells, widths, indent, out);
    }
    out->failed = out->failed || table->cells.failed || table->arena.exhausted;
}
