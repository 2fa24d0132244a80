/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that rules and features know, found in a few nanoseconds: a word of up to 16 bytes is
 * two integers; a hash of the first one leads to the few known words that it may be.
 *
 * The tables are data (rules_*.c, words.c); the index over them is built once, on first use, and is
 * constant from then on. That is the one piece of process-wide state of this layer; memo.h has the
 * one of each thread. Any thread.
 */
#ifndef SLUICE_ROUTE_VOCABULARY_H
#define SLUICE_ROUTE_VOCABULARY_H

#include "base/check.h"
#include "model/task.h"

#include <stdatomic.h>

#define WORD_BYTES_MAX 16
#define VOCABULARY_WORDS_MAX 4096
#define VOCABULARY_SLOTS_LOG 14
#define VOCABULARY_SLOTS (1u << VOCABULARY_SLOTS_LOG) /* many more than words: most are free */
#define VOCABULARY_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define VOCABULARY_HASH_SHIFT (64 - VOCABULARY_SLOTS_LOG)
#define PHRASE_WORDS_MAX 3
#define RULES_MAX 1024
#define RULE_REFERENCES_MAX 8192

/* What a word is by itself; bits. Features count how often the first ten occur. */
enum {
    WORD_CONSTRAINT = 1u << 0, /* "must", "exactly" */
    WORD_STEP = 1u << 1,       /* "then", "finally": several steps */
    WORD_REASONING = 1u << 2,  /* asks for thought: counts towards complexity */
    WORD_SCIENCE = 1u << 3,    /* terms of the sciences */
    WORD_MATH = 1u << 4,       /* terms of mathematics */
    WORD_NUMBER = 1u << 5,     /* "three", "twice" */
    WORD_QUANTITY = 1u << 6,   /* "many", "total", "each": something is counted */
    WORD_ENGLISH = 1u << 7,    /* shows the language */
    WORD_CODE = 1u << 8,       /* evidence of programming */
    WORD_CODE_STRONG = 1u << 9,
    WORD_AFTER_DOT = 1u << 10, /* counts as code only as a file extension */
    WORD_OR = 1u << 11,
    WORD_POLITE = 1u << 12,   /* "please", "can", "you": does not end the start of a sentence */
    WORD_NEGATION = 1u << 13, /* tells not to do what follows */
    WORD_NO = 1u << 14,       /* "no need to ...": negates what the sentence begins with */
    WORD_AT_START =
        1u
        << 15, /* too frequent: kept only at the start of a sentence or right after a kept word */
    WORD_GOES_ON = 1u << 16, /* no more than a later word of phrases; found while building */
};
#define WORD_TALLIES 8 /* the lowest flags are counted in one step, a byte of 64 bits each */
#define WORD_CODE_SHIFT 8

#define WORD_KIND_SHIFT 24

/* The same as who judges many words at once needs it, one bit per question. */
enum {
    KIND_REFUSING = 1u << 2, /* WORD_NEGATION, WORD_NO */
    KIND_COUNTED = 1u << 3,  /* any flag below WORD_POLITE */
    KIND_POLITE = 1u << 4,
    KIND_GOES_ON = 1u << 5,
    KIND_AT_START = 1u << 6,
    KIND_ANYWHERE = 1u << 7, /* known, and neither of the two before */
};

struct word_row {
    const char *words; /* alternatives, separated by spaces */
    uint32_t flags;
};

/* How a rule counts; bits. The lowest two are the words that may stand between two words of a
 * phrase. */
enum {
    RULE_GAP_1 = 1u,
    RULE_GAP_2 = 2u,
    RULE_GAP_3 = 3u,
    RULE_GAP_MASK = 3u,
    RULE_AT_START = 1u << 2,   /* only at the start of a sentence or line */
    RULE_CODE = 1u << 3,       /* only where there is evidence of code */
    RULE_PROSE = 1u << 4,      /* only where there is none */
    RULE_PASSAGE = 1u << 5,    /* only where a text is given */
    RULE_SHORT = 1u << 6,      /* only in short texts */
    RULE_TEXT_START = 1u << 7, /* only at the very start, polite words aside */
};

struct word_rule {
    const char *words;  /* a phrase: words separated by spaces, each one or several alternatives
                           joined by '|' */
    const char *reason; /* literal for people: "word: summarize" */
    uint8_t task;
    int8_t weight;
    uint8_t flags;
};

/* "word: NAME" for a rule whose phrase has a representative name. */
#define RULE(task_symbol, points, how, name, phrase)                                               \
    {                                                                                              \
        .words = (phrase), .reason = "word: " name, .task = TASK_##task_symbol,                    \
        .weight = (points), .flags = (how)                                                         \
    }

extern const struct word_rule rules_general[];
extern const size_t rules_general_count;
extern const struct word_rule rules_questions[];
extern const size_t rules_questions_count;
extern const struct word_rule rules_code[];
extern const size_t rules_code_count;
extern const struct word_row word_rows[];
extern const size_t word_row_count;

/* A rule, compiled: the words of the second and third place are sets; a word knows which sets it is
 * in. */
struct phrase {
    const struct word_rule *rule;
    uint16_t next_set[PHRASE_WORDS_MAX - 1];
    uint8_t next_bit[PHRASE_WORDS_MAX - 1]; /* of those sets */
    uint8_t length;
};

