/* SPDX-License-Identifier: Apache-2.0 */
#include "route/vocabulary.h"

#include "route/scan_vector.h"

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
_Atomic(const struct vocabulary *) vocabulary_built;
static pthread_once_t vocabulary_once = PTHREAD_ONCE_INIT;

/* --- building: our own tables, so whatever does not fit is a bug --- */

_Static_assert(VOCABULARY_WORDS_MAX *WORD_ID_STEP <= UINT16_MAX, "an id has 16 bits");

/* Returns its index. */
static uint16_t word_add(struct vocabulary *v, struct slice word)
{
    char bytes[WORD_BYTES_MAX] = {0};
    CHECK(word.len > 0);
    memcpy(bytes, word.ptr, word.len < WORD_BYTES_MAX ? word.len : WORD_BYTES_MAX);
    uint64_t low = word_low_of(bytes, word.len);
    uint64_t high = word.len <= 8 ? 0 : word_high_of(bytes, word.len);
    uint32_t *slot = &v->slots[vocabulary_hash(low, word.len)];
    size_t id = vocabulary_find(v, *slot & SLOT_ID_MASK, bytes, word.len, low);
    if (id != WORD_UNKNOWN) {
        return (uint16_t)(id / WORD_ID_STEP);
    }
    CHECK(v->word_count < VOCABULARY_WORDS_MAX);
    uint16_t index = v->word_count++;
    id = index * WORD_ID_STEP;
    v->words[index] =
        (struct known_word){.low = low, .high = high, .id = (uint16_t)id, .chain = (uint16_t)*slot};
    *slot = (uint32_t)id | (*slot == 0 ? 0 : SLOT_CHAINED);
    return index;
}

