/* SPDX-License-Identifier: Apache-2.0 */
#include "model/token_table.h"

#include "base/memory.h"

#define WORD_MAX 7
#define LONG_WORD_MAX 15

static inline uint32_t mix(uint64_t key)
{
    key ^= key >> 29;
    key *= UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(key >> 32);
}

/* --- looking up --------------------------------------------------------------------------------
 */

static uint32_t follow(const struct token_table *table, uint32_t node, unsigned char byte)
{
    uint32_t from = node << 8 | byte;
    for (uint32_t at = mix(from) & table->edge_mask;; at = (at + 1) & table->edge_mask) {
        if (table->edges[at].from == from) {
            return table->edges[at].to;
        }
        if (table->edges[at].from == TOKEN_NONE) {
            return TOKEN_NONE;
        }
    }
}

/* Of 1 to WORD_MAX bytes; never 0. */
static inline uint64_t word_key(const unsigned char *bytes, size_t len)
{
    uint64_t key = 0;
    if (len >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + len - sizeof(last), sizeof(last));
        key = first | (uint64_t)last << (len - sizeof(last)) * 8;
    } else {
        key = bytes[0] | (uint64_t)bytes[len / 2] << 8 | (uint64_t)bytes[len - 1] << 16;
    }
    return key | (uint64_t)len << 56;
}

static uint32_t word_slot(const struct token_table *table, uint64_t key)
{
    uint32_t at = mix(key) & table->word_mask;
    while (table->words[at].key != key && table->words[at].key != 0) {
        at = (at + 1) & table->word_mask;
    }
    return at;
}

/* The bytes behind the first eight of 8 to LONG_WORD_MAX. */
static inline uint64_t long_word_key(const unsigned char *bytes, size_t len, uint64_t *ret_first)
{
    uint64_t last;
    memcpy(ret_first, bytes, sizeof(*ret_first));
    memcpy(&last, bytes + len - sizeof(last), sizeof(last));
    uint64_t rest = len == sizeof(last) ? 0 : last >> (2 * sizeof(last) - len) * 8;
    return rest | (uint64_t)len << 56;
}

static uint32_t long_word_slot(const struct token_table *table, uint64_t first, uint64_t key)
{
    uint32_t at = mix(first ^ key * 3) & table->long_word_mask;
    while ((table->long_words[at].key != key || table->long_words[at].first != first) &&
           table->long_words[at].key != 0) {
        at = (at + 1) & table->long_word_mask;
    }
    return at;
}

uint32_t token_table_find(const struct token_table *table, struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    if (text.len <= WORD_MAX) {
        const struct token_word *word = &table->words[word_slot(table, word_key(bytes, text.len))];
        return word->key != 0 ? word->token : TOKEN_NONE;
    }
    if (text.len <= LONG_WORD_MAX) {
        uint64_t first;
        uint64_t key = long_word_key(bytes, text.len, &first);
        const struct token_long_word *word = &table->long_words[long_word_slot(table, first, key)];
        return word->key != 0 ? word->token : TOKEN_NONE;
    }
    if (text.len > UINT8_MAX) {
        return TOKEN_NONE;
    }
    uint32_t node = table->root[bytes[0]];
    for (size_t i = 1; i < text.len && node != TOKEN_NONE; i++) {
        node = follow(table, node, bytes[i]);
    }
    return node == TOKEN_NONE ? TOKEN_NONE : table->node_token[node];
}

uint32_t token_table_longest(const struct token_table *table, struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    uint32_t node = table->root[bytes[0]];
    uint32_t found = TOKEN_NONE;
    for (size_t i = 1; node != TOKEN_NONE; i++) {
        found = table->node_token[node] != TOKEN_NONE ? table->node_token[node] : found;
        node = i < text.len ? follow(table, node, bytes[i]) : TOKEN_NONE;
    }
    return found;
}

static uint32_t pair_slot(const struct token_table *table, uint32_t left, uint32_t right)
{
    uint32_t at = mix((uint64_t)left << 32 | right) & table->pair_mask;
    while (table->pairs[at].left != TOKEN_NONE &&
           (table->pairs[at].left != left || table->pairs[at].right != right)) {
        at = (at + 1) & table->pair_mask;
    }
    return at;
}

/* Undoes the merges next to the boundary, the latest first: if the two tokens there would have
 * become one before, they do not stand side by side. */
