/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's result for people and as JSON. Pure arithmetic on what was measured. */
#ifndef SLUICE_CLI_DEMO_TEXT_H
#define SLUICE_CLI_DEMO_TEXT_H

#include "cli/demo_load.h"
#include "model/price.h"

void demo_text_begin(bool json, struct buf *out);
void demo_text_write(bool json, const struct demo_fleet *fleet, const struct demo_result *result,
                     bool more, struct buf *out);
void demo_text_end(bool json, struct buf *out);

/* The price of a target of the workload as it was in force. */
struct price demo_target_price(const struct demo_fleet *fleet, size_t target);
/* What all tokens of the result would have cost at one target. */
int64_t demo_cost_at(const struct demo_fleet *fleet, const struct demo_result *result,
                     size_t target);
/* Share saved in basis points (9166: 91.66 %); 0 when the baseline is 0. */
int64_t demo_saved_bp(int64_t baseline_nd, int64_t cost_nd);
/* Is the target of the premium tier at its price? Cheap ones are all others. */
bool demo_is_premium(const struct demo_fleet *fleet, size_t target);

#endif
