/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics as text and as JSON. The text shows the line with a caret below it; a long line is
 * shown around the caret, every character takes one column, and secrets are stars.
 */
#include "config/diagnostics.h"

#include "codec/json_write.h"
#include "config/redact.h"

#define LINE_BYTES_MAX 4096 /* of a line that is looked at */
#define WINDOW_COLUMNS 120  /* of a line that is shown */
#define WINDOW_BEFORE 80    /* of them before the caret */

/* Where we are in the text: it is gone through once, since the diagnostics are in its order. */
struct source {
    const struct diagnostics *diagnostics;
    struct slice text;
    struct slice rest; /* behind the current line */
    struct slice line;
    unsigned number; /* of the current line; 0: before the first */
    struct redactor redactor;
    bool hide[LINE_BYTES_MAX];
};

static struct slice cut_line(struct slice *rest)
{
    for (size_t i = 0; i < rest->len; i++) {
        unsigned char c = (unsigned char)rest->ptr[i];
        size_t len =
            c == '\n' || c == '\r' || c >= 0xc2 ? diagnostics_line_break(slice_from(*rest, i)) : 0;
        if (len > 0) {
            struct slice line = slice_of(rest->ptr, i);
            *rest = slice_from(*rest, i + len);
            return line;
        }
    }
    struct slice line = *rest;
    *rest = SLICE_EMPTY;
    return line;
}

static void source_rewind(struct source *source)
{
    source->rest = diagnostics_without_mark(source->text);
    source->number = 0;
    source->redactor = (struct redactor){.inside = false};
}

static void source_seek(struct source *source, unsigned number)
{
    if (number < source->number) {
        source_rewind(source);
    }
    while (source->number < number) {
        source->line = cut_line(&source->rest);
        source->line.len = source->line.len < LINE_BYTES_MAX ? source->line.len : LINE_BYTES_MAX;
        memset(source->hide, 0, sizeof(source->hide));
        if (source->diagnostics->partial) {
            redact_line(&source->redactor, source->line, source->hide);
        }
        source->number++;
        if (source->rest.len == 0 && source->number < number) {
            source->line = SLICE_EMPTY;
            source->number = number;
        }
    }
}

/* Is the character of this line and column a part of a secret? */
static bool is_hidden(const struct source *source, unsigned column)
{
    const struct diagnostics *diagnostics = source->diagnostics;
    for (size_t i = 0; i < diagnostics->hidden_count; i++) {
        const struct diagnostic_span *span = &diagnostics->hidden[i];
        bool after =
            source->number > span->line || (source->number == span->line && column >= span->column);
        bool before = source->number < span->end_line ||
                      (source->number == span->end_line && column < span->end_column);
        if (after && before) {
            return true;
        }
    }
    return false;
}

static bool is_control(struct slice character)
{
    unsigned char c = (unsigned char)character.ptr[0];
    return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)character.ptr[1] < 0xa0);
}

/* One column for each character. Returns the column behind the last one. */
static unsigned write_columns(const struct source *source, struct slice shapes, unsigned begin,
                              struct buf *out)
{
    unsigned column = 1;
    struct slice rest = source->line;
    while (rest.len > 0 && column < begin + WINDOW_COLUMNS) {
        size_t len = slice_utf8_length(rest);
        size_t offset = source->line.len - rest.len;
        struct slice character = slice_of(rest.ptr, len == 0 ? 1 : len);
        if (column < begin) {
            /* left of the window */
        } else if (source->hide[offset] || shapes.ptr[offset] == '*' || is_hidden(source, column)) {
            buf_append_char(out, '*');
        } else if (len == 0) {
            buf_append_char(out, '?');
        } else if (is_control(character)) {
            buf_append_char(out, ' ');
        } else {
            buf_append(out, character);
        }
        rest = slice_from(rest, character.len);
        column++;
    }
    buf_append_cstr(out, rest.len > 0 ? "..." : "");
    return column;
}

static void write_caret(const struct diagnostic *item, unsigned begin, unsigned end,
                        const char *tone, struct buf *out)
{
    for (unsigned i = begin; i < item->column; i++) {
        buf_append_char(out, ' ');
    }
    buf_append_cstr(out, tone);
    for (unsigned i = 0; i < item->length && (i == 0 || item->column + i < end); i++) {
        buf_append_char(out, '^');
    }
}