bool token_table_may_meet(const struct token_table *table, uint32_t left, uint32_t right)
{
    uint32_t limit = TOKEN_NONE;
    for (;;) {
        const struct token_pair *pair = &table->pairs[pair_slot(table, left, right)];
        if (pair->left != TOKEN_NONE && pair->token < limit) {
            return false;
        }
        if (left > right) {
            limit = left;
            left = table->right[left];
            if (left == limit) {
                limit = right + 1;
                right = table->left[right];
                if (right + 1 == limit) {
                    return true;
                }
            }
        } else {
            limit = right + 1;
            right = table->left[right];
            if (right + 1 == limit) {
                limit = left;
                left = table->right[left];
                if (left == limit) {
                    return true;
                }
            }
        }
    }
}

/* --- making it ---------------------------------------------------------------------------------
 */

/* How much there is of everything. */
struct sums {
    size_t bytes;
    size_t words;
    size_t long_words;
};

static bool measure(struct token_table *table, struct slice ranks, struct sums *ret_sums)
{
    size_t at = 0;
    *ret_sums = (struct sums){.bytes = 0};
    while (at < ranks.len) {
        size_t length = (unsigned char)ranks.ptr[at];
        if (length == 0 || length > ranks.len - at - 1 || table->count >= UINT32_C(1) << 22) {
            return false;
        }
        at += 1 + length;
        ret_sums->bytes += length;
        ret_sums->words += length <= WORD_MAX ? 1 : 0;
        ret_sums->long_words += length > WORD_MAX && length <= LONG_WORD_MAX ? 1 : 0;
        table->count++;
    }
    return table->count >= 256;
}

static uint32_t slots_for(size_t count)
{
    uint32_t slots = 16;
    while (slots < count * 2) {
        slots *= 2;
    }
    return slots;
}

/* What is sized by the sum of all bytes is so at most, since prefixes are shared. */
static bool obtain(struct token_table *table, const struct sums *sums)
{
    uint32_t pairs = slots_for(table->count);
    uint32_t words = slots_for(sums->words);
    uint32_t long_words = slots_for(sums->long_words);
    table->offsets = memory_array(table->count, sizeof(uint32_t));
    table->shorter = memory_array(table->count, sizeof(uint32_t));
    table->left = memory_array(table->count, sizeof(uint32_t));
    table->right = memory_array(table->count, sizeof(uint32_t));
    table->node_token = memory_alloc((sums->bytes + 1) * sizeof(uint32_t));
    table->pairs = memory_alloc(pairs * sizeof(*table->pairs));
    table->words = memory_array(words, sizeof(*table->words));
    table->long_words = memory_array(long_words, sizeof(*table->long_words));
    if (table->offsets == NULL || table->shorter == NULL || table->left == NULL ||
        table->right == NULL || table->node_token == NULL || table->pairs == NULL ||
        table->words == NULL || table->long_words == NULL) {
        return false;
    }
    memset(table->pairs, 0xFF, pairs * sizeof(*table->pairs));
    memset(table->root, 0xFF, sizeof(table->root));
    table->pair_mask = pairs - 1;
    table->word_mask = words - 1;
    table->long_word_mask = long_words - 1;
    return true;
}

static bool edges_resize(struct token_table *table, uint32_t slots)
{
    struct token_edge *old = table->edges;
    uint32_t old_slots = old == NULL ? 0 : table->edge_mask + 1;
    struct token_edge *edges = memory_alloc(slots * sizeof(*edges));
    if (edges == NULL) {
        return false;
    }
    memset(edges, 0xFF, slots * sizeof(*edges));
    for (uint32_t i = 0; i < old_slots; i++) {
        if (old[i].from != TOKEN_NONE) {
            uint32_t at = mix(old[i].from) & (slots - 1);
            while (edges[at].from != TOKEN_NONE) {
                at = (at + 1) & (slots - 1);
            }
            edges[at] = old[i];
        }
    }
    memory_free(old);
    table->edges = edges;
    table->edge_mask = slots - 1;
    return true;
}

static uint32_t node_new(struct token_table *table)
{
    table->node_token[table->node_count] = TOKEN_NONE;
    return table->node_count++;
}

