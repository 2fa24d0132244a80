/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>

/* A truncated text must not end inside a character: it goes into JSON answers. */
static void drop_cut_character(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start > 0 && ((unsigned char)text[start - 1] & 0x80) != 0 &&
        slice_utf8_length(slice_of(text + start - 1, len - start + 1)) == 0) {
        text[start - 1] = '\0';
    }
}

PRINTF_LIKE(3, 0)
static void format_bounded(char *out, size_t size, const char *format, va_list args)
{
    int len = vsnprintf(out, size, format, args);
    if (len < 0) {
        out[0] = '\0';
    } else if ((size_t)len >= size) {
        drop_cut_character(out, size - 1);
    }
}

bool error_set(struct error *error, enum error_kind kind, const char *code, const char *format, ...)
{
    if (error == NULL) {
        return false;
    }
    error->kind = kind;
    error->code = code;
    error->pointer[0] = '\0';
    va_list args;
    va_start(args, format);
    format_bounded(error->text, sizeof(error->text), format, args);
    va_end(args);
    return false;
}

void error_at(struct error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    format_bounded(error->pointer, sizeof(error->pointer), format, args);
    va_end(args);
}

void error_clear(struct error *error)
{
    if (error != NULL) {
        error->kind = ERROR_NONE;
        error->code = NULL;
        error->pointer[0] = '\0';
        error->text[0] = '\0';
    }
}
