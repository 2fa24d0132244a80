/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request looks like, in one pass and without allocation: the last user turn first, then the
 * conversation; long texts are sampled (head and tail, bounded), so the cost does not grow with
 * them. The same chat gives the same features; each thread remembers what it found in the last few
 * system prompts that came again (memo.h). Any thread.
 *
 * A request is taken to state itself at its ends: of a text of more than 352 bytes, every word is
 * looked up in the first 192 bytes and in the last 160, but in the middle only those that begin a
 * sentence, in 64 bytes out of every 1,024 and after each line's end, quote or question mark.
 * Counts of such texts are estimates. Of a system prompt, every word is looked up in the last 128
 * bytes of its sample, before them those that begin a sentence.
 */
#ifndef SLUICE_ROUTE_FEATURES_H
#define SLUICE_ROUTE_FEATURES_H

#include "model/chat.h"

/* Tokens by bytes and character classes, with bounds that hold for every tokenizer in use (each
   token is at least one byte; chat framing is included). The estimate is for routing, the upper
   bound for holds and context windows. */
struct token_estimate {
    int64_t low;
    int64_t expected;
    int64_t high;
};

enum {
    LANGUAGE_UNKNOWN,
    LANGUAGE_ENGLISH,
    LANGUAGE_OTHER_LATIN,
    LANGUAGE_CYRILLIC,
    LANGUAGE_CJK,
    LANGUAGE_OTHER
};

#define FEATURES_TEXT_MAX                                                                          \
    3840 /* plain bytes that rules look at: the last user turn, then a little of its surroundings  \
          */
#define FEATURES_PADDING 64
#define FEATURES_HITS_MAX 256
#define FEATURES_HITS_ROOM (FEATURES_HITS_MAX + 32) /* they are written several at once */

/* Where a word stands: bits of word_hits.places. */
enum {
    PLACE_START = 1u << 0,   /* first of a sentence or line, polite words aside */
    PLACE_QUOTED = 1u << 1,  /* inside "..." or `...` */
    PLACE_CODE = 1u << 2,    /* inside a fence or on a line of code */
    PLACE_NEGATED = 1u << 3, /* "do not ...", "without ..." */
    PLACE_SYSTEM = 1u << 4,  /* in the system prompt */
    PLACE_EARLIER = 1u << 5, /* in the user's turn before a very short one */
    PLACE_CLAUSE = 1u << 6,  /* punctuation stands between it and the word before */
    PLACE_PASSAGE = 1u << 7, /* on a line as long as a paragraph */
};

/* The words of the rules' vocabulary that are kept, in order; entries are read for i < count. */
struct word_hits {
    uint32_t count;
    uint16_t words[FEATURES_HITS_ROOM];   /* of the vocabulary, see vocabulary.h */
    uint16_t indexes[FEATURES_HITS_ROOM]; /* which word of the sample it is */
    uint16_t offsets[FEATURES_HITS_ROOM]; /* of its first byte */
    uint8_t places[FEATURES_HITS_ROOM];
};

/* The words of the last user turn that were looked up, in order: all of its ends, few of its
   middle. Where there were more of them than there is room for, and where words of the ends are not
   there as they stand by themselves, the list is no whole one. */
#define LOOKED_UP_MAX 384u
#define LOOKED_UP_ROOM (LOOKED_UP_MAX + 80) /* they are written several at once */
#define LOOKED_UP_BEHIND 16                 /* ... and offsets are read so */
struct looked_up {
    uint32_t count;
    bool whole;
    uint64_t lows[LOOKED_UP_ROOM]; /* the first eight bytes; zeros behind shorter words */
    uint16_t offsets[LOOKED_UP_ROOM]; /* behind the last one greater ones than any */
    uint8_t lengths[LOOKED_UP_ROOM];
};

/* A phrase of the rules that the text holds, and what it weighs where it stands. */
struct found_phrase {
    uint16_t phrase; /* of the vocabulary */
    uint8_t weight;
    bool negated;
};
#define FOUND_PHRASES_MAX 64

/* The phrases that the hits [first, end) hold, where they are known already (memo.h), in order; no
   such hits: first and end are the same. */
struct found_phrases {
    uint32_t first;
    uint32_t end;
    uint32_t count;
    struct found_phrase phrases[FOUND_PHRASES_MAX];
};

struct features {
    struct token_estimate tokens;
    int64_t choices;   /* n: answers wanted, at least 1 */
    size_t text_bytes; /* of all turns */
    size_t user_bytes; /* of the last user turn */
    uint32_t turns;
    uint32_t user_turns;
    uint32_t words; /* of the sample */
    uint32_t sentences;
    uint32_t questions; /* question marks */
    uint32_t digits;
    uint32_t operators; /* + - * / = < > between numbers or names */
    uint32_t code_fences;
    uint32_t code_marks; /* braces, semicolons at line ends, arrows, indented lines */
    uint32_t lines;
    uint32_t list_items;
    uint32_t constraints; /* must, at least, exactly, without, only ... */
    uint32_t tools;
    uint32_t tool_results;
    uint32_t images;
    uint32_t steps; /* then, finally, after that ... */
    uint32_t reasoning_words;
    uint32_t science_words;
    uint32_t math_words;
    uint32_t number_words;
    uint32_t quantity_words;
    uint32_t english_words;
    uint32_t code_words;  /* words and names that only programmers use, weighted */
    uint32_t options;     /* lines "A. ...", "B) ..." */
    uint32_t numbers;     /* runs of digits */
    uint32_t formulas;    /* TeX: $, backslash, ^ */
    uint32_t list_commas; /* most commas in one sentence that follows a colon or a question mark */
    uint32_t last_or;     /* offset of the last "or"; 0: none */
    uint32_t blank_lines;
    uint32_t long_line_bytes; /* of lines that read like a passage */
    uint32_t quoted_bytes;
    uint32_t fenced_bytes;  /* inside fences and on lines of code */
    uint32_t first_line;    /* bytes of the first line that is not blank */
    uint32_t last_line;     /* offset of the last such line */
    uint32_t last_sentence; /* offset */
    uint32_t seldom_marks;  /* blocks with any of = < > or of marks that have no kind */
    uint32_t beyond_ascii;  /* bytes */
    bool json_wanted;
    bool completion; /* plain text completion, not a chat */
    bool suffix;     /* fill in the middle */
    bool starts_in_code;
    bool ends_in_code;
    bool ends_in_question;
    bool in_tool_loop; /* the last turn is a tool's result */
    int language;
    capability_set needs;
    struct word_hits hits;
    struct looked_up looked_up;
    struct found_phrases found;
    /* The sampled plain text, lower-cased (ASCII) where it was read: [0, user_len) of the last user
       turn, the rest of its surroundings; where a system prompt is remembered, its text is not
       there. Zeros follow, so that whole blocks may be read, and a word behind them. */
    size_t sampled_bytes; /* of the JSON texts that the sample stands for */
    size_t user_turn;     /* index of the message that the sample begins with */
    size_t user_len;
    size_t sample_len;
    char sample[FEATURES_TEXT_MAX + FEATURES_PADDING + 8];
};

void features_extract(const struct chat *chat, struct features *features);
/* The same of the chat as if the plain text of its last user turn were another one: `change` works
   on its sample in place and returns its new length, which is never more. */
typedef size_t (*features_change)(char *text, size_t len, void *context);
void features_extract_changed(const struct chat *chat, features_change change, void *context,
                              struct features *features);

#endif
