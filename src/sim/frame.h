/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a reply into HTTP/1.1, sound or broken as its behaviours say, and cuts it short where they
 * say so. Pure.
 */
#ifndef SLUICE_SIM_FRAME_H
#define SLUICE_SIM_FRAME_H

#include "sim/reply.h"
#include "sim/script.h"

struct sim_frame_request {
    bool keep_alive; /* what the request allows */
    bool http10;     /* it came as HTTP/1.0: no chunks */
    bool head;       /* HEAD: no body */
};

/* One reference; NULL: out of memory. Changes the reply (transformations happen in place). */
MUST_USE struct sim_script *sim_frame(struct sim_reply *reply,
                                      const struct sim_frame_request *request);

#endif
