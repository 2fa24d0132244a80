/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line is: blank, a fence, code, an item of a list, an option of a choice, a line of a
 * passage. Words on lines of code are marked after the fact, because only the line's end tells
 * ("};").
 */
#include "route/text.h"

#define PASSAGE_LINE_BYTES 140 /* a line as long as this is a paragraph */
#define CODE_LINE_BYTES_MAX 200
#define INDENT_MAX 32 /* spaces counted at once */

struct line {
    const char *text; /* without indentation */
    size_t len;       /* without trailing blanks */
    size_t indent;
    uint32_t marks;
    uint32_t formulas;
    bool after_code;
};

static bool line_starts(const struct line *line, const char *prefix)
{
    size_t len = strlen(prefix);
    return line->len >= len && memcmp(line->text, prefix, len) == 0;
}

static bool holds(const struct line *line, struct slice needle)
{
    return slice_find_slice(slice_of(line->text, line->len), needle) != SIZE_MAX;
}

/* Openings of lines by their first byte, one behind the other, each ended by a zero byte. */
static bool starts_with_any(const struct line *line, const char *const openings[128])
{
    unsigned char first = (unsigned char)line->text[0];
    const char *opening = first < 128 ? openings[first] : NULL;
    while (opening != NULL && *opening != 0) {
        size_t len = strlen(opening);
        if (line->len >= len && memcmp(line->text, opening, len) == 0) {
            return true;
        }
        opening += len + 1;
    }
    return false;
}

/* These begin no sentence. */
static bool starts_as_code(const struct line *line)
{
    static const char *const openings[128] = {
        ['#'] = "#include\0"
                "#define \0"
                "#!/\0",
        ['\''] = "'''\0",
        ['*'] = "*/\0",
        ['+'] = "+ \0",
        ['/'] = "//\0"
                "/*\0",
        ['<'] = "<?php\0"
                "</\0",
        ['>'] = ">>>\0",
        ['@'] = "@\0"
                "@@ \0",
        ['"'] = "\"\"\"\0",
        ['a'] = "async def \0",
        ['c'] = "const \0"
                "create table\0",
        ['d'] = "def \0"
                "diff --git\0",
        ['e'] = "elif \0"
                "except \0"
                "export default\0"
                "export const\0",
        ['f'] = "func \0"
                "fn \0",
        ['i'] = "impl \0"
                "import os\0"
                "import sys\0"
                "import java\0"
                "import {\0",
        ['m'] = "module.exports\0",
        ['n'] = "namespace \0",
        ['p'] = "pub fn \0"
                "package main\0",
        ['s'] = "select * \0",
        ['t'] = "traceback (most\0",
        ['u'] = "using namespace\0",
    };
    return starts_with_any(line, openings);
}

/* These may begin a sentence too: the line must have marks of code as well. */
static bool starts_as_code_perhaps(const struct line *line)
{
    static const char *const openings[128] = {
        ['#'] = "#\0",
        ['a'] = "assert \0"
                "await \0",
        ['c'] = "class \0"
                "catch\0"
                "case \0",
        ['e'] = "else\0"
                "export \0",
        ['f'] = "from \0"
                "for \0"
                "for(\0"
                "function \0",
        ['i'] = "import \0"
                "if \0"
                "if(\0"
                "int \0"
                "insert \0",
        ['l'] = "let \0",
        ['n'] = "new \0",
        ['p'] = "public \0"
                "private \0"
                "protected \0"
                "print\0",
        ['r'] = "return \0"
                "raise \0",
        ['s'] = "static \0"
                "struct \0"
                "self.\0"
                "switch \0"
                "select \0",
        ['t'] = "try\0"
                "type \0"
                "this.\0"
                "throw \0",
        ['u'] = "update \0",
        ['v'] = "var \0"
                "void \0",
        ['w'] = "while \0"
                "while(\0"
                "with \0",
    };
    return starts_with_any(line, openings);
}

/* Verbs and requests that no line of code begins with, calculations neither. */
static bool starts_as_request(const struct line *line)
{
    static const char *const openings[128] = {
        ['b'] = "benchmark \0",
        ['c'] = "can you \0"
                "could you \0"
                "correct \0",
        ['d'] = "debug \0"
                "document \0",
        ['e'] = "explain this \0"
                "explain what \0",
        ['f'] = "fix \0",
        ['i'] = "improve \0",
        ['l'] = "lint \0",
        ['o'] = "optimize \0"
                "optimise \0",
        ['p'] = "please \0"
                "port \0",
        ['r'] = "refactor \0"
                "reformat \0"
                "rename \0"
                "review \0"
                "rewrite \0",
        ['s'] = "speed up \0",
        ['t'] = "translate \0",
    };
    return starts_with_any(line, openings);
}

/* "fix this: for(i=0;i<=n;i++)a[i]=0;": a request with code behind it on the same line. Its signs
 * are those of code, not of a formula, and its words are the request's. */
static bool is_request_with_code(const struct line *line)
{
    char last = line->text[line->len - 1];
    bool dense = line->marks >= 2 && line->marks * 20 >= line->len;
    bool ends = last == ';' || last == '{' || last == '}' || last == ')';
    return line->len <= CODE_LINE_BYTES_MAX && dense && ends && starts_as_request(line);
}

static bool is_code(const struct line *line)
{
    if (line->len > CODE_LINE_BYTES_MAX || line->formulas >= 2) {
        return false;
    }
    if (starts_as_code(line)) {
        return true;
    }
    if (line_starts(line, "from ") && line->len < 80 && holds(line, SLICE(" import "))) {
        return true;
    }
    char last = line->text[line->len - 1];
    if (line->marks == 0) {
        return line->indent >= 2 && (line->after_code || starts_as_code_perhaps(line));
    }
    if (last == ';' || last == '{' || last == '}') {
        return line->marks * (last == '}' ? 12 : 20) >= line->len || line->indent >= 2;
    }
    return line->indent >= 2 || (line->marks >= 2 && line->marks * 8 >= line->len) ||
           (line->marks >= 2 && starts_as_code_perhaps(line));
}

