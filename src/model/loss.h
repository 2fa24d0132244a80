/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a translation could not carry: names of members (JSON pointers or member names from literals
 * or the request), bounded and without doubles. It goes to x-sluice-loss and the ledger; under
 * `strict` any loss is an error.
 */
#ifndef SLUICE_MODEL_LOSS_H
#define SLUICE_MODEL_LOSS_H

#include "base/slice.h"

#define LOSS_TEXT_MAX 256

struct loss {
    char text[LOSS_TEXT_MAX]; /* "logit_bias,messages.0.name": header-safe characters only */
    size_t len;
    unsigned count;
};

void loss_add(struct loss *loss, struct slice member);

#endif
