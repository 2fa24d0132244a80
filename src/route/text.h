/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the sampled text: counts for features, and the words that the vocabulary knows with
 * where they stand. Inside the layer only.
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

struct text_scan {
    struct features *features;
    const struct vocabulary *vocabulary;
    struct byte_counts counts;
    uint32_t flag_counts[WORD_FLAGS]; /* of WORDS_COUNTED, by bit */
    uint8_t region;                   /* PLACE_SYSTEM, PLACE_EARLIER or 0: for each word of it */
    size_t start;                     /* of the region */
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
    uint16_t word_index;      /* of the first word that ends in the block */
    uint16_t negation;        /* index of the last negating word + 1; 0: none */
    size_t negation_offset;
    size_t last_clause; /* offset of the last word before the block that begins a clause */
    uint16_t begin;     /* index of the last known word that begins a sentence, politely or not */
    bool refused;       /* the sentence begins with what is not to be done: "no need to ..., ..." */
    uint16_t follow;    /* frequent words are kept up to this index */
    size_t line_start;
    uint32_t line_hits;  /* hits before the line */
    uint32_t line_marks; /* code punctuation on the line so far */
    uint32_t line_formulas;
    bool line_quotes; /* a quote or backtick on the line so far */
    bool fenced;
    bool last_line_code;
};

/* Scans [start, end) of the sample; adds to features and hits. The 64 bytes after `end` must be
   readable and are not part of the text. */
void text_scan_init(struct text_scan *scan, struct features *features);
void text_scan_region(struct text_scan *scan, size_t start, size_t end, uint8_t region);
/* Writes what was counted over all regions to the features. */
void text_scan_finish(struct text_scan *scan);
/* lines.c: what the line [scan->line_start, end) is; called at each line's end. */
void line_end(struct text_scan *scan, size_t end);

#endif
