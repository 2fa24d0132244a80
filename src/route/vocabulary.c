/* SPDX-License-Identifier: Apache-2.0 */
#include "route/vocabulary.h"

#include <pthread.h>

/* For the high half n - 8 bytes are kept of a word of n, for the low one min(n, 8): the same ramp,
 * 8 places apart. */
#define KEEP(n) (~(UINT64_MAX << (8 * (n))))
const uint64_t word_key_masks[WORD_BYTES_MAX + 1 + 8] = {
    [9] = KEEP(1),     [10] = KEEP(2),    [11] = KEEP(3),    [12] = KEEP(4),
    [13] = KEEP(5),    [14] = KEEP(6),    [15] = KEEP(7),    [16] = UINT64_MAX,
    [17] = UINT64_MAX, [18] = UINT64_MAX, [19] = UINT64_MAX, [20] = UINT64_MAX,
    [21] = UINT64_MAX, [22] = UINT64_MAX, [23] = UINT64_MAX, [24] = UINT64_MAX,
};

static struct vocabulary the_vocabulary;
static pthread_once_t vocabulary_once = PTHREAD_ONCE_INIT;

/* --- building: our own tables, so whatever does not fit is a bug --- */

static uint16_t word_add(struct vocabulary *v, struct slice word)
{
    char bytes[WORD_BYTES_MAX] = {0};
    CHECK(word.len > 0);
    memcpy(bytes, word.ptr, word.len < WORD_BYTES_MAX ? word.len : WORD_BYTES_MAX);
    struct word_key key = word_key_of(bytes, word.len);
    size_t slot = vocabulary_slot(v, key);
    if (v->slots[slot] != 0) {
        return (uint16_t)(v->slots[slot] - 1);
    }
    CHECK(v->word_count < VOCABULARY_WORDS_MAX);
    uint16_t id = v->word_count++;
    v->keys[id][0] = key.low;
    v->keys[id][1] = key.high;
    v->slots[slot] = (uint16_t)(id + 1);
    return id;
}

static void add_word_rows(struct vocabulary *v)
{
    for (size_t i = 0; i < word_row_count; i++) {
        struct slice rest = slice_from_cstr(word_rows[i].words);
        while (rest.len > 0) {
            uint16_t id = word_add(v, slice_cut(&rest, ' '));
            v->flags[id] |= word_rows[i].flags;
        }
    }
}

/* (word, what belongs to it), in the order of the tables. */
struct pairs {
    uint16_t word[RULE_REFERENCES_MAX];
    uint16_t value[RULE_REFERENCES_MAX];
    size_t count;
};

struct builder {
    struct vocabulary *vocabulary;
    struct pairs phrases; /* by the first word */
    struct pairs sets;    /* by any word of a later place */
};

static void add_alternatives(struct builder *b, struct pairs *pairs, struct slice alternatives,
                             uint16_t value)
{
    while (alternatives.len > 0) {
        CHECK(pairs->count < RULE_REFERENCES_MAX);
        pairs->word[pairs->count] = word_add(b->vocabulary, slice_cut(&alternatives, '|'));
        pairs->value[pairs->count++] = value;
    }
}

static void add_rules(struct builder *b, const struct word_rule *rules, size_t count)
{
    struct vocabulary *v = b->vocabulary;
    for (size_t i = 0; i < count; i++) {
        CHECK(v->phrase_count < RULES_MAX);
        uint16_t id = v->phrase_count++;
        struct phrase *phrase = &v->phrases[id];
        phrase->rule = &rules[i];
        phrase->flags = rules[i].flags;
        struct slice rest = slice_from_cstr(rules[i].words);
        add_alternatives(b, &b->phrases, slice_cut(&rest, ' '), id);
        for (phrase->length = 1; rest.len > 0; phrase->length++) {
            CHECK(phrase->length < PHRASE_WORDS_MAX);
            phrase->next_set[phrase->length - 1] = v->set_count;
            add_alternatives(b, &b->sets, slice_cut(&rest, ' '), v->set_count++);
        }
    }
}

/* Counting sort by word: the order of the tables stays within a word. */
static void index_pairs(const struct pairs *pairs, size_t words, uint16_t *first, uint16_t *values)
{
    for (size_t i = 0; i < pairs->count; i++) {
        first[pairs->word[i] + 1]++;
    }
    for (size_t word = 0; word < words; word++) {
        first[word + 1] = (uint16_t)(first[word + 1] + first[word]);
    }
    uint16_t next[VOCABULARY_WORDS_MAX];
    memcpy(next, first, sizeof(next));
    for (size_t i = 0; i < pairs->count; i++) {
        values[next[pairs->word[i]]++] = pairs->value[i];
    }
}

static uint8_t set_bit(uint16_t set)
{
    return (uint8_t)(1 + set % 63);
}

static void gather_bits(struct vocabulary *v)
{
    for (size_t id = 0; id < v->phrase_count; id++) {
        struct phrase *phrase = &v->phrases[id];
        phrase->next_bit = phrase->length > 1 ? set_bit(phrase->next_set[0]) : 0;
    }
    for (size_t word = 0; word < v->word_count; word++) {
        for (size_t i = v->first_set[word]; i < v->first_set[word + 1]; i++) {
            v->set_bits[word] |= UINT64_C(1) << set_bit(v->sets[i]);
        }
        for (size_t i = v->first_phrase[word]; i < v->first_phrase[word + 1]; i++) {
            v->next_bits[word] |= UINT64_C(1) << v->phrases[v->references[i]].next_bit;
        }
    }
}

static void filter_words(struct vocabulary *v)
{
    for (size_t id = 0; id < v->word_count; id++) {
        uint64_t bit = vocabulary_filter_bit(v->keys[id][0]);
        v->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
        if (v->flags[id] == 0 && v->first_phrase[id] == v->first_phrase[id + 1]) {
            v->flags[id] = WORD_GOES_ON;
        }
    }
}

static void vocabulary_build(void)
{
    struct vocabulary *v = &the_vocabulary;
    struct builder b = {.vocabulary = v};
    add_word_rows(v);
    add_rules(&b, rules_general, rules_general_count);
    add_rules(&b, rules_questions, rules_questions_count);
    add_rules(&b, rules_code, rules_code_count);
    index_pairs(&b.phrases, v->word_count, v->first_phrase, v->references);
    index_pairs(&b.sets, v->word_count, v->first_set, v->sets);
    gather_bits(v);
    filter_words(v);
}

const struct vocabulary *vocabulary_get(void)
{
    pthread_once(&vocabulary_once, vocabulary_build);
    return &the_vocabulary;
}