/* A phrase that a word begins: what rules it out most of the time. */
struct begun_phrase {
    uint16_t phrase;
    uint8_t flags;    /* of the rule */
    uint8_t next_bit; /* of the second place's set */
};

/* Sets as bits: several share one. Bit 0 is for phrases of one word: any word goes on those. */
#define VOCABULARY_NO_SET UINT64_C(1)

/* Which of a word's phrases may count: where there is no evidence of code those that need it do
   not, and those that begin sentences only do so at a start. */
enum { NEXT_WITHIN, NEXT_AT_START, NEXT_WITH_CODE, NEXT_COUNT };

/* What is known of a word, in one line of the cache. */
struct known_word {
    uint64_t low; /* its key: bytes 0..7 and 8..15, zeros behind a shorter one */
    uint64_t high;
    uint64_t set_bits;              /* of the sets that it is in */
    uint64_t next_bits[NEXT_COUNT]; /* of the second places of its phrases */
    uint32_t flags;                 /* and the kind, from WORD_KIND_SHIFT on */
    uint16_t id;                    /* see vocabulary_word() */
    uint16_t chain;                 /* the next word of the slot, 0: none */
    uint16_t first_phrase;          /* of `begun`: the phrases that it begins */
    uint16_t phrase_end;
    uint16_t first_set; /* of `sets`: those that it is in */
    uint16_t set_end;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct known_word) == 64, "a word is one line of the cache");

struct vocabulary {
    uint32_t slots[VOCABULARY_SLOTS]; /* of the words with a hash: see SLOT_KIND_SHIFT */
    struct known_word words[VOCABULARY_WORDS_MAX]; /* [0] is none */
    struct begun_phrase begun[RULE_REFERENCES_MAX];
    uint16_t sets[RULE_REFERENCES_MAX];
    struct phrase phrases[RULES_MAX];
    bool wide;           /* see scan_is_wide() */
    uint16_t word_count; /* with [0] */
    uint16_t phrase_count;
    uint16_t set_count;
};

/* A slot holds the id of the first word with its hash, 0: none; whether there are others; and the
   first one's kind. */
#define SLOT_ID_MASK UINT32_C(0xffff)
#define SLOT_CHAINED (UINT32_C(1) << 16)
#define SLOT_KIND_SHIFT 24

#define WORD_UNKNOWN 0
/* Ids count units of 8 bytes, so that no look-up multiplies. */
#define WORD_ID_STEP (sizeof(struct known_word) / 8)

static inline __attribute__((always_inline)) const struct known_word *
vocabulary_word(const struct vocabulary *vocabulary, size_t id)
{
    return (const struct known_word *)(const void *)((const char *)vocabulary->words + id * 8);
}

/* Builds it on first use. */
const struct vocabulary *vocabulary_begin(void);
extern _Atomic(const struct vocabulary *) vocabulary_built; /* NULL: not yet */

static inline const struct vocabulary *vocabulary_get(void)
{
    const struct vocabulary *built = atomic_load_explicit(&vocabulary_built, memory_order_acquire);
    return LIKELY(built != NULL) ? built : vocabulary_begin();
}

/* [n] keeps n bytes, [n + 8] of the second half. */
extern const uint64_t word_key_masks[WORD_BYTES_MAX + 1 + 8];

/* The first half of a lower-case word's key; 8 bytes must be readable even if it is shorter. */
static inline __attribute__((always_inline)) uint64_t word_low_of(const char *word, size_t len)
{
    uint64_t low;
    memcpy(&low, word, 8);
    return low & word_key_masks[(len < 8 ? len : 8) + 8];
}

/* The second half of a word of more than 8 bytes; 16 must be readable. */
static inline __attribute__((always_inline)) uint64_t word_high_of(const char *word, size_t len)
{
    uint64_t high;
    memcpy(&high, word + 8, 8);
    return high & word_key_masks[len < WORD_BYTES_MAX ? len : WORD_BYTES_MAX];
}

/* Many words share their first half, fewer the length as well. */
static inline __attribute__((always_inline)) size_t vocabulary_hash(uint64_t low, size_t len)
{
    return (low + len) * VOCABULARY_FACTOR >> VOCABULARY_HASH_SHIFT;
}

/* The id of the first word with the hash of these, or WORD_UNKNOWN. */
static inline __attribute__((always_inline)) size_t
vocabulary_first(const struct vocabulary *vocabulary, uint64_t low, size_t len)
{
    return vocabulary->slots[vocabulary_hash(low, len)] & SLOT_ID_MASK;
}

/* The id of the word of `len` bytes with this half of a key among those of the slot that begins
   with `id`, or WORD_UNKNOWN. */
static inline __attribute__((always_inline)) size_t
vocabulary_find(const struct vocabulary *vocabulary, size_t id, const char *text, size_t len,
                uint64_t low)
{
    uint64_t high = len <= 8 ? 0 : word_high_of(text, len);
    const struct known_word *word = vocabulary_word(vocabulary, id);
    while (id != WORD_UNKNOWN && (word->low != low || word->high != high)) {
        id = word->chain;
        word = vocabulary_word(vocabulary, id);
    }
    return id;
}

#endif
