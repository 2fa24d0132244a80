/* SPDX-License-Identifier: Apache-2.0 */
#include "route/aside_words.h"

#include "route/vocabulary.h"

#include <stdint.h>
#include <string.h>

#define TOKENS_MAX 1024 /* of longer texts the first so many words */
#define GROUP_MAX 4     /* words that are repeated together */
#define LEAST_TIMES 3
#define LEAST_SHARE 12 /* one word in so many */
#define WORD_SLOTS 512

struct token {
    uint32_t hash;
    uint16_t start;
    uint16_t end;
    bool order; /* the rules know a task that it begins */
    bool exempt;
    bool taken;
};

struct tokens {
    char *text;
    size_t len;
    size_t count;
    struct token of[TOKENS_MAX];
};

/* --- words --- */

static bool is_wide(unsigned char c)
{
    return c >= 0xe3 && c <= 0xed;
}

/* Bytes of a character that is part of no word, also of the scripts that have no blanks; 0: it is
   part of one. */
static size_t mark_size(const struct tokens *tokens, size_t at)
{
    const unsigned char *text = (const unsigned char *)tokens->text + at;
    bool marks = tokens->len - at >= 3 &&
                 ((text[0] == 0xe3 && text[1] == 0x80) || (text[0] == 0xef && text[1] >= 0xbc));
    return marks ? 3 : !is_word_byte(text[0]);
}

static size_t token_end(const struct tokens *tokens, size_t start)
{
    const unsigned char *text = (const unsigned char *)tokens->text;
    size_t end = start;
    if (is_wide(text[start])) {
        return start + 3 < tokens->len ? start + 3 : tokens->len;
    }
    while (end < tokens->len && is_word_byte(text[end]) && !is_wide(text[end])) {
        end++;
    }
    return end;
}

/* sort(, list.sort, sort.key: what code calls so. */
static bool is_name(const struct tokens *tokens, size_t start, size_t end)
{
    const char *text = tokens->text;
    bool called = end < tokens->len && text[end] == '(';
    bool dotted =
        end + 1 < tokens->len && text[end] == '.' && is_word_byte((unsigned char)text[end + 1]);
    bool member = start > 1 && (text[start - 1] == '.' || text[start - 1] == '>') &&
                  is_word_byte((unsigned char)text[start - 2]);
    return called || dotted || member;
}

/* Lower-cases a copy: what the vocabulary has. */
static void token_know(struct token *token, const char *text)
{
    char word[WORD_BYTES_MAX + 8] = {0};
    size_t len = (size_t)(token->end - token->start);
    token->hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[token->start + i];
        c = (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        token->hash = (token->hash ^ c) * 16777619u;
        if (i < WORD_BYTES_MAX) {
            word[i] = (char)c;
        }
    }
    if (len <= WORD_BYTES_MAX) {
        const struct vocabulary *v = vocabulary_get();
        uint64_t low = word_low_of(word, len);
        size_t id = vocabulary_find(v, vocabulary_first(v, low, len), word, len, low);
        const struct known_word *known = vocabulary_word(v, id);
        token->order = id != WORD_UNKNOWN && known->first_phrase < known->phrase_end;
    }
}

static void tokens_find(struct tokens *tokens)
{
    tokens->count = 0;
    for (size_t at = 0; at < tokens->len && tokens->count < TOKENS_MAX;) {
        unsigned char c = (unsigned char)tokens->text[at];
        size_t mark = mark_size(tokens, at);
        if (mark > 0) {
            at += mark;
            continue;
        }
        struct token *token = &tokens->of[tokens->count++];
        size_t end = token_end(tokens, at);
        *token = (struct token){.start = (uint16_t)at, .end = (uint16_t)end};
        token_know(token, tokens->text);
        token->exempt = (unsigned)(c - '0') < 10 || is_name(tokens, at, end);
        at = end;
    }
}

/* --- which of them --- */

