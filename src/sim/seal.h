/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: what providers give with a thought or a call and want back unchanged (Anthropic's
 * signatures and redacted data, OpenAI's encrypted reasoning, Gemini's thought signatures). Made
 * of what they belong to, with a check of their own, so that a lost or altered one is seen.
 */
#ifndef SLUICE_SIM_SEAL_H
#define SLUICE_SIM_SEAL_H

#include "base/slice.h"

#define SIM_SEAL_SIZE 64

/* Writes the seal of a text, NUL-terminated. */
void sim_seal(struct slice of, char *seal);
/* Is it the seal of anything? */
bool sim_seal_sound(struct slice seal);
/* Is it the seal of this text? */
bool sim_seal_fits(struct slice seal, struct slice of);

#endif
