/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tokenizer.h"

#include "base/memory.h"
#include "model/token_ranks.h"
#include "model/token_split.h"
#include "model/token_table.h"

struct tokenizer {
    size_t (*split)(const struct unicode_classes *classes, struct slice text, size_t at);
    struct unicode_classes classes;
    struct token_table table;
};

struct token_scratch {
    size_t room;      /* for pieces of so many bytes */
    uint32_t *tokens; /* of one piece */
    uint8_t *dead;    /* a bit for each place of it where no token may end */
};

const char *token_encoding_name(enum token_encoding encoding)
{
    return encoding == TOKENS_CL100K ? "cl100k_base" : "o200k_base";
}

struct tokenizer *tokenizer_new(enum token_encoding encoding)
{
    bool old = encoding == TOKENS_CL100K;
    struct slice ranks = old ? token_ranks_cl100k() : token_ranks_o200k();
    struct tokenizer *tokenizer = memory_array(1, sizeof(*tokenizer));
    if (tokenizer == NULL) {
        return NULL;
    }
    tokenizer->split = old ? token_split_cl100k : token_split_o200k;
    if (!unicode_classes_init(&tokenizer->classes) || !token_table_init(&tokenizer->table, ranks)) {
        tokenizer_free(tokenizer);
        return NULL;
    }
    return tokenizer;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (tokenizer != NULL) {
        unicode_classes_release(&tokenizer->classes);
        token_table_release(&tokenizer->table);
        memory_free(tokenizer);
    }
}

struct token_scratch *token_scratch_new(void)
{
    return memory_array(1, sizeof(struct token_scratch));
}

void token_scratch_free(struct token_scratch *scratch)
{
    if (scratch != NULL) {
        memory_free(scratch->tokens);
        memory_free(scratch->dead);
        memory_free(scratch);
    }
}

static bool scratch_grow(struct token_scratch *scratch, size_t length)
{
    if (length < scratch->room) {
        return true;
    }
    size_t room = length + length / 2 + 256;
    uint32_t *tokens = memory_array(room, sizeof(*tokens));
    uint8_t *dead = memory_array(room / 8 + 1, 1);
    if (tokens == NULL || dead == NULL) {
        memory_free(tokens);
        memory_free(dead);
        return false;
    }
    memory_free(scratch->tokens);
    memory_free(scratch->dead);
    *scratch = (struct token_scratch){.room = room, .tokens = tokens, .dead = dead};
    return true;
}

static inline bool is_dead(const struct token_scratch *scratch, size_t at)
{
    return (scratch->dead[at / 8] >> at % 8 & 1) != 0;
}

/*
 * The tokens of a piece that is none itself. Each is the longest that fits: it ends where one may
 * end, and may stand behind the one before. Where none fits the one before was wrong: no token ends
 * here, and a shorter one is tried there. Each place dies at most once, so the time is linear.
 */
static size_t merge(const struct token_table *table, struct slice piece,
                    struct token_scratch *scratch)
{
    size_t count = 0;
    size_t at = 0;
    uint32_t *tokens = scratch->tokens;
    uint32_t token = token_table_longest(table, piece);
    memset(scratch->dead, 0, piece.len / 8 + 1);
    while (at < piece.len) {
        while (token != TOKEN_NONE &&
               (is_dead(scratch, at + token_length(table, token)) ||
                (count > 0 && !token_table_may_meet(table, tokens[count - 1], token)))) {
            token = table->shorter[token];
        }
        if (token != TOKEN_NONE) {
            tokens[count++] = token;
            at += token_length(table, token);
            token = at < piece.len ? token_table_longest(table, slice_from(piece, at)) : token;
            continue;
        }
        CHECK(count > 0); /* a single byte always fits in the end */
        scratch->dead[at / 8] |= (uint8_t)(1u << at % 8);
        token = tokens[--count];
        at -= token_length(table, token);
    }
    return count;
}

bool tokenizer_encode(const struct tokenizer *tokenizer, struct slice text,
                      struct token_scratch *scratch,
                      void (*take)(void *user, const uint32_t *tokens, size_t count), void *user)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = tokenizer->split(&tokenizer->classes, text, at);
        struct slice piece = slice_of(text.ptr + at, end - at);
        uint32_t token = token_table_find(&tokenizer->table, piece);
        if (token != TOKEN_NONE) {
            take(user, &token, 1);
        } else {
            if (!scratch_grow(scratch, piece.len)) {
                return false;
            }
            size_t count = merge(&tokenizer->table, piece, scratch);
            take(user, scratch->tokens, count);
        }
        at = end;
    }
    return true;
}

bool tokenizer_count(const struct tokenizer *tokenizer, struct slice text,
                     struct token_scratch *scratch, size_t *ret_count)
{
    size_t total = 0;
    for (size_t at = 0; at < text.len;) {
        size_t end = tokenizer->split(&tokenizer->classes, text, at);
        struct slice piece = slice_of(text.ptr + at, end - at);
        if (token_table_find(&tokenizer->table, piece) != TOKEN_NONE) {
            total++;
        } else {
            if (!scratch_grow(scratch, piece.len)) {
                return false;
            }
            total += merge(&tokenizer->table, piece, scratch);
        }
        at = end;
    }
    *ret_count = total;
    return true;
}

size_t tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->table.count;
}

struct slice tokenizer_text(const struct tokenizer *tokenizer, uint32_t token)
{
    return token < tokenizer->table.count ? token_bytes(&tokenizer->table, token) : SLICE_EMPTY;
}
