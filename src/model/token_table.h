/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vocabulary of byte pairs and what is looked up in it. Immutable after token_table_init().
 */
#ifndef SLUICE_MODEL_TOKEN_TABLE_H
#define SLUICE_MODEL_TOKEN_TABLE_H

#include "base/slice.h"

#define TOKEN_NONE UINT32_MAX

/* A node of the trie and a byte, and the node that follows. */
struct token_edge {
    uint32_t from; /* node << 8 | byte; TOKEN_NONE: the slot is empty */
    uint32_t to;
};

/* A token of up to seven bytes ... */
struct token_word {
    uint64_t key; /* its bytes, and above them how many; 0: the slot is empty */
    uint32_t token;
};

/* ... and of 8 to 15. */
struct token_long_word {
    uint64_t first;
    uint64_t key; /* the others, as above */
    uint32_t token;
};

struct token_pair {
    uint32_t left; /* TOKEN_NONE: the slot is empty */
    uint32_t right;
    uint32_t token; /* what the two become */
};

struct token_table {
    const unsigned char *bytes; /* of all tokens: a byte of length before each */
    uint32_t *offsets;          /* of each token's first byte */
    uint32_t count;
    uint32_t *node_token; /* the token that ends in a node, or TOKEN_NONE */
    uint32_t node_count;
    struct token_edge *edges; /* open addressing, as the pairs */
    uint32_t edge_mask;
    uint32_t *shorter; /* the longest proper prefix of a token that is one, or TOKEN_NONE */
    uint32_t *left;    /* the two that a token is made of; itself, where it is not made */
    uint32_t *right;
    struct token_pair *pairs; /* those, the other way round */
    uint32_t pair_mask;
    struct token_word *words;
    uint32_t word_mask;
    struct token_long_word *long_words;
    uint32_t long_word_mask;
    uint32_t root[256]; /* the nodes behind one byte */
};

/* From a file of data/tokens. False: out of memory, or it is none. */
MUST_USE bool token_table_init(struct token_table *table, struct slice ranks);
void token_table_release(struct token_table *table);

static inline uint32_t token_length(const struct token_table *table, uint32_t token)
{
    return table->bytes[table->offsets[token] - 1];
}

static inline struct slice token_bytes(const struct token_table *table, uint32_t token)
{
    return slice_of((const char *)table->bytes + table->offsets[token], token_length(table, token));
}

/* The token that is the whole text (not empty), or TOKEN_NONE. */
uint32_t token_table_find(const struct token_table *table, struct slice text);
/* The longest token that the text (not empty) begins with: every byte is one. */
uint32_t token_table_longest(const struct token_table *table, struct slice text);
/* Can the two stand side by side, or would their bytes have been merged in another way? */
bool token_table_may_meet(const struct token_table *table, uint32_t left, uint32_t right);

#endif