static bool same_group(const struct tokens *tokens, size_t a, size_t b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (tokens->of[a + i].hash != tokens->of[b + i].hash || tokens->of[a + i].exempt ||
            tokens->of[b + i].exempt) {
            return false;
        }
    }
    return true;
}

static bool take_groups(struct tokens *tokens, size_t size)
{
    bool any = false;
    for (size_t at = 0; at + LEAST_TIMES * size <= tokens->count;) {
        size_t end = at + size;
        if (tokens->of[at].hash != tokens->of[end].hash) { /* most of them */
            at++;
            continue;
        }
        while (end + size <= tokens->count && same_group(tokens, at, end, size)) {
            end += size;
        }
        if (end - at < LEAST_TIMES * size) {
            at++;
            continue;
        }
        for (any = true; at < end; at++) {
            tokens->of[at].taken = true;
        }
    }
    return any;
}

/* Words that tell what to do: those of such a group that stand beside one once more, and those of
   which the text is made. */
static bool take_orders(struct tokens *tokens)
{
    uint32_t times[WORD_SLOTS] = {0}; /* of two words with a slot together, too */
    bool grouped[WORD_SLOTS] = {false};
    bool any = false;
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *token = &tokens->of[i];
        times[token->hash % WORD_SLOTS] += token->order && !token->exempt;
        grouped[token->hash % WORD_SLOTS] |= token->taken;
    }
    for (size_t i = 0; i < tokens->count; i++) {
        struct token *token = &tokens->of[i];
        size_t slot = token->hash % WORD_SLOTS;
        bool often = times[slot] >= LEAST_TIMES && times[slot] * LEAST_SHARE >= tokens->count;
        bool beside = (i > 0 && tokens->of[i - 1].taken) ||
                      (i + 1 < tokens->count && tokens->of[i + 1].taken);
        if (token->order && !token->exempt && (often || (beside && grouped[slot]))) {
            token->taken = any = true;
        }
    }
    return any;
}

/* --- out with them --- */

/* "..., then ": what leads from these words to what comes next. */
static size_t leads_on(const struct tokens *tokens, size_t next)
{
    static const char *const words[] = {"then", "and", "now", "dann", "puis", "luego"};
    const struct token *token = &tokens->of[next];
    size_t len = (size_t)(token->end - token->start);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == len && memcmp(words[i], tokens->text + token->start, len) == 0) {
            return next + 1;
        }
    }
    return next;
}

static void take_marks(struct tokens *tokens, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++) {
        tokens->text[i] = tokens->text[i] == '\n' ? '\n' : TAKEN;
    }
}

static void take_out(struct tokens *tokens)
{
    for (size_t i = 0; i < tokens->count;) {
        if (!tokens->of[i].taken) {
            i++;
            continue;
        }
        size_t start = tokens->of[i].start;
        size_t next = i;
        while (next < tokens->count && tokens->of[next].taken) {
            next++;
        }
        bool begins = i == 0 || memchr(".!?:\n", tokens->text[start - 1], 5) != NULL ||
                      (start > 1 && memchr(".!?:\n", tokens->text[start - 2], 5) != NULL);
        next = begins && next < tokens->count ? leads_on(tokens, next) : next;
        while (start > 0 && memchr("#@*", tokens->text[start - 1], 3) != NULL) {
            start--;
        }
        size_t end = next < tokens->count ? tokens->of[next].start : tokens->of[next - 1].end;
        take_marks(tokens, start, end);
        i = next;
    }
}

bool repeated_take(char *text, size_t len)
{
    struct tokens tokens; /* too large to be cleared */
    bool any = false;
    tokens.text = text;
    tokens.len = len;
    tokens_find(&tokens);
    for (size_t size = 1; size <= GROUP_MAX; size++) {
        any |= take_groups(&tokens, size);
    }
    any |= take_orders(&tokens);
    if (any) {
        take_out(&tokens);
    }
    return any;
}
