/* SPDX-License-Identifier: Apache-2.0 */
#include "route/vocabulary.h"

#include <pthread.h>
#include <string.h>

static struct vocabulary the_vocabulary;
static pthread_once_t vocabulary_once = PTHREAD_ONCE_INIT;

/* The slot of the key, or the free one where it belongs. */
static size_t slot_of(const struct vocabulary *v, struct word_key key, uint64_t hash)
{
    size_t slot = (hash >> 20) % VOCABULARY_SLOTS;
    while (v->slots[slot] != 0) {
        const uint64_t *there = v->keys[v->slots[slot] - 1];
        if (there[0] == key.low && there[1] == key.high) {
            break;
        }
        slot = (slot + 1) % VOCABULARY_SLOTS;
    }
    return slot;
}

uint16_t vocabulary_find(const struct vocabulary *v, struct word_key key, uint64_t hash)
{
    uint16_t found = v->slots[slot_of(v, key, hash)];
    return found == 0 ? WORD_UNKNOWN : (uint16_t)(found - 1);
}

/* --- building: our own tables, so whatever does not fit is a bug --- */

static uint16_t word_add(struct vocabulary *v, struct slice word)
{
    char bytes[WORD_BYTES_MAX] = {0};
    CHECK(word.len > 0);
    size_t len = word.len < WORD_BYTES_MAX ? word.len : WORD_BYTES_MAX;
    memcpy(bytes, word.ptr, len);
    struct word_key key = word_key_of(bytes, len);
    uint64_t hash = word_key_hash(key);
    size_t slot = slot_of(v, key, hash);
    if (v->slots[slot] != 0) {
        return (uint16_t)(v->slots[slot] - 1);
    }
    CHECK(v->word_count < VOCABULARY_WORDS_MAX);
    uint16_t id = v->word_count++;
    v->keys[id][0] = key.low;
    v->keys[id][1] = key.high;
    v->slots[slot] = (uint16_t)(id + 1);
    uint64_t bit = hash % VOCABULARY_FILTER_BITS;
    v->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
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

struct builder {
    struct vocabulary *vocabulary;
    uint16_t alternative_count;
    /* (first word, phrase), in the order of the tables; sorted into `references` at the end */
    uint16_t pair_word[RULE_REFERENCES_MAX];
    uint16_t pair_phrase[RULE_REFERENCES_MAX];
    uint16_t pair_count;
};

static void add_first_place(struct builder *b, struct slice set, uint16_t phrase)
{
    while (set.len > 0) {
        CHECK(b->pair_count < RULE_REFERENCES_MAX);
        b->pair_word[b->pair_count] = word_add(b->vocabulary, slice_cut(&set, '|'));
        b->pair_phrase[b->pair_count++] = phrase;
    }
}

static void add_later_place(struct builder *b, struct slice set, struct phrase *phrase)
{
    CHECK(phrase->length < PHRASE_WORDS_MAX);
    size_t place = (size_t)phrase->length - 1;
    phrase->next[place] = b->alternative_count;
    while (set.len > 0) {
        CHECK(b->alternative_count < ALTERNATIVES_MAX && phrase->next_count[place] < UINT8_MAX);
        uint16_t id = word_add(b->vocabulary, slice_cut(&set, '|'));
        b->vocabulary->alternatives[b->alternative_count++] = id;
        phrase->next_count[place]++;
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
        struct slice rest = slice_from_cstr(rules[i].words);
        add_first_place(b, slice_cut(&rest, ' '), id);
        for (phrase->length = 1; rest.len > 0; phrase->length++) {
            add_later_place(b, slice_cut(&rest, ' '), phrase);
        }
    }
}

/* Counting sort of the pairs by their first word: the order of the tables stays within a word. */
static void index_phrases(struct builder *b)
{
    struct vocabulary *v = b->vocabulary;
    for (size_t i = 0; i < b->pair_count; i++) {
        v->first_phrase[b->pair_word[i] + 1]++;
    }
    for (size_t word = 0; word < v->word_count; word++) {
        v->first_phrase[word + 1] = (uint16_t)(v->first_phrase[word + 1] + v->first_phrase[word]);
    }
    uint16_t next[VOCABULARY_WORDS_MAX];
    memcpy(next, v->first_phrase, sizeof(next));
    for (size_t i = 0; i < b->pair_count; i++) {
        v->references[next[b->pair_word[i]]++] = b->pair_phrase[i];
    }
}

static void vocabulary_build(void)
{
    struct builder b = {.vocabulary = &the_vocabulary};
    add_word_rows(&the_vocabulary);
    add_rules(&b, rules_general, rules_general_count);
    add_rules(&b, rules_questions, rules_questions_count);
    add_rules(&b, rules_code, rules_code_count);
    index_phrases(&b);
}

const struct vocabulary *vocabulary_get(void)
{
    pthread_once(&vocabulary_once, vocabulary_build);
    return &the_vocabulary;
}
