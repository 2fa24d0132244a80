/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diagnostics.h"

#include "codec/json_write.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, const char *code,
                     struct yaml_place place, const char *hint, const char *format, ...)
{
    diagnostics->errors += severity == SEVERITY_ERROR ? 1 : 0;
    if (diagnostics->count == DIAGNOSTICS_MAX) {
        return;
    }
    struct diagnostic *items =
        realloc(diagnostics->items, (diagnostics->count + 1) * sizeof(*diagnostics->items));
    if (items == NULL) {
        return;
    }
    diagnostics->items = items;
    struct diagnostic *item = &items[diagnostics->count++];
    *item = (struct diagnostic){
        .severity = severity, .code = code, .line = place.line, .column = place.column, .length = place.length};
    snprintf(item->hint, sizeof(item->hint), "%s", hint);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->message, sizeof(item->message), format, arguments);
    va_end(arguments);
}

void diagnostics_release(struct diagnostics *diagnostics)
{
    free(diagnostics->items);
    *diagnostics = (struct diagnostics){.items = NULL};
}

static struct slice line_of(struct slice text, unsigned line)
{
    struct slice rest = text;
    for (unsigned i = 1; i < line && rest.len > 0; i++) {
        slice_cut(&rest, '\n');
    }
    struct slice found = slice_cut(&rest, '\n');
    while (found.len > 0 && found.ptr[found.len - 1] == '\r') {
        found.len--;
    }
    return found;
}

/* Columns count characters; tabs are shown as one space, so that the caret stands right. */
static void write_source(const struct diagnostic *item, struct slice text, const char *red, const char *off,
                         struct buf *out)
{
    struct slice line = line_of(text, item->line);
    size_t shown = line.len < 160 ? line.len : 160;
    buf_printf(out, "     |\n%4u | ", item->line);
    for (size_t i = 0; i < shown; i++) {
        buf_append_char(out, (unsigned char)line.ptr[i] < 0x20 ? ' ' : line.ptr[i]);
    }
    buf_append_cstr(out, "\n     | ");
    for (unsigned i = 1; i < item->column && i < 160; i++) {
        buf_append_char(out, ' ');
    }
    buf_append_cstr(out, red);
    for (unsigned i = 0; i < item->length && i < 80; i++) {
        buf_append_char(out, '^');
    }
    buf_printf(out, "%s\n", off);
}

static void write_item(const struct diagnostic *item, const char *file, struct slice text, bool colour,
                       struct buf *out)
{
    bool error = item->severity == SEVERITY_ERROR;
    const char *tone = !colour ? "" : error ? "\033[1;31m" : "\033[1;33m";
    const char *bold = colour ? "\033[1m" : "";
    const char *off = colour ? "\033[0m" : "";
    buf_printf(out, "%s%s[%s]%s: %s%s%s\n", tone, error ? "error" : "warning", item->code, off, bold,
               item->message, off);
    if (item->line > 0) {
        buf_printf(out, "  --> %s:%u:%u\n", file, item->line, item->column);
        write_source(item, text, tone, off, out);
    } else {
        buf_printf(out, "  --> %s\n", file);
    }
    if (item->hint[0] != '\0') {
        buf_printf(out, "     = %s\n", item->hint);
    }
    buf_append_char(out, '\n');
}

void diagnostics_write_text(const struct diagnostics *diagnostics, const char *file, struct slice text,
                            bool colour, struct buf *out)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        write_item(&diagnostics->items[i], file, text, colour, out);
    }
}

void diagnostics_write_json(const struct diagnostics *diagnostics, const char *file, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.check/1"));
    json_member_string(&w, SLICE("file"), slice_from_cstr(file));
    json_member_int(&w, SLICE("errors"), (int64_t)diagnostics->errors);
    json_key(&w, SLICE("diagnostics"));
    json_begin_array(&w);
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];
        json_begin_object(&w);
        json_member_string(&w, SLICE("severity"),
                           item->severity == SEVERITY_ERROR ? SLICE("error") : SLICE("warning"));
        json_member_string(&w, SLICE("code"), slice_from_cstr(item->code));
        json_member_int(&w, SLICE("line"), item->line);
        json_member_int(&w, SLICE("column"), item->column);
        json_member_int(&w, SLICE("length"), item->length);
        json_member_string(&w, SLICE("message"), slice_from_cstr(item->message));
        json_member_string(&w, SLICE("hint"), slice_from_cstr(item->hint));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}
