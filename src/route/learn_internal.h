/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of learning share. */
#ifndef SLUICE_ROUTE_LEARN_INTERNAL_H
#define SLUICE_ROUTE_LEARN_INTERNAL_H

#include "route/learn.h"
#include "route/linear.h"

#include <stdlib.h>

#define LEARN_FOLDS 3u     /* for what is judged on rows held back */
#define LEARN_DIVISIONS 3u /* of tags into folds, where transfer is learned */

/* The work in hand: all rows, and the labels of one head. */
struct learning {
    const struct learn_set *set;
    const uint8_t *use;
    struct linear_rows rows;     /* .dense: standardised for the head in hand */
    float *shapes;               /* as read, by row */
    float *marks;                /* of answers of the head in hand, by row */
    struct linear_label *labels; /* of the head in hand */
    size_t label_count;
    float *scores;                   /* of labelled rows, held back, log odds, by row */
    float *strangers;                /* the same, with all rows of their tags held back */
    float *moves;       /* what their texts said then, as a probability, less the average */
    unsigned divisions; /* .moves are means over so many; 0: they are not wanted */
    struct linear_weights *weights;
};

/* False: out of memory; release it anyway. */
MUST_USE bool learning_begin(struct learning *learning, const struct learn_set *set,
                             const uint8_t *use);
void learning_release(struct learning *learning);
/* The target of one row for a head of this kind; `subject` is a task or a model. False: none. */
MUST_USE bool learning_outcome(const struct learn_row *row, enum head_kind kind, uint32_t subject,
                               float *ret_target);
/* Takes a head in hand. */
void learning_label(struct learning *learning, enum head_kind kind, uint32_t subject);
/* Trains it from its labels; its scores are then those of rows held back. */
MUST_USE bool learning_head(struct learning *learning, struct head *head);

/* One head to be, with the labels it would have. */
struct candidate {
    enum head_kind kind;
    uint32_t subject; /* task or model */
    uint32_t tags;    /* that have enough labelled rows to be learned */
    float *moves;     /* as in struct learning; NULL: they were not wanted */
};
/* The target of a row for a head to be; false: it has none. */
MUST_USE bool learning_target(const struct learning *learning, const struct candidate *candidate,
                              uint32_t row, float *ret_target);

struct keyed_row {
    uint64_t key;
    uint32_t row;
};

/* Rows that have tags, by tag. */
struct tagged_rows {
    const struct learning *learning;
    const struct keyed_row *rows;
    size_t count;
};
/* Are they enough to learn from whole tags held back? See learn_transfer.c. */
bool transfer_is_learned(uint32_t tags);
/* Writes the transfer of each head. False: out of memory. */
MUST_USE bool transfer_learn(const struct tagged_rows *tagged, const struct candidate *candidates,
                             uint32_t head_count, float *ret_transfer);

#endif
