/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diagnostics.h"

#include "base/memory.h"
#include "config/redact.h"

#include <stdarg.h>
#include <stdio.h>

/* Names from the file go into messages, messages go to terminals and logs. */
static void make_safe(char *text)
{
    struct slice rest = slice_from_cstr(text);
    redact_shapes(text, rest.len);
    while (rest.len > 0) {
        size_t len = slice_utf8_length(rest);
        char *at = text + (rest.ptr - text);
        bool control = (unsigned char)at[0] < 0x20 || at[0] == 0x7f ||
                       ((unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0);
        if (len == 0 && rest.len < 4) {
            *at = '\0'; /* a character that the size of the buffer has cut */
            return;
        }
        if (len == 0 || control) {
            memset(at, '?', len == 0 ? 1 : len);
        }
        rest = slice_from(rest, len == 0 ? 1 : len);
    }
}

/* NULL: there are enough, or there is no memory. */
static struct diagnostic *diagnostic_new(struct diagnostics *diagnostics, enum severity severity)
{
    size_t errors =
        diagnostics->errors < diagnostics->count ? diagnostics->errors : diagnostics->count;
    if (diagnostics->count == DIAGNOSTICS_MAX ||
        (severity == SEVERITY_WARNING && diagnostics->count - errors >= DIAGNOSTIC_WARNINGS_MAX)) {
        return NULL;
    }
    struct diagnostic *items =
        memory_resize(diagnostics->items, (diagnostics->count + 1) * sizeof(*diagnostics->items));
    if (items == NULL) {
        return NULL;
    }
    diagnostics->items = items;
    return &items[diagnostics->count++];
}

void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, const char *code,
                     struct yaml_place place, const char *hint, const char *format, ...)
{
    struct diagnostic *item = diagnostic_new(diagnostics, severity);
    diagnostics->errors += severity == SEVERITY_ERROR ? 1 : 0;
    if (item == NULL) {
        return;
    }
    *item = (struct diagnostic){
        .severity = severity,
        .code = code,
        .line = place.line,
        .column = place.column,
        .length = place.length,
    };
    snprintf(item->hint, sizeof(item->hint), "%s", hint);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->message, sizeof(item->message), format, arguments);
    va_end(arguments);
    make_safe(item->message);
    make_safe(item->hint);
}

void diagnostics_hide(struct diagnostics *diagnostics, struct yaml_place place)
{
    struct diagnostic_span *hidden = memory_resize(
        diagnostics->hidden, (diagnostics->hidden_count + 1) * sizeof(*diagnostics->hidden));
    if (hidden == NULL) {
        diagnostics->hide_all = true;
        return;
    }
    diagnostics->hidden = hidden;
    hidden[diagnostics->hidden_count++] = (struct diagnostic_span){
        .line = place.line,
        .column = place.column,
        .end_line = place.end_line == 0 ? place.line : place.end_line,
        .end_column = place.end_line == 0 ? place.column + place.length : place.end_column,
    };
}

static bool stands_before(const struct diagnostic *a, const struct diagnostic *b)
{
    /* line 0, no place, wraps to the end */
    unsigned a_line = a->line - 1;
    unsigned b_line = b->line - 1;
    return a_line != b_line ? a_line < b_line : a->column < b->column;
}

/* By insertion: it is stable, and there are few. */
void diagnostics_sort(struct diagnostics *diagnostics)
{
    for (size_t i = 1; i < diagnostics->count; i++) {
        struct diagnostic item = diagnostics->items[i];
        size_t at = i;
        while (at > 0 && stands_before(&item, &diagnostics->items[at - 1])) {
            diagnostics->items[at] = diagnostics->items[at - 1];
            at--;
        }
        diagnostics->items[at] = item;
    }
}

void diagnostics_release(struct diagnostics *diagnostics)
{
    memory_free(diagnostics->items);
    memory_free(diagnostics->hidden);
    *diagnostics = (struct diagnostics){.items = NULL};
}

size_t diagnostics_line_break(struct slice text)
{
    static const struct slice breaks[] = {
        SLICE_INIT("\r\n"),     SLICE_INIT("\n"),           SLICE_INIT("\r"),
        SLICE_INIT("\xc2\x85"), SLICE_INIT("\xe2\x80\xa8"), SLICE_INIT("\xe2\x80\xa9"),
    };
    for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
        if (slice_starts(text, breaks[i])) {
            return breaks[i].len;
        }
    }
    return 0;
}

struct slice diagnostics_without_mark(struct slice text)
{
    return slice_starts(text, SLICE("\xef\xbb\xbf")) ? slice_from(text, 3) : text;
}
