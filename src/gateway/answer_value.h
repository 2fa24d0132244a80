/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kept answer as bytes: a version, when it was made, its usage, names, then the body as the
 * client got it. In this process's memory and in Redis, where other versions of the program may
 * read it: what is not of this version, or ends early, is no answer. Little endian. Pure.
 */
#ifndef SLUICE_GATEWAY_ANSWER_VALUE_H
#define SLUICE_GATEWAY_ANSWER_VALUE_H

#include "base/buf.h"
#include "model/usage.h"

#define ANSWER_NAMES 3       /* target, provider, model */
#define ANSWER_NAME_MAX 1024 /* bytes of each, and of the content type; longer ones: not kept */
#define ANSWER_HEAD_MAX ((size_t)8192)

struct answer_value {
    int64_t made_wall_ns;
    struct usage usage;
    struct slice content_type;
    struct slice names[ANSWER_NAMES];
    struct slice body;
};

/* Appends. False: a name is too long, or no memory. */
MUST_USE bool answer_value_write(const struct answer_value *value, struct buf *out);
/* Slices point into the bytes. */
MUST_USE bool answer_value_read(struct slice bytes, struct answer_value *ret_value);

#endif
