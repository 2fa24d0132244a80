/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the text model works out for all lanes at once: sums of rows, probabilities. With wide
 * vectors and without, to the bit alike: floats are added up in the same order. Inside the layer
 * only.
 */
#ifndef SLUICE_ROUTE_LANES_H
#define SLUICE_ROUTE_LANES_H

#include "route/text_model.h"

/* Scores of all lanes, and what share of the glance's words the training has seen. */
void lanes_score_narrow(const struct text_model *model, const struct glance *glance,
                        float scores[TEXT_LANES], float *ret_coverage);
/* Probabilities of tasks from their scores, zeros behind. Returns the first of the best. */
enum task lanes_soften_narrow(const float scores[TEXT_LANES], float tasks[TEXT_LANES]);

#ifdef __SSE2__
void lanes_score_wide(const struct text_model *model, const struct glance *glance,
                      float scores[TEXT_LANES], float *ret_coverage);
enum task lanes_soften_wide(const float scores[TEXT_LANES], float tasks[TEXT_LANES]);
#endif

#endif
