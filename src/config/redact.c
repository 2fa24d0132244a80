/* SPDX-License-Identifier: Apache-2.0 */
#include "config/redact.h"

#define RUN_SUSPICIOUS 28 /* letters and digits in one run; model names have dashes and dots */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

/* --- by shape --- */

static bool has_known_prefix(struct slice word)
{
    static const struct slice prefixes[] = {
        SLICE_INIT("sk-"),   SLICE_INIT("sk_"),  SLICE_INIT("gsk_"), SLICE_INIT("xai-"),
        SLICE_INIT("pplx-"), SLICE_INIT("hf_"),  SLICE_INIT("AIza"), SLICE_INIT("fw_"),
        SLICE_INIT("tgp_"),  SLICE_INIT("ghp_"), SLICE_INIT("AKIA"), SLICE_INIT("eyJ"),
    };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (word.len >= prefixes[i].len + 8 && slice_starts(word, prefixes[i])) {
            return true;
        }
    }
    return false;
}

static bool has_long_run(struct slice word)
{
    size_t run = 0;
    bool letter = false;
    bool digit = false;
    for (size_t i = 0; i < word.len; i++) {
        bool in_run = is_letter(word.ptr[i]) || is_digit(word.ptr[i]);
        run = in_run ? run + 1 : 0;
        letter = in_run && (letter || is_letter(word.ptr[i]));
        digit = in_run && (digit || is_digit(word.ptr[i]));
        if (run >= RUN_SUSPICIOUS && letter && digit) {
            return true;
        }
    }
    return false;
}

void redact_shapes(char *text, size_t len)
{
    size_t begin = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && is_word(text[i])) {
            continue;
        }
        struct slice word = slice_of(text + begin, i - begin);
        if (has_known_prefix(word) || has_long_run(word)) {
            memset(text + begin, '*', word.len);
        }
        begin = i + 1;
    }
}

/* --- by name --- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool redact_name_is_secret(struct slice name)
{
    static const struct slice parts[] = {
        SLICE_INIT("secret"),        SLICE_INIT("password"), SLICE_INIT("passwd"),
        SLICE_INIT("authorization"), SLICE_INIT("bearer"),   SLICE_INIT("credential"),
        SLICE_INIT("cookie"),        SLICE_INIT("api_key"),  SLICE_INIT("apikey"),
        SLICE_INIT("api-key"),
    };
    char text[64];
    size_t len = name.len < sizeof(text) ? name.len : sizeof(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = lower(name.ptr[i]);
    }
    struct slice small = slice_of(text, len);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (slice_find_slice(small, parts[i]) != SIZE_MAX) {
            return true;
        }
    }
    return slice_ends(small, SLICE("key")) || slice_ends(small, SLICE("token"));
}

/* The certificate's key of server.tls is the name of a file. */
static bool is_file_name(struct slice value)
{
    return slice_starts(value, SLICE("/")) || slice_starts(value, SLICE("./")) ||
           slice_ends(value, SLICE(".pem")) || slice_ends(value, SLICE(".key"));
}

/* Hides a value but for quotes, spaces and whole references. True: something was hidden. */
static bool hide_range(struct slice line, size_t begin, size_t end, bool *hide)
{
    bool any = false;
    for (size_t i = begin; i < end; i++) {
        char c = line.ptr[i];
        size_t close = c == '$' && i + 1 < end && line.ptr[i + 1] == '{'
                           ? slice_find(slice_of(line.ptr + i, end - i), '}')
                           : SIZE_MAX;
        if (close != SIZE_MAX) {
            i += close;
        } else if (c != ' ' && c != '"' && c != '\'') {
            hide[i] = true;
            any = true;
        }
    }
    return any;
}

/* Where the value that begins at `begin` ends on this line; SIZE_MAX: it goes on behind it. */
static size_t value_end(struct slice line, size_t begin, bool flow)
{
    char first = begin < line.len ? line.ptr[begin] : '\0';
    if (first == '\0' || first == '|' || first == '>' || first == '{' || first == '[' ||
        first == '#') {
        return SIZE_MAX;
    }
    if (first == '"' || first == '\'') {
        for (size_t i = begin + 1; i < line.len; i++) {
            if (line.ptr[i] == '\\' && first == '"') {
                i++;
            } else if (line.ptr[i] == first) {
                return i + 1;
            }
        }
        return SIZE_MAX;
    }
    for (size_t i = begin; flow && i < line.len; i++) {
        if (line.ptr[i] == ',' ||
            ((line.ptr[i] == '}' || line.ptr[i] == ']') &&
             slice_find(slice_of(line.ptr + begin, i - begin), '{') == SIZE_MAX)) {
            return i;
        }
    }
    return line.len;
}

/* The value behind the colon at `colon`; returns where to go on. */
static size_t hide_value(struct redactor *redactor, struct slice line, size_t key, size_t colon,
                         bool *hide)
{
    size_t begin = colon + 1;
    bool flow = slice_find(slice_of(line.ptr, key), '{') != SIZE_MAX;
    while (begin < line.len && (line.ptr[begin] == ' ' || line.ptr[begin] == '\t')) {
        begin++;
    }
    size_t end = value_end(line, begin, flow);
    bool open = end == SIZE_MAX;
    end = open ? line.len : end;
    if (!is_file_name(slice_trim(slice_of(line.ptr + begin, end - begin)))) {
        bool hidden = hide_range(line, begin, end, hide);
        open = open || (hidden && !flow); /* plain text may go on in the next line */
    } else {
        open = false;
    }
    redactor->inside = open;
    redactor->indent = key;
    return end;
}

static bool goes_on(const struct redactor *redactor, struct slice line)
{
    size_t indent = 0;
    while (indent < line.len && line.ptr[indent] == ' ') {
        indent++;
    }
    return indent == line.len || indent > redactor->indent;
}

void redact_line(struct redactor *redactor, struct slice line, bool *hide)
{
    memset(hide, 0, line.len * sizeof(*hide));
    redactor->inside = redactor->inside && goes_on(redactor, line);
    if (redactor->inside) {
        (void)hide_range(line, 0, line.len, hide);
        return;
    }
    size_t begin = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (is_word(line.ptr[i])) {
            continue;
        }
        struct slice word = slice_of(line.ptr + begin, i - begin);
        size_t colon = i;
        while (colon < line.len &&
               (line.ptr[colon] == ' ' || line.ptr[colon] == '"' || line.ptr[colon] == '\'')) {
            colon++;
        }
        bool secret = redact_name_is_secret(word) || slice_eq_nocase(word, SLICE("headers"));
        if (secret && colon < line.len && line.ptr[colon] == ':') {
            size_t end = hide_value(redactor, line, begin, colon, hide);
            i = end > 0 ? end - 1 : end;
        }
        begin = i + 1;
    }
}
