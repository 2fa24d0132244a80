/* SPDX-License-Identifier: Apache-2.0 */
#include "model/token_ranks.h"

#include "base/embed.h"

EMBED(ranks_cl100k, "data/tokens/cl100k_base.ranks");
EMBED(ranks_o200k, "data/tokens/o200k_base.ranks");

struct slice token_ranks_cl100k(void)
{
    return EMBEDDED(ranks_cl100k);
}

struct slice token_ranks_o200k(void)
{
    return EMBEDDED(ranks_o200k);
}
