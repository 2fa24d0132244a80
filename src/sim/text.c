/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/text.h"

#include "base/memory.h"

#include <string.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define SENTENCE_LEAST 5
#define SENTENCE_SPREAD 11
#define WORD_MAX 48

static const char *const words[] = {
    "the",     "answer",  "depends", "on",       "what",   "is",      "asked",    "first",
    "a",       "small",   "change",  "in",       "one",    "place",   "often",    "moves",
    "whole",   "result",  "and",     "its",      "cost",   "so",      "measure",  "before",
    "you",     "decide",  "which",   "way",      "to",     "go",      "because",  "numbers",
    "are",     "cheaper", "than",    "opinions", "this",   "case",    "has",      "two",
    "parts",   "that",    "can",     "be",       "solved", "apart",   "with",     "simple",
    "steps",   "each",    "of",      "them",     "needs",  "only",    "data",     "at",
    "hand",    "then",    "join",    "both",     "again",  "check",   "their",    "sum",
    "against", "known",   "total",   "if",       "it",     "differs", "look",     "for",
    "missing", "row",     "or",      "wrong",    "unit",   "most",    "errors",   "hide",
    "there",   "water",   "flows",   "from",     "high",   "ground",  "through",  "gates",
    "into",    "fields",  "where",   "grain",    "grows",  "until",   "autumn",   "people",
    "keep",    "records", "by",      "season",   "not",    "day",     "function", "returns",
    "early",   "when",    "input",   "empty",    "list",   "stays",   "sorted",   "after",
    "insert",  "cache",   "holds",   "recent",   "items",  "while",   "older",    "ones",
    "leave",   "naïve",   "café",    "München",  "résumé", "größer",  "日本",     "über",
};

void sim_text_init(struct sim_text *text)
{
    *text = (struct sim_text){.bytes = BUF_INIT(TEXT_BYTES_MAX)};
}

void sim_text_release(struct sim_text *text)
{
    buf_release(&text->bytes);
    memory_free(text->ends);
    text->ends = NULL;
    text->count = 0;
    text->cap = 0;
}

static bool room_for_token(struct sim_text *text)
{
    if (text->count < text->cap) {
        return true;
    }
    size_t cap = text->cap == 0 ? 64 : text->cap * 2;
    uint32_t *ends = memory_resize(text->ends, cap * sizeof(*ends));
    if (ends == NULL) {
        text->failed = true;
        return false;
    }
    text->ends = ends;
    text->cap = cap;
    return true;
}

void sim_text_token(struct sim_text *text, struct slice token)
{
    if (token.len == 0 || text->count >= SIM_TOKENS_MAX || !room_for_token(text)) {
        return;
    }
    if (!buf_append(&text->bytes, token)) {
        text->failed = true;
        return;
    }
    text->ends[text->count++] = (uint32_t)text->bytes.len;
}

void sim_text_append(struct sim_text *text, struct slice given)
{
    while (given.len > 0) {
        size_t space = slice_find(slice_from(given, 1), ' ');
        size_t len = space == SIZE_MAX ? given.len : space + 1;
        sim_text_token(text, slice_of(given.ptr, len));
        given = slice_from(given, len);
    }
}

/* One word with its space, capital and full stop. */
static void append_word(struct sim_text *text, struct random *random, bool first, bool last)
{
    char token[WORD_MAX];
    size_t len = 0;
    struct slice word = slice_from_cstr(words[random_below(random, ARRAY_LEN(words))]);

    if (text->count > 0) {
        token[len++] = ' ';
    }
    memcpy(token + len, word.ptr, word.len);
    if (first && token[len] >= 'a' && token[len] <= 'z') {
        token[len] = (char)(token[len] - 'a' + 'A');
    }
    len += word.len;
    if (last) {
        token[len++] = '.';
    }
    sim_text_token(text, slice_of(token, len));
}

void sim_text_sentences(struct sim_text *text, struct random *random, size_t count)
{
    size_t left = 0;
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        if (left == 0) {
            left = SENTENCE_LEAST + random_below(random, SENTENCE_SPREAD);
            first = true;
        }
        left--;
        append_word(text, random, first, left == 0 || i + 1 == count);
        first = false;
    }
}

void sim_text_cut(struct sim_text *text, size_t count)
{
    if (count < text->count) {
        text->count = count;
        text->bytes.len = count == 0 ? 0 : text->ends[count - 1];
    }
}

void sim_text_stop(struct sim_text *text, struct slice stop)
{
    size_t at = stop.len == 0 ? SIZE_MAX : slice_find_slice(buf_slice(&text->bytes), stop);

    if (at == SIZE_MAX) {
        return;
    }
    while (text->count > 0 && (text->count == 1 ? 0 : text->ends[text->count - 2]) >= at) {
        text->count--;
    }
    if (text->count > 0) {
        text->ends[text->count - 1] = (uint32_t)at;
    }
    text->bytes.len = at;
}

struct slice sim_text_get(const struct sim_text *text, size_t token)
{
    size_t start = token == 0 ? 0 : text->ends[token - 1];

    return slice_of(text->bytes.ptr + start, text->ends[token] - start);
}