static void write_source(struct source *source, const struct diagnostic *item, const char *tone,
                         const char *off, struct buf *out)
{
    char shapes[LINE_BYTES_MAX];
    source_seek(source, item->line);
    if (item->column >= LINE_BYTES_MAX || source->diagnostics->hide_all) {
        return;
    }
    struct slice line = source->line;
    memcpy(shapes, line.len == 0 ? "" : line.ptr, line.len);
    redact_shapes(shapes, line.len);
    unsigned begin = item->column > WINDOW_BEFORE ? item->column - WINDOW_BEFORE : 1;
    buf_printf(out, "     |\n%4u | %s", item->line, begin > 1 ? "..." : "");
    unsigned end = write_columns(source, slice_of(shapes, line.len), begin, out);
    buf_printf(out, "\n     | %s", begin > 1 ? "   " : "");
    write_caret(item, begin, end, tone, out);
    buf_printf(out, "%s\n", off);
}

static void write_item(struct source *source, const struct diagnostic *item, const char *file,
                       bool colour, struct buf *out)
{
    bool error = item->severity == SEVERITY_ERROR;
    const char *tone = !colour ? "" : error ? "\033[1;31m" : "\033[1;33m";
    const char *bold = colour ? "\033[1m" : "";
    const char *off = colour ? "\033[0m" : "";
    buf_printf(out, "%s%s[%s]%s: %s%s%s\n", tone, error ? "error" : "warning", item->code, off,
               bold, item->message, off);
    if (item->line > 0) {
        buf_printf(out, "  --> %s:%u:%u\n", file, item->line, item->column);
        write_source(source, item, tone, off, out);
    } else {
        buf_printf(out, "  --> %s\n", file);
    }
    if (item->hint[0] != '\0') {
        buf_printf(out, "     = %s\n", item->hint);
    }
    buf_append_char(out, '\n');
}

static size_t count_errors(const struct diagnostics *diagnostics)
{
    size_t count = 0;
    for (size_t i = 0; i < diagnostics->count; i++) {
        count += diagnostics->items[i].severity == SEVERITY_ERROR ? 1 : 0;
    }
    return count;
}

void diagnostics_write_text(const struct diagnostics *diagnostics, const char *file,
                            struct slice text, bool colour, struct buf *out)
{
    struct source source = {.diagnostics = diagnostics, .text = text};
    source_rewind(&source);
    for (size_t i = 0; i < diagnostics->count; i++) {
        write_item(&source, &diagnostics->items[i], file, colour, out);
    }
    size_t shown = count_errors(diagnostics);
    if (shown < diagnostics->errors) {
        buf_printf(out, "... and %zu further errors\n\n", diagnostics->errors - shown);
    }
}

static void write_json_item(struct json_writer *w, const struct diagnostic *item)
{
    json_begin_object(w);
    json_member_string(w, SLICE("severity"),
                       item->severity == SEVERITY_ERROR ? SLICE("error") : SLICE("warning"));
    json_member_string(w, SLICE("code"), slice_from_cstr(item->code));
    json_member_int(w, SLICE("line"), item->line);
    json_member_int(w, SLICE("column"), item->column);
    json_member_int(w, SLICE("length"), item->length);
    json_member_string(w, SLICE("message"), slice_from_cstr(item->message));
    json_member_string(w, SLICE("hint"), slice_from_cstr(item->hint));
    json_end_object(w);
}

void diagnostics_write_json(const struct diagnostics *diagnostics, const char *file,
                            struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.check/1"));
    json_member_string(&w, SLICE("file"), slice_from_cstr(file));
    json_member_int(&w, SLICE("errors"), (int64_t)diagnostics->errors);
    json_member_int(&w, SLICE("warnings"),
                    (int64_t)(diagnostics->count - count_errors(diagnostics)));
    json_key(&w, SLICE("diagnostics"));
    json_begin_array(&w);
    for (size_t i = 0; i < diagnostics->count; i++) {
        write_json_item(&w, &diagnostics->items[i]);
    }
    json_end_array(&w);
    json_end_object(&w);
}
