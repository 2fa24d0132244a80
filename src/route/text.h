/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the sampled text: counts for features, and the words that the vocabulary knows with
 * where they stand. text.c goes from block to block, hits.c over the words of one, lines.c looks at
 * each line. Inside the layer only.
 */
#ifndef SLUICE_ROUTE_TEXT_H
#define SLUICE_ROUTE_TEXT_H

#include "route/features.h"
#include "route/scan.h"
#include "route/vocabulary.h"

/* Bytes by class of what was scanned: tokens are estimated from them. */
struct byte_counts {
    size_t bytes;
    size_t words;
    size_t letters; /* all word bytes but digits and other scripts */
    size_t digits;
    size_t high;
    size_t marks; /* neither words nor blanks */
    size_t newlines;
};

/* The last hits are kept for the end of the text, where the request often stands. */
#define HITS_ANYWHERE (FEATURES_HITS_MAX - 64)
#define HITS_AMPLE (HITS_ANYWHERE - WORDS_MAX) /* as long as there are no more than these */
#define WORDS_MAX 60
#define WORDS_BLOCKS_MAX 16
#define WORDS_ROOM (WORDS_MAX + 16) /* they are read several at once */

/* Words of one or more blocks, one after the other; masks as told in words.h. */
struct words {
    uint64_t looked_up; /* whose places below are in the same order */
    uint64_t start;     /* they begin a sentence */
    uint64_t clause;    /* ... or a clause */
    uint64_t quoted;
    uint64_t code;    /* on lines of code */
    uint64_t passage; /* on lines like a passage's */
    unsigned all;
    unsigned blocks;
    unsigned listed; /* words of the user's turn before these */
    bool unlisted;   /* features->looked_up is no whole list of them */
    /* Of those to look up, written where they are judged, in features->looked_up: */
    uint64_t *lows; /* first halves of their keys */
    uint16_t *offsets;
    uint8_t *lengths;
    struct {
        uint64_t starts; /* in the block, of the words to look up */
        uint64_t ends;
        size_t base;
    } block[WORDS_BLOCKS_MAX];
    /* Written where they are judged: */
    uint16_t ids[WORDS_ROOM]; /* WORD_UNKNOWN for those that the vocabulary does not have */
    uint8_t kinds[WORDS_ROOM];
};

struct text_scan {
    struct features *features;
    const struct vocabulary *vocabulary;
    struct byte_counts counts;
    uint64_t tallies;     /* of known words by the flags that are counted, a byte each */
    unsigned tally_words; /* at most so many words are in them */
    uint32_t tallied[WORD_TALLIES];
    uint8_t region; /* PLACE_SYSTEM, PLACE_EARLIER or 0: for each word of it */
    size_t start;   /* of the region */
    size_t end;
    size_t bytes_skipped; /* of the middle of long texts, of all regions */
    bool in_middle;
    bool word_open;           /* the block begins within a word */
    bool sentence_open;       /* a sentence has ended and no word has followed */
    bool clause_open;         /* the same of a clause */
    bool polite_open;         /* polite words have begun a sentence: the next one begins it too */
    bool quoted;              /* state at the block's start; reset by each line */
    uint32_t sentence_commas; /* in the sentence so far */
    bool after_colon;         /* it follows a colon or a question mark */
    uint16_t word_index;      /* of the first of `words`; words that were passed over count */
    uint16_t negation;        /* index of the last negating word of the clause + 1; 0: none */
    uint16_t begin;  /* index of the last known word that begins a sentence, politely or not */
    bool refused;    /* the sentence begins with what is not to be done: "no need to ..., ..." */
    uint16_t follow; /* frequent words are kept up to this index */
    size_t line_start;
    uint32_t line_hits;  /* hits before the line, as far as they are judged */
    unsigned line_words; /* those of `words` before it */
    uint32_t line_marks; /* code punctuation on the line so far */
    uint32_t line_formulas;
    bool line_quotes; /* a quote or backtick on the line so far */
    bool fenced;
    bool last_line_code;
    struct words words;
};

/* 64 bytes of the sample, or fewer where the last word would be cut. */
struct block {
    size_t base;
    struct block_masks masks;
    bool marked;       /* masks.of is filled in */
    uint64_t stops;    /* ends of sentences: . ! ? : before a blank */
    uint64_t commas;   /* , ; */
    uint64_t newlines; /* end sentences too */
    uint64_t quotes;
    uint64_t quoted;          /* bytes within them */
    uint64_t starts;          /* of words */
    uint64_t ends;            /* the first bytes behind them, in the same order */
    uint64_t sentence_starts; /* words that begin a sentence */
    uint64_t clause_starts;
};

/* What most blocks do not need is done in functions of its own, so that the loop over blocks stays
   short. */
#define SELDOM __attribute__((noinline))
#define ALWAYS inline __attribute__((always_inline))

/* Scans [start, end) of the sample; adds to features and hits. The 64 bytes after `end` must be
   readable and are not part of the text. */
void text_scan_init(struct text_scan *scan, struct features *features);
void text_scan_region(struct text_scan *scan, size_t start, size_t end, uint8_t region);
/* hits.c: the next words are listed behind those `count`. */
void words_list(struct text_scan *scan, size_t count);
/* hits.c: adds what `tallies` count to `tallied`. */
void text_tallies_settle(struct text_scan *scan);
/* Writes what was counted over all regions to the features. */
void text_scan_finish(struct text_scan *scan);

/* hits.c: keeps those of scan->words that count and notes what they mean to later ones. `base` is
   the last block's. */
void words_judge_narrow(struct text_scan *scan, size_t base);
#ifdef __SSE2__
void words_judge_wide(struct text_scan *scan, size_t base);
#endif
/* Is a quote open after each byte? One bit per byte; a line's end closes it, so one stray mark does
   not turn the rest around. */
uint64_t quotes_open(uint64_t marks, uint64_t newlines, bool open_before);

/* lines.c: what the line [scan->line_start, end) is; called at each line's end. */
void line_end(struct text_scan *scan, size_t end);

#endif