static bool edge_add(struct token_table *table, uint32_t node, unsigned char byte,
                     uint32_t *ret_node)
{
    if (table->node_count >= UINT32_C(1) << 24 ||
        (table->node_count > table->edge_mask / 2 &&
         !edges_resize(table, (table->edge_mask + 1) * 2))) {
        return false;
    }
    uint32_t at = mix(node << 8 | byte) & table->edge_mask;
    while (table->edges[at].from != TOKEN_NONE) {
        at = (at + 1) & table->edge_mask;
    }
    *ret_node = node_new(table);
    table->edges[at] = (struct token_edge){node << 8 | byte, *ret_node};
    return true;
}

static bool trie_add(struct token_table *table, uint32_t token)
{
    const unsigned char *bytes = table->bytes + table->offsets[token];
    uint32_t length = token_length(table, token);
    if (table->root[bytes[0]] == TOKEN_NONE) {
        table->root[bytes[0]] = node_new(table);
    }
    uint32_t node = table->root[bytes[0]];
    for (uint32_t i = 1; i < length; i++) {
        uint32_t next = follow(table, node, bytes[i]);
        if (next == TOKEN_NONE && !edge_add(table, node, bytes[i], &next)) {
            return false;
        }
        node = next;
    }
    table->node_token[node] = token;
    return true;
}

static void word_add(struct token_table *table, uint32_t token)
{
    struct slice bytes = token_bytes(table, token);
    if (bytes.len <= WORD_MAX) {
        uint64_t key = word_key((const unsigned char *)bytes.ptr, bytes.len);
        table->words[word_slot(table, key)] = (struct token_word){key, token};
    } else if (bytes.len <= LONG_WORD_MAX) {
        uint64_t first;
        uint64_t key = long_word_key((const unsigned char *)bytes.ptr, bytes.len, &first);
        table->long_words[long_word_slot(table, first, key)] =
            (struct token_long_word){first, key, token};
    }
}

static void note_shorter(struct token_table *table, uint32_t token)
{
    struct slice bytes = token_bytes(table, token);
    table->shorter[token] =
        bytes.len < 2 ? TOKEN_NONE : token_table_longest(table, slice_of(bytes.ptr, bytes.len - 1));
}

/* The two that merge into it last: older ones that may stand side by side. */
static void note_parts(struct token_table *table, uint32_t token)
{
    struct slice bytes = token_bytes(table, token);
    table->left[token] = token;
    table->right[token] = token;
    for (uint32_t left = table->shorter[token]; left != TOKEN_NONE; left = table->shorter[left]) {
        uint32_t right = token_table_find(table, slice_from(bytes, token_length(table, left)));
        if (left < token && right < token && token_table_may_meet(table, left, right)) {
            table->left[token] = left;
            table->right[token] = right;
            table->pairs[pair_slot(table, left, right)] = (struct token_pair){left, right, token};
            return;
        }
    }
}

/* Merging could get stuck without the single bytes. */
static bool has_all_bytes(const struct token_table *table)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        if (table->root[byte] == TOKEN_NONE || table->node_token[table->root[byte]] == TOKEN_NONE) {
            return false;
        }
    }
    return true;
}

static bool fill(struct token_table *table, struct slice ranks, const struct sums *sums)
{
    size_t at = 0;
    if (!obtain(table, sums) || !edges_resize(table, slots_for(sums->bytes / 4))) {
        return false;
    }
    for (uint32_t token = 0; token < table->count; token++) {
        table->offsets[token] = (uint32_t)at + 1;
        at += 1 + (size_t)(unsigned char)ranks.ptr[at];
        if (!trie_add(table, token)) {
            return false;
        }
        word_add(table, token);
    }
    if (!has_all_bytes(table)) {
        return false;
    }
    for (uint32_t token = 0; token < table->count; token++) {
        note_shorter(table, token);
    }
    for (uint32_t token = 0; token < table->count; token++) {
        note_parts(table, token);
    }
    return true;
}

bool token_table_init(struct token_table *table, struct slice ranks)
{
    struct sums sums;
    *table = (struct token_table){.bytes = (const unsigned char *)ranks.ptr};
    if (ranks.len <= UINT32_MAX && measure(table, ranks, &sums) && fill(table, ranks, &sums)) {
        return true;
    }
    token_table_release(table);
    return false;
}

void token_table_release(struct token_table *table)
{
    memory_free(table->offsets);
    memory_free(table->shorter);
    memory_free(table->left);
    memory_free(table->right);
    memory_free(table->node_token);
    memory_free(table->edges);
    memory_free(table->pairs);
    memory_free(table->words);
    memory_free(table->long_words);
    *table = (struct token_table){.count = 0};
}
