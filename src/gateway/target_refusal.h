/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A refusal with the words of the provider: does it speak of the request, which no other target
 * would take either, or of the model that was asked? The second is a failure of that target: the
 * next of the plan is tried. Pure.
 */
#ifndef SLUICE_GATEWAY_TARGET_REFUSAL_H
#define SLUICE_GATEWAY_TARGET_REFUSAL_H

#include "model/chat.h"

struct target_refusal {
    capability_set lacks; /* what the request asks for and the model cannot do, as it is told */
    bool no_model;        /* the provider has no such model */
};

/* `message` inner. */
struct target_refusal target_refusal_read(int status, struct slice message,
                                          const struct chat *chat);

#endif
