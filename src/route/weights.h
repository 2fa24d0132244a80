/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was learned from labelled outcomes, and what it says of a text. A head is one question:
 * "is the text of this task?", "will this model's answer be right?", "is this answer of the model
 * right?". Each has a linear model over the text's vector, the average it was trained on, and which
 * words it has seen: a text that does not look like what it was trained on gets the average, whole
 * tags apart (see tag_offset). A text with a tag that the head has not seen moves from the average
 * only as far as texts of tags held back showed that it may (see transfer). Immutable once made or
 * read; any thread.
 *
 * The file: a header with a checksum, then arrays in the machine's order (little endian only);
 * nothing in it is believed before it was checked. Weights of buckets are one byte each with a
 * scale per head.
 */
#ifndef SLUICE_ROUTE_WEIGHTS_H
#define SLUICE_ROUTE_WEIGHTS_H

#include "base/buf.h"
#include "base/error.h"
#include "model/task.h"
#include "route/share.h"
#include "route/vector.h"

struct target;

#define WEIGHTS_HEADS_MAX 96u
#define WEIGHTS_TAGS_MAX 65536u
#define WEIGHTS_SAMPLE_MAX 1536u
#define WEIGHTS_NAME_SIZE 96u /* with the NUL */
#define WEIGHTS_BYTES_MAX ((size_t)64 << 20)

enum head_kind {
    HEAD_TASK,   /* name: a task's identifier */
    HEAD_MODEL,  /* name: a model; before the call */
    HEAD_ANSWER, /* name: a model; its answer was read */
    HEAD_KINDS
};

/* What is counted in an answer, beside the prompt's vector. */
enum answer_mark {
    ANSWER_SUMS_RIGHT,
    ANSWER_SUMS_WRONG,
    ANSWER_HAS_WRONG_SUM,
    ANSWER_HAS_NO_SUM,
    ANSWER_ENDS_IN_ITS_RESULT, /* the last number is what the last sum gave */
    ANSWER_SIZE_OF_NUMBER,
    ANSWER_HAS_FRACTION,
    ANSWER_LENGTH, /* relative to the prompt's */
    ANSWER_MARKS
};
void answer_marks(struct slice prompt, struct slice answer, float marks[ANSWER_MARKS]);

#define HEAD_DENSE (VECTOR_SHAPES + ANSWER_MARKS)
#define HEAD_SEEN 1 /* bit of a bucket that several training texts have */
struct head {
    char name[WEIGHTS_NAME_SIZE];
    uint32_t kind;  /* enum head_kind */
    uint32_t rows;  /* it was trained on */
    float average;  /* log odds of success among them */
    float bias;
    float bucket_scale;
    float coverage; /* median share of a training text's buckets that others have, too */
    float means[HEAD_DENSE];
    float scales[HEAD_DENSE]; /* one by the deviation; 0: not used */
    float dense[HEAD_DENSE];
    int8_t buckets[VECTOR_BUCKETS]; /* weights, even, and HEAD_SEEN */
};

/* How much better or worse a model does on texts that carry a tag than their words let expect. */
struct tag_offset {
    uint64_t tag; /* hash_stable() of its text */
    uint32_t head;
    uint32_t rows;
    float offset;  /* to the text's log odds */
    float average; /* log odds without a text */
};

struct weights {
    struct head *heads;
    uint32_t head_count;
    struct tag_offset *tags; /* by tag, then by head */
    uint32_t tag_count;
    /* Rows as weights that did not see them scored them: by row, then by head; rows by tag. */
    float *sample_scores;    /* log odds of their texts */
    float *sample_strangers; /* the same by weights that saw no row of their tags */
    float *sample_outcomes;  /* 0..1; negative: not known */
    uint64_t *sample_tags;   /* by row; 0: none */
    /* By head: how much of what a text says holds where its tag was never seen, 0..1; 1 where no
     * row had a tag. */
    float *transfer;
    uint32_t sample_count;
};

void weights_release(struct weights *weights); /* of zeroed ones too */
/* Index of the head, or WEIGHTS_NO_HEAD. */
#define WEIGHTS_NO_HEAD UINT32_MAX
uint32_t weights_find(const struct weights *weights, enum head_kind kind, struct slice name);
/* By the target's name, else its model's. */
uint32_t weights_find_target(const struct weights *weights, enum head_kind kind,
                             const struct target *target);

/* A text for which heads are asked. */
struct weights_question {
    const struct text_vector *vector;
    const float *marks; /* of the answer; NULL: none was read */
    uint64_t tag;       /* 0: none */
    /* What is known of the tag is not asked; only whether it was ever seen. */
    bool tag_withheld;
};
/* 0..1: how much the text looks like what the head was trained on. */
double head_familiarity(const struct head *head, const struct text_vector *vector);
/* Log odds from the text alone, as if it were familiar. */
double head_text_score(const struct head *head, const struct weights_question *question);
/* Probability of success: text, tag and familiarity put together. Where the head has not seen the
 * tag, `transfer` of the way from its average to what the text says. */
double weights_success(const struct weights *weights, uint32_t head,
                       const struct weights_question *question);
/* Probabilities of all tasks, rare ones counted for more; the most probable one. `prior`: what was
 * known of the text before (text_model.h), or NULL. Of the tasks that have heads both have their
 * say; the others are as probable as the prior says. TASK_OTHER without heads and prior. */
enum task weights_task(const struct weights *weights, const struct text_vector *vector,
                       const float *prior, float probabilities[TASK_COUNT]);
const struct tag_offset *weights_tag(const struct weights *weights, uint64_t tag, uint32_t head);

/* What held-back rows would have got: does choosing by the scores beat the better single model on
 * them, by more than two standard errors? Where no tag is said the text may be of a kind that was
 * never seen: then choosing has to pay, too, on rows whose whole tags were held back. */
struct weights_pair {
    uint32_t rows; /* that know both */
    bool pays;
    bool strong_is_better; /* on average over them; without any, by the heads' averages */
};
/* `tagged`: with the offsets of their tags. The scores
 * are learned by the dial, unless it is NULL.
 */
void weights_pair_read(const struct weights *weights, uint32_t weak, uint32_t strong, bool tagged,
                       struct share_dial *dial, struct weights_pair *ret_pair);

/* --- files --- */

/* Appends the file's bytes. */
MUST_USE bool weights_write(const struct weights *weights, struct buf *out);
/* Errors: "bad_weights" (what is wrong with the file), "newer_weights", "no_memory". */
MUST_USE bool weights_read(struct slice bytes, struct weights *ret_weights, struct error *error);

#endif