static bool is_list_item(const struct line *line)
{
    const char *t = line->text;
    if (line->len < 3) {
        return false;
    }
    if ((t[0] == '-' || t[0] == '*') && t[1] == ' ') {
        return true;
    }
    size_t digits = t[0] >= '0' && t[0] <= '9' ? (t[1] >= '0' && t[1] <= '9' ? 2 : 1) : 0;
    return digits > 0 && (t[digits] == '.' || t[digits] == ')');
}

/* "a. ...", "(b) ...", "c) ..." */
static bool is_option(const struct line *line)
{
    const char *t = line->text;
    size_t i = line->len > 3 && t[0] == '(' ? 1 : 0;
    return line->len >= i + 3 && t[i] >= 'a' && t[i] <= 'h' &&
           (t[i + 1] == '.' || t[i + 1] == ')') && t[i + 2] == ' ';
}

/* Three backticks; an opening and a closing one may stand on one line. */
static unsigned fences_on(const struct line *line)
{
    unsigned fences = 0;
    const char *at = line->text;
    const char *end = line->text + line->len;
    while (at < end && (at = memchr(at, '`', (size_t)(end - at))) != NULL) {
        if (end - at >= 3 && at[1] == '`' && at[2] == '`') {
            fences++;
            at += 2;
        }
        at++;
    }
    return fences;
}

/* How many spaces stand there, at most INDENT_MAX. */
static size_t spaces_at(const char *text)
{
    size_t spaces = 0;
    for (; spaces < INDENT_MAX; spaces += 8) {
        uint64_t eight;
        memcpy(&eight, text + spaces, sizeof(eight));
        eight ^= UINT64_C(0x2020202020202020);
        if (eight != 0) {
            return spaces + bits_first(eight) / 8;
        }
    }
    return spaces;
}

static void line_load(const struct text_scan *scan, size_t end, struct line *line)
{
    const char *text = scan->features->sample;
    size_t start = scan->line_start;
    size_t stop = end;
    start += spaces_at(text + start);
    start = start < stop ? start : stop;
    while (start < stop && (text[start] == ' ' || text[start] == '\t')) {
        start++;
    }
    while (stop > start && (unsigned char)text[stop - 1] <= ' ') {
        stop--;
    }
    *line = (struct line){
        .text = text + start,
        .len = stop - start,
        .indent = (start - scan->line_start) * (text[scan->line_start] == '\t' ? 4 : 1),
        .marks = scan->line_marks,
        .formulas = scan->line_formulas,
        .after_code = scan->last_line_code,
    };
}

/* The words of the line are hits already, or still to be judged. */
static void mark_words(struct text_scan *scan, uint64_t *pending, uint8_t place)
{
    struct word_hits *hits = &scan->features->hits;
    for (size_t i = scan->line_hits; i < hits->count; i += 8) {
        uint64_t eight; /* places behind the last are written anew with their hits */
        memcpy(&eight, hits->places + i, sizeof(eight));
        eight |= UINT64_C(0x0101010101010101) * place;
        memcpy(hits->places + i, &eight, sizeof(eight));
    }
    *pending |= bits_below(scan->words.all) & ~bits_below(scan->line_words);
}

static void line_classify(struct text_scan *scan, const struct line *line)
{
    struct features *f = scan->features;
    unsigned fences = scan->line_quotes ? fences_on(line) : 0;
    bool request = !scan->fenced && is_request_with_code(line);
    bool code = scan->fenced || (!request && is_code(line));
    f->code_fences += fences;
    if (fences != 0) {
        scan->fenced ^= (fences & 1u) != 0;
        code = !line_starts(line, "```") ? false : code;
    } else if (code) {
        f->code_marks++;
        f->fenced_bytes += (uint32_t)line->len;
        mark_words(scan, &scan->words.code, PLACE_CODE);
    } else if (request) {
        f->code_marks++;
    } else {
        f->formulas += line->formulas;
        f->list_items += is_list_item(line);
        f->options += is_option(line);
        if (line->len >= PASSAGE_LINE_BYTES) {
            f->long_line_bytes += (uint32_t)line->len;
            if (scan->region == 0) { /* nobody asks it of words elsewhere */
                mark_words(scan, &scan->words.passage, PLACE_PASSAGE);
            }
        }
    }
    scan->last_line_code = fences == 0 && code;
}

static void line_remember(struct text_scan *scan, const struct line *line)
{
    struct features *f = scan->features;
    if (scan->region != 0) {
        return;
    }
    if (f->lines++ == 0) {
        f->starts_in_code = scan->last_line_code;
    }
    f->first_line = f->first_line == 0 ? (uint32_t)line->len : f->first_line;
    f->last_line = (uint32_t)(line->text - f->sample);
    f->ends_in_code = scan->last_line_code || scan->fenced;
    f->ends_in_question = line->text[line->len - 1] == '?';
}

void line_end(struct text_scan *scan, size_t end)
{
    struct line line;
    line_load(scan, end, &line);
    if (line.len > 0) {
        line_classify(scan, &line);
        line_remember(scan, &line);
    } else if (scan->region == 0) {
        scan->features->blank_lines++;
    }
    scan->line_start = end + 1;
    scan->line_hits = scan->features->hits.count;
    scan->line_words = scan->words.all;
    scan->line_marks = 0;
    scan->line_formulas = 0;
    scan->line_quotes = false;
}