static void add_word_rows(struct vocabulary *v)
{
    for (size_t i = 0; i < word_row_count; i++) {
        struct slice rest = slice_from_cstr(word_rows[i].words);
        while (rest.len > 0) {
            uint16_t index = word_add(v, slice_cut(&rest, ' '));
            v->words[index].flags |= word_rows[i].flags;
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

static uint8_t set_bit(uint16_t set)
{
    return (uint8_t)(1 + set % 63);
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
        add_alternatives(b, &b->phrases, slice_cut(&rest, ' '), id);
        for (phrase->length = 1; rest.len > 0; phrase->length++) {
            CHECK(phrase->length < PHRASE_WORDS_MAX);
            phrase->next_set[phrase->length - 1] = v->set_count;
            phrase->next_bit[phrase->length - 1] = set_bit(v->set_count);
            add_alternatives(b, &b->sets, slice_cut(&rest, ' '), v->set_count++);
        }
    }
}

/* Counting sort by word: the order of the tables stays within a word. first[word] becomes the index
 * of the word's first value, first[word + 1] the end of its values. */
static void index_pairs(const struct pairs *pairs, uint16_t first[VOCABULARY_WORDS_MAX + 1],
                        uint16_t *values)
{
    memset(first, 0, (VOCABULARY_WORDS_MAX + 1) * sizeof(first[0]));
    for (size_t i = 0; i < pairs->count; i++) {
        first[pairs->word[i] + 1]++;
    }
    for (size_t word = 0; word < VOCABULARY_WORDS_MAX; word++) {
        first[word + 1] = (uint16_t)(first[word + 1] + first[word]);
    }
    uint16_t next[VOCABULARY_WORDS_MAX];
    memcpy(next, first, sizeof(next));
    for (size_t i = 0; i < pairs->count; i++) {
        values[next[pairs->word[i]]++] = pairs->value[i];
    }
}

static struct begun_phrase begun_phrase(const struct vocabulary *v, uint16_t id)
{
    const struct phrase *phrase = &v->phrases[id];
    uint8_t bit = phrase->length > 1 ? phrase->next_bit[0] : 0;
    return (struct begun_phrase){.phrase = id, .flags = phrase->rule->flags, .next_bit = bit};
}

static void add_next_bit(struct known_word *word, const struct begun_phrase *phrase)
{
    uint64_t bit = UINT64_C(1) << phrase->next_bit;
    bool code = (phrase->flags & RULE_CODE) != 0;
    bool start = (phrase->flags & (RULE_AT_START | RULE_TEXT_START)) != 0;
    word->next_bits[NEXT_WITHIN] |= code || start ? 0 : bit;
    word->next_bits[NEXT_AT_START] |= code ? 0 : bit;
    word->next_bits[NEXT_WITH_CODE] |= bit;
}

static void index_phrases(struct builder *b)
{
    struct vocabulary *v = b->vocabulary;
    uint16_t first[VOCABULARY_WORDS_MAX + 1];
    uint16_t phrases[RULE_REFERENCES_MAX];
    index_pairs(&b->phrases, first, phrases);
    for (size_t id = 0; id < v->word_count; id++) {
        struct known_word *word = &v->words[id];
        word->first_phrase = first[id];
        word->phrase_end = first[id + 1];
        for (size_t i = word->first_phrase; i < word->phrase_end; i++) {
            v->begun[i] = begun_phrase(v, phrases[i]);
            add_next_bit(word, &v->begun[i]);
        }
        if (word->flags == 0 && word->first_phrase == word->phrase_end) {
            word->flags = WORD_GOES_ON;
        }
    }
}

static void index_sets(struct builder *b)
{
    struct vocabulary *v = b->vocabulary;
    uint16_t first[VOCABULARY_WORDS_MAX + 1];
    index_pairs(&b->sets, first, v->sets);
    for (size_t id = 0; id < v->word_count; id++) {
        struct known_word *word = &v->words[id];
        word->first_set = first[id];
        word->set_end = first[id + 1];
        for (size_t i = word->first_set; i < word->set_end; i++) {
            word->set_bits |= UINT64_C(1) << set_bit(v->sets[i]);
        }
    }
}

static uint32_t kind_of(const struct known_word *word)
{
    unsigned flags = word->flags;
    unsigned kind = (flags & (WORD_NEGATION | WORD_NO)) != 0 ? KIND_REFUSING : 0;
    kind |= (flags & (WORD_POLITE - 1)) != 0 ? KIND_COUNTED : 0;
    kind |= (flags & WORD_POLITE) != 0 ? KIND_POLITE : 0;
    kind |= (flags & WORD_GOES_ON) != 0    ? KIND_GOES_ON
            : (flags & WORD_AT_START) != 0 ? KIND_AT_START
                                           : KIND_ANYWHERE;
    return (uint32_t)kind << WORD_KIND_SHIFT;
}

static void vocabulary_build(void)
{
    struct vocabulary *v = &the_vocabulary;
    struct builder b = {.vocabulary = v};
    v->word_count = WORD_UNKNOWN + 1;
    add_word_rows(v);
    add_rules(&b, rules_general, rules_general_count);
    add_rules(&b, rules_questions, rules_questions_count);
    add_rules(&b, rules_code, rules_code_count);
    index_phrases(&b);
    index_sets(&b);
#ifdef SCAN_HAS_VECTORS
    v->wide = scan_is_wide();
#endif
    for (size_t id = WORD_UNKNOWN + 1; id < v->word_count; id++) {
        v->words[id].flags |= kind_of(&v->words[id]);
    }
    for (size_t i = 0; i < VOCABULARY_SLOTS; i++) {
        const struct known_word *word = vocabulary_word(v, v->slots[i] & SLOT_ID_MASK);
        v->slots[i] |= word->flags >> WORD_KIND_SHIFT << SLOT_KIND_SHIFT;
    }
}

const struct vocabulary *vocabulary_begin(void)
{
    pthread_once(&vocabulary_once, vocabulary_build);
    atomic_store_explicit(&vocabulary_built, &the_vocabulary, memory_order_release);
    return &the_vocabulary;
}
