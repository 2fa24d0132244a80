/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals of a simulated provider: what vendors say with each status, and answers that are no
 * answers (HTML, plain text, an error in a 200, a redirect).
 */
#ifndef SLUICE_SIM_REFUSAL_H
#define SLUICE_SIM_REFUSAL_H

#include "sim/dialect.h"

/* Writes the refusal that the reply's behaviours ask for; false: none of them does. */
MUST_USE bool sim_refuse(struct sim_reply *reply, const struct sim_dialect *dialect,
                         uint64_t prompt_tokens);
/* What vendors say with this status. */
void sim_refuse_status(struct sim_reply *reply, const struct sim_dialect *dialect, int status);
void sim_refuse_plain(struct sim_reply *reply, const struct sim_dialect *dialect, int status,
                      struct slice code, struct slice text);

#endif
