/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words for a failed parse. The reader notes only a place and what it was after; here, off the
 * hot path, strings and numbers are read once more to find the byte that is wrong, and lines are
 * counted. Of the text no more than that one byte is repeated, so that an error never gives a body
 * away.
 */
#include "codec/json_fault.h"

#include "codec/json_scan.h"

#include <stdio.h>

struct fault_kind {
    enum error_kind kind;
    const char *code;
    const char *expected;
};

static const struct fault_kind fault_kinds[] = {
    [JSON_FAULT_VALUE] = {ERROR_INVALID, "invalid_json", "a value"},
    [JSON_FAULT_NUMBER] = {ERROR_INVALID, "invalid_json", "a digit"},
    [JSON_FAULT_STRING] = {ERROR_INVALID, "invalid_json", "a closing quote"},
    [JSON_FAULT_KEY] = {ERROR_INVALID, "invalid_json", "a member name in double quotes"},
    [JSON_FAULT_COLON] = {ERROR_INVALID, "invalid_json", "':'"},
    [JSON_FAULT_ARRAY_REST] = {ERROR_INVALID, "invalid_json", "',' or ']'"},
    [JSON_FAULT_OBJECT_REST] = {ERROR_INVALID, "invalid_json", "',' or '}'"},
    [JSON_FAULT_TRAILING] = {ERROR_INVALID, "invalid_json", "the end of the text"},
    [JSON_FAULT_DEPTH] = {ERROR_INVALID, "json_too_deep", "less deeply nested arrays and objects"},
    [JSON_FAULT_NODES] = {ERROR_LIMIT, "json_too_large", "fewer values"},
    [JSON_FAULT_LENGTH] = {ERROR_LIMIT, "json_too_large", "at most 2 GiB"},
    [JSON_FAULT_MEMORY] = {ERROR_ENVIRONMENT, "out_of_memory", "memory for one more value"},
};

/* Place and reason, to be made more precise. */
struct finding {
    size_t at;
    const char *code;
    const char *expected;
};

static char byte_at(struct slice text, size_t at)
{
    return at < text.len ? text.ptr[at] : '\0';
}

/* Where the text stops to be `allowed` characters, from `at` on, at most `count` of them. */
static size_t skip_while(struct slice text, size_t at, const char *allowed, size_t count)
{
    while (count > 0 && at < text.len && text.ptr[at] != '\0' &&
           strchr(allowed, text.ptr[at]) != NULL) {
        at++;
        count--;
    }
    return at;
}

static const char digits[] = "0123456789";

static void number_examine(struct slice text, struct finding *found)
{
    size_t at = found->at + (byte_at(text, found->at) == '-');
    size_t integer = at;
    at = skip_while(text, at, digits, byte_at(text, at) == '0' ? 1 : SIZE_MAX);
    if (at > integer && byte_at(text, at) == '.') {
        size_t fraction = at + 1;
        at = skip_while(text, fraction, digits, SIZE_MAX);
        integer = at > fraction ? integer : at;
    }
    if (at > integer && (byte_at(text, at) | 0x20) == 'e') {
        at = skip_while(text, at + 1, "+-", 1);
    }
    found->at = at;
}

static void escape_examine(struct slice text, size_t at, struct finding *found)
{
    found->at = at + 1;
    found->expected = "one of \" \\ / b f n r t u after a backslash";
    if (byte_at(text, at + 1) == 'u') {
        found->at = skip_while(text, at + 2, "0123456789abcdefABCDEF", 4);
        found->expected = "four hexadecimal digits after \\u";
    }
}

/* Length of the escape at `at`, 0 when it is a wrong one. */
static size_t escape_length(struct slice text, size_t at)
{
    if (byte_at(text, at + 1) == 'u') {
        return skip_while(text, at + 2, "0123456789abcdefABCDEF", 4) == at + 6 ? 6 : 0;
    }
    return skip_while(text, at + 1, "\"\\/bfnrt", 1) == at + 2 ? 2 : 0;
}

static void string_examine(struct slice text, struct finding *found)
{
    const char *end = text.ptr + text.len;
    size_t at = found->at + 1;
    for (;;) {
        at = (size_t)(json_text_skip(text.ptr + at, end) - text.ptr);
        size_t escape = byte_at(text, at) == '\\' ? escape_length(text, at) : 0;
        if (escape == 0) {
            break;
        }
        at += escape;
    }
    found->at = at;
    unsigned char c = (unsigned char)byte_at(text, at);
    if (c == '\\') {
        escape_examine(text, at, found);
    } else if (c >= 0x80) {
        found->code = "invalid_utf8";
        found->expected = "valid UTF-8";
    } else if (at < text.len) {
        found->expected = "control characters in a string to be escaped";
    }
}

/* Describes the byte at the place of the fault. */
static void byte_describe(struct slice text, size_t at, char *out, size_t size)
{
    unsigned char c = (unsigned char)byte_at(text, at);
    if (at >= text.len) {
        (void)snprintf(out, size, "the end of the text");
    } else if (c > 0x20 && c < 0x7F) {
        (void)snprintf(out, size, "'%c'", c);
    } else {
        (void)snprintf(out, size, "byte 0x%02X", c);
    }
}

/* Lines and columns count from 1, columns in characters. */
static void place_find(struct slice text, size_t at, size_t *ret_line, size_t *ret_column)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < at; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        } else if (!json_is_continuation((unsigned char)text.ptr[i])) {
            column++;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

bool json_fault_set(struct error *error, enum json_fault fault, struct slice text, size_t at)
{
    const struct fault_kind *kind = &fault_kinds[fault];
    struct finding found = {at, kind->code, kind->expected};
    if (fault == JSON_FAULT_LENGTH || fault == JSON_FAULT_MEMORY) {
        return error_set(error, kind->kind, kind->code, "JSON of %zu bytes: expected %s", text.len,
                         kind->expected);
    }
    if (fault == JSON_FAULT_NUMBER) {
        number_examine(text, &found);
    } else if (fault == JSON_FAULT_STRING) {
        string_examine(text, &found);
    }
    size_t line;
    size_t column;
    place_find(text, found.at, &line, &column);
    char actual[32];
    byte_describe(text, found.at, actual, sizeof actual);
    return error_set(error, kind->kind, found.code,
                     "JSON %zu:%zu (byte %zu): expected %s, found %s", line, column, found.at,
                     found.expected, actual);
}
