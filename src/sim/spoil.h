/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours that change a finished reply before it is framed: its size, its bytes, its pauses.
 */
#ifndef SLUICE_SIM_SPOIL_H
#define SLUICE_SIM_SPOIL_H

#include "sim/reply.h"

/* Applies those of reply->behaviours, in a fixed order. Times are in real microseconds. */
void sim_spoil(struct sim_reply *reply, uint32_t time_divisor);
/* Drops the pieces behind event `events` of a stream. */
void sim_spoil_after(struct sim_reply *reply, uint32_t events);

#endif
