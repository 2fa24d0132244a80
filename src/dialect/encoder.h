/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What encoders remember from frame to frame. The dialects' encoders are rows of functions over
 * this one state; it owns copies of everything that outlives a frame. A dialect that must remember
 * more begins a struct of its own with this one and makes it with encoder_make().
 */
#ifndef SLUICE_DIALECT_ENCODER_H
#define SLUICE_DIALECT_ENCODER_H

#include "dialect/decoder.h"
#include "dialect/dialect.h"

/* A call that the client was told of: which ones still lack arguments when the choice ends? */
struct encoder_call {
    uint32_t choice;
    uint32_t index;
    bool has_arguments;
};

struct encoder {
    struct buf call_id; /* plain */
    struct buf model;   /* plain: until the answer names its own */
    int64_t created_s;
    bool include_usage;
    enum operation operation;
    struct buf prefix;                        /* the bytes that begin every chunk */
    uint64_t began[DECODER_CHOICES_MAX / 64]; /* choices whose first chunk was written */
    struct usage usage;
    bool has_usage;
    bool over; /* the terminal bytes or an error were written */
    struct encoder_call *calls;
    size_t call_count;
    size_t call_cap;
};

/* `size` zeroed bytes that begin with the shared state. NULL: out of memory. */
struct encoder *encoder_make(size_t size, const struct answer_head *head);
/* encoder_make() for the shared state alone. */
struct encoder *encoder_new(const struct answer_head *head);
/* NULL-safe. */
void encoder_free(struct encoder *e);
/* The name of what such an event tells, for struct dialect's `unsaid`; NULL ptr: nothing that a
   client could miss. */
struct slice encoder_unsaid(const struct event *event);
/* True the first time it is asked about this choice. */
bool encoder_begin_choice(struct encoder *e, uint32_t choice);
/* The call that began; false: out of memory. */
MUST_USE bool encoder_begin_call(struct encoder *e, const struct event *event);
void encoder_note_arguments(struct encoder *e, const struct event *event);

#endif
